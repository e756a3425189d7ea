import { PlanError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import type { Committable, Sink, SinkContext, SinkSpec, SinkWriter } from "../../core/sink.ts";
import type { FileFormat } from "./file-format.ts";
import { FileSinkWriter } from "./file-sink-writer.ts";
import { FileTarget, finishedFiles, type Overwrite } from "./file-target.ts";

export interface FileSinkOptions {
  readonly path: string;
  /** Default "error". */
  readonly overwrite?: Overwrite;
  /** Columns whose values name directories (`year=2020`) instead of standing in the files. */
  readonly partitionBy?: readonly string[];
}

/**
 * Writes files of one format, which appear all at once when the job has succeeded (see FileTarget).
 * A path with the format's extension is one file, written by one subtask; any other path is a directory with a file per
 * subtask and partition.
 * @throws {PlanError} TARGET_EXISTS, APPEND_TO_FILE, PARTITION_INVALID, SINGLE_FILE_PARALLEL.
 */
export class FileSink implements Sink {
  readonly spec: SinkSpec & FileSinkOptions;
  /** True where only one subtask may write. */
  readonly isSingleFile: boolean;
  readonly isOneRun = true;
  readonly #format: FileFormat;
  readonly #target: FileTarget;
  readonly #host: Host;
  #jobId: string | undefined;

  constructor(spec: SinkSpec & FileSinkOptions, format: FileFormat, host: Host) {
    this.spec = spec;
    this.#format = format;
    this.#host = host;
    this.#target = new FileTarget(host, spec.path, spec.overwrite ?? "error", format.singleFileExtensions);
    this.isSingleFile = this.#target.isSingleFile;
    const { partitionBy = [] } = spec;
    if (!Array.isArray(partitionBy) || new Set(partitionBy).size < partitionBy.length) {
      throw new PlanError("PARTITION_INVALID", "partitionBy names a column twice.", "Give a list of column names.");
    }
    if (this.isSingleFile && partitionBy.length > 0) {
      throw new PlanError(
        "PARTITION_INVALID",
        `"${spec.path}" is a single file, which has no partitions.`,
        "Write to a directory: a path without the extension of the format.",
      );
    }
  }

  get description(): string {
    const { partitionBy = [] } = this.spec;
    const by = partitionBy.length > 0 ? ` by ${partitionBy.join(", ")}` : "";
    return `${this.#format.name} ${this.#target.path}${by}`;
  }

  begin(jobId: string): void {
    this.#jobId = jobId;
    this.#target.begin(jobId);
  }

  createWriter(context: SinkContext): SinkWriter {
    if (this.isSingleFile && context.parallelism > 1) {
      throw new PlanError(
        "SINGLE_FILE_PARALLEL",
        `"${this.#target.path}" is a single file, and ${context.parallelism} subtasks would write it.`,
        "Set the parallelism of this sink to 1, or write to a directory.",
      );
    }
    const { partitionBy = [] } = this.spec;
    return new FileSinkWriter(context, this.#host.files, this.#target, this.#format, partitionBy);
  }

  commit(committables: readonly Committable[]): void {
    this.#target.commit(this.#job(), finishedFiles(committables));
  }

  abort(): void {
    this.#target.abort(this.#job());
  }

  #job(): string {
    if (this.#jobId === undefined) {
      throw new PlanError("SINK_NOT_BEGUN", "The sink was not begun.", "Call begin with the job's id first.");
    }
    return this.#jobId;
  }
}
