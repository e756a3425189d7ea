import { EngineError, ExternalError, PlanError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import type { Schema } from "../../core/schema.ts";
import type {
  Json,
  Source,
  SourceContext,
  SourceFactory,
  SourceSpec,
  SourceStatistics,
  Split,
  SplitEnumerator,
  SplitReader,
} from "../../core/source.ts";
import { formatType, sameType } from "../../core/types.ts";
import { expandPaths, type FoundFile } from "../files/paths.ts";

export type MonitoredFormat = "arrow" | "csv" | "json" | "parquet" | "text";

/** The options of the format stand in `read`, as its own source takes them, without `paths`. */
export interface FileMonitorSourceSpec extends SourceSpec {
  readonly kind: `monitor-${MonitoredFormat}`;
  /** Files, directories or glob patterns; nothing need be there yet where `read` has a schema. */
  readonly paths: string | readonly string[];
  readonly read?: Readonly<Record<string, unknown>>;
  /** How often to look; default 1000. */
  readonly intervalMs?: number;
  /**
   * When a file counts: "renamed", as soon as it is seen, for writers that rename finished files into place, or
   * "unchanged" (default), once size and time of change have stayed the same for one interval.
   */
  readonly complete?: "renamed" | "unchanged";
  /** Looks once, takes what is there as complete, and ends. */
  readonly once?: boolean;
  /** Of the source that reads the files, made on the planning thread. */
  readonly base?: SourceSpec;
}

/** What a format says of its source. */
export interface MonitoredReader {
  readonly source: SourceFactory;
  /** The options that stand for a layout which no file shows yet; undefined where one must be there. */
  emptyLayout(read: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined;
}

const DEFAULT_INTERVAL_MS = 1000;

export const fileMonitorSource =
  (reader: MonitoredReader): SourceFactory =>
  (spec, host) =>
    new FileMonitorSource(spec as FileMonitorSourceSpec, reader, host);

/**
 * Files of a directory or pattern as they turn up, those that changed first before the others. Each file is read once:
 * what is written to it later is not noticed. A file that was removed is forgotten, so that a later one of its name is
 * read, and what has to be remembered grows no further than the directory. Names that start with "." or "_" are skipped, as everywhere.
 * @throws {PlanError} OPTION_INVALID, FILE_SCHEMA_DIFFERS, and those of the format
 */
export class FileMonitorSource implements Source {
  readonly spec: FileMonitorSourceSpec;
  readonly schema: Schema;
  readonly statistics: SourceStatistics = {};
  readonly boundedness: "bounded" | "unbounded";
  /** One behind the other, so that they come in their order. */
  readonly openSplits = 1;
  readonly #reader: MonitoredReader;
  readonly #host: Host;
  readonly #base: Source;

  constructor(spec: FileMonitorSourceSpec, reader: MonitoredReader, host: Host) {
    const { intervalMs = DEFAULT_INTERVAL_MS, complete = "unchanged" } = spec;
    if (!(intervalMs > 0)) {
      throw new PlanError("OPTION_INVALID", `intervalMs is ${JSON.stringify(intervalMs)}.`, "It is a number above 0.");
    }
    if (spec.once !== undefined && typeof spec.once !== "boolean") {
      throw new PlanError("OPTION_INVALID", `once is ${JSON.stringify(spec.once)}.`, "It is true or false.");
    }
    if (complete !== "renamed" && complete !== "unchanged") {
      throw new PlanError(
        "OPTION_INVALID",
        `complete is ${JSON.stringify(complete)}.`,
        'It is "renamed" or "unchanged".',
      );
    }
    this.#reader = reader;
    this.#host = host;
    this.#base = reader.source(spec.base ?? this.#firstSpec(spec), host);
    this.spec = { ...spec, base: this.#base.spec };
    this.schema = this.#base.schema;
    this.boundedness = spec.once === true ? "bounded" : "unbounded";
  }

  get description(): string {
    const { paths, kind, once } = this.spec;
    const name = typeof paths === "string" ? paths : paths.join(", ");
    return `${kind.slice("monitor-".length)} ${name}${once === true ? "" : ", watched"}`;
  }

  /** Those that are there now. */
  splits(): readonly Split[] {
    return inOrder(filesOf(this.#host, this.spec.paths)).flatMap((file) => this.#splitsOf(file));
  }

  createEnumerator(): SplitEnumerator {
    const { once = false, intervalMs = DEFAULT_INTERVAL_MS, complete = "unchanged", paths } = this.spec;
    const taken = new Set<string>();
    let present = new Set<string>();
    let before = new Map<string, string>();
    return {
      ...(once ? {} : { intervalMs }),
      discover: () => {
        const all = filesOf(this.#host, paths);
        // A look that finds nothing forgets nothing: it may be a file system that is not mounted for the moment.
        if (all.length > 0) {
          present = new Set(all.map(({ path }) => path));
          for (const path of taken) if (!present.has(path)) taken.delete(path);
        }
        const found = all.filter(({ path }) => !taken.has(path));
        const ready =
          once || complete === "renamed" ? found : found.filter(({ path, version }) => before.get(path) === version);
        before = new Map(found.map(({ path, version }) => [path, version]));
        for (const { path } of ready) taken.add(path);
        return inOrder(ready).flatMap((file) => this.#splitsOf(file));
      },
      isGone: (path) => present.size > 0 && !present.has(path),
    };
  }

  openSplit(split: Split, context: SourceContext, offset?: Json): SplitReader {
    return this.#base.openSplit(split, context, offset);
  }

  withColumns(columns: readonly string[]): FileMonitorSource {
    return new FileMonitorSource({ ...this.spec, base: { ...this.#base.spec, columns } }, this.#reader, this.#host);
  }

  #splitsOf(file: FoundFile): readonly Split[] {
    const source = this.#reader.source({ ...this.#base.spec, paths: [file.path] }, this.#host);
    this.#checkColumns(file);
    return source.splits().map((split) => (split.id === file.path ? split : { ...split, unit: file.path }));
  }

  /** Formats whose files name their types: a file of other types must not pass for one of these. */
  #checkColumns(file: FoundFile): void {
    const format = this.spec.kind.slice("monitor-".length);
    if (format !== "parquet" && format !== "arrow") return;
    const { schema } = this.#reader.source({ ...this.spec.read, kind: format, paths: [file.path] }, this.#host);
    for (const { name, type } of this.schema.fields) {
      const found = schema.has(name) ? schema.typeOf(name) : undefined;
      if (found !== undefined && sameType(found, type)) continue;
      throw new PlanError(
        "FILE_SCHEMA_DIFFERS",
        `Column "${name}" is ${formatType(type)} in the stream and ${found === undefined ? "missing" : formatType(found)} in "${file.path}".`,
        "Keep such files out of the directory, or read them as another stream.",
      );
    }
  }

  #firstSpec({ kind, paths, read = {} }: FileMonitorSourceSpec): SourceSpec {
    const own = { ...read, kind: kind.slice("monitor-".length) };
    const [first] = inOrder(filesOf(this.#host, paths));
    // One file is enough to find columns in; the others are looked at when their turn comes.
    if (first !== undefined) return { ...own, paths: [first.path] };
    const layout = this.#reader.emptyLayout(read);
    if (layout !== undefined) return { ...own, ...layout, paths };
    throw new PlanError(
      "FILES_NONE_MATCH",
      `No file matches ${JSON.stringify(paths)} yet, so its columns are unknown.`,
      "Give a schema, or put a first file there.",
    );
  }
}

/** None where nothing is there yet. */
function filesOf(host: Host, paths: string | readonly string[]): FoundFile[] {
  try {
    return expandPaths(host.files, paths);
  } catch (thrown) {
    const { code } = thrown instanceof EngineError ? thrown : { code: "" };
    if (code === "FILES_NONE_MATCH" || (code === "FILE_NOT_FOUND" && thrown instanceof ExternalError)) return [];
    throw thrown;
  }
}

const inOrder = (files: readonly FoundFile[]): FoundFile[] =>
  [...files].sort((a, b) => (a.modifiedMs ?? 0) - (b.modifiedMs ?? 0) || (a.path < b.path ? -1 : 1));
