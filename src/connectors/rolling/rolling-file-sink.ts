import { PlanError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import type { Committable, Sink, SinkContext, SinkFactory, SinkSpec, SinkWriter } from "../../core/sink.ts";
import type { FileFormat } from "../files/file-format.ts";
import type { BucketSpec } from "./buckets.ts";
import { PartFiles, preparedParts } from "./part-files.ts";
import { RollingFileWriter, type RollOptions } from "./rolling-file-writer.ts";

export type RollingFormat = "arrow" | "csv" | "json" | "parquet" | "text";

/** The options of the format stand beside these: `codec`, `delimiter`, `compression`, ... */
export interface RollingFileSinkSpec extends SinkSpec {
  readonly kind: `rolling-${RollingFormat}`;
  /** A directory; made where it is not there, added to where it is. */
  readonly path: string;
  readonly bucketBy?: BucketSpec;
  readonly roll?: RollOptions;
  /** The start of the names of files, letters and digits; default "part". */
  readonly prefix?: string;
}

/**
 * Files of a stream, that begin and end while it runs: `<bucket>/part-<job>-<subtask>-<number>.<extension>`.
 * A file becomes visible once it is closed and the checkpoint behind that is complete, or when the job has succeeded;
 * without checkpoints, when it is closed. So each row stands in one visible file, whatever crashes and restores happen.
 * @throws {PlanError} TARGET_EXISTS, PATH_INVALID, OPTION_INVALID
 */
export class RollingFileSink implements Sink {
  readonly spec: RollingFileSinkSpec;
  readonly #format: FileFormat;
  readonly #files: PartFiles;
  readonly #host: Host;
  /** Hidden directories of attempts that have told of them. */
  readonly #directories = new Set<string>();
  #attempt: string | undefined;

  constructor(spec: RollingFileSinkSpec, format: FileFormat, host: Host) {
    this.spec = spec;
    this.#format = format;
    this.#host = host;
    this.#files = new PartFiles(host, spec.path, spec.prefix ?? "part");
    for (const [name, limit] of Object.entries(spec.roll ?? {})) {
      if (limit === undefined || (typeof limit === "number" && limit > 0)) continue;
      throw new PlanError("OPTION_INVALID", `roll.${name} is ${JSON.stringify(limit)}.`, "It is a number above 0.");
    }
  }

  get description(): string {
    return `${this.#format.name} files in ${this.#files.path}`;
  }

  begin(jobId: string): void {
    this.#files.begin();
    this.#attempt = this.#files.attempt(jobId);
  }

  createWriter(context: SinkContext): SinkWriter {
    return new RollingFileWriter(context, this.#files, this.#format, this.spec);
  }

  commit(committables: readonly Committable[], isLast = true, isBranch = false): void {
    const prepared = preparedParts(committables).map((each) => ({ each, files: this.#filesOf(each.target, isBranch) }));
    for (const { each, files } of prepared) files.checkTarget(each);
    for (const { each, files } of prepared) {
      // What else is in the directory may be of the job that the savepoint was taken of, which may go on.
      if (!isBranch) this.#directories.add(each.directory);
      files.commit(each.parts);
    }
    if (!isLast) return;
    for (const directory of this.#directories) this.#files.removeHidden(directory);
  }

  /** What a savepoint holds was prepared for the target of the job that it was taken of. */
  #filesOf(target: string, isBranch: boolean): PartFiles {
    if (!isBranch || target === this.#files.path) return this.#files;
    return new PartFiles(this.#host, target, this.#files.prefix);
  }

  abort(_: readonly Committable[], kept: readonly Committable[] = []): void {
    if (this.#attempt === undefined) return;
    this.#files.abort(
      this.#attempt,
      preparedParts(kept).flatMap(({ parts }) => parts),
    );
  }

  forgetAttempts(jobIds: readonly string[]): void {
    for (const jobId of jobIds) this.#files.abort(this.#files.attempt(jobId), []);
  }
}

/** The sink for one of the formats of files. */
export const rollingSink =
  (formatOf: (spec: SinkSpec) => FileFormat): SinkFactory =>
  (given, host) =>
    new RollingFileSink(given as RollingFileSinkSpec, formatOf(given), host);
