import { checkedOptions, optionsOf, type SinkOptions } from "../api/options.ts";
import { type PostgresOptions, postgresSpec } from "../api/postgres-options.ts";
import type { Names } from "../api/selected-fields.ts";
import type { ArrowSinkSpec } from "../connectors/arrow/arrow-sink.ts";
import type { CsvSinkSpec } from "../connectors/csv/csv-sink.ts";
import type { JsonSinkSpec } from "../connectors/json/json-sink.ts";
import type { ParquetSinkSpec } from "../connectors/parquet/parquet-sink.ts";
import { keyOf, POSTGRES_OPTIONS } from "../connectors/postgres/postgres-options.ts";
import type { BucketSpec, EventTimeUnit } from "../connectors/rolling/buckets.ts";
import type { RollingFileSinkSpec } from "../connectors/rolling/rolling-file-sink.ts";
import type { RollOptions } from "../connectors/rolling/rolling-file-writer.ts";
import type { ReconnectPolicy } from "../connectors/socket/reconnecting.ts";
import { SocketSink, type SocketSinkSpec } from "../connectors/socket/socket-sink.ts";
import type { TextSinkSpec } from "../connectors/text/text-sink.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { type AcceptsColumns, Expression } from "../core/expressions/expression.ts";
import { columnNode } from "../core/expressions/node.ts";
import type { PathsIn } from "../core/expressions/symbols.ts";
import type { SinkSpec } from "../core/sink.ts";
import type { Fields } from "../core/types.ts";
import { DataStream } from "./data-stream.ts";
import { connectorSinkPlan, SINK_OPTIONS, type StreamSinkOptions } from "./sink-plans.ts";

declare module "./data-stream.ts" {
  interface DataStream<F extends Fields> {
    /** Prints each row as JSON to standard output, `label> {...}`; rows of a changelog with what they do (+I, -U, +U, -D). */
    print(label?: string, options?: StreamSinkOptions): DataStream<F>;
    /**
     * Files of a directory that begin and end while the stream runs. With `enableCheckpointing`, a file becomes visible
     * once the checkpoint behind it is complete, so that each row stands in one visible file whatever crashes and
     * restores there are. Without it, a file becomes visible when it is closed, and rows may stand in two after a restore.
     * @throws {PlanError} OPTION_INVALID, UPDATES_NOT_ACCEPTED
     * @example rides.writeToFiles("out/rides", { format: "parquet", roll: { ageMs: 600_000 }, bucketBy: { eventTime: "day" } })
     */
    writeToFiles<const B extends BucketChoice = BucketChoice>(
      path: string,
      options: RollingOptions & {
        readonly bucketBy?: B &
          (B extends string ? Names<F> : B extends Expression ? AcceptsColumns<B, PathsIn<F>> : unknown);
      },
    ): DataStream<F>;
    /**
     * Sends each row as a line to a server, as JSON or as the text of its only column; again after a restore or a lost
     * connection (at least once).
     * @throws {PlanError} OPTION_INVALID, UPDATES_NOT_ACCEPTED
     */
    writeToSocket(host: string, port: number, options?: SocketOutputOptions): DataStream<F>;
    /**
     * Writes rows to a table of a PostgreSQL server. With `enableCheckpointing`, those of a checkpoint and the note that
     * it is committed are one transaction of the server: each row is there once, whatever crashes and restores there are.
     * Without it, all rows come when the input ends.
     * @throws {PlanError} OPTION_INVALID, UPDATES_NOT_ACCEPTED for a changelog in the mode "insert"
     * @example totals.writeToPostgres({ connection, table: "totals", mode: "upsert", key: "word", uid: "totals" })
     */
    writeToPostgres<const K extends Names<F> = Names<F>, const C extends Names<F> = Names<F>>(
      options: PostgresOutputOptions<K, C>,
    ): DataStream<F>;
    /** Counts the rows in the metric `rowsDropped` and keeps none: for measurements. */
    blackhole(options?: StreamSinkOptions): DataStream<F>;
  }
}

/**
 * Into which directory below the target a row goes: by a column or expression (`name=value`), or by the event time of
 * the row in UTC (`2026-01-31`, or `name=2026-01-31`).
 */
export type BucketChoice =
  | string
  | Expression
  | { readonly eventTime: EventTimeUnit; readonly name?: string }
  | { readonly by: Expression; readonly name: string };

export type RollingOptions = StreamSinkOptions & {
  /** When a file is closed and the next one begins, beside checkpoints; default: there alone. */
  readonly roll?: RollOptions;
  /** The start of the names of files, letters and digits; default "part". */
  readonly prefix?: string;
} & (
    | { readonly format: "text"; readonly write?: FormatOptions<TextSinkSpec> }
    | { readonly format: "csv"; readonly write?: FormatOptions<CsvSinkSpec> }
    | { readonly format: "json"; readonly write?: FormatOptions<JsonSinkSpec> }
    | { readonly format: "parquet"; readonly write?: FormatOptions<ParquetSinkSpec> }
    | { readonly format: "arrow"; readonly write?: FormatOptions<ArrowSinkSpec> }
  );

/** Options of the method that writes such files from a dataset, as far as they are about the format. */
type FormatOptions<S> = Omit<SinkOptions<S>, "overwrite" | "partitionBy">;

export interface SocketOutputOptions extends StreamSinkOptions {
  /** "json" (default): an object per row; "text": the only column as it is. */
  readonly format?: "json" | "text";
  readonly reconnect?: ReconnectPolicy;
}

/** `K` and `C` are columns of the stream. */
export type PostgresOutputOptions<K extends string = string, C extends string = string> = StreamSinkOptions &
  PostgresOptions<K, C>;

const FORMATS = {
  text: "writeText",
  csv: "writeCsv",
  json: "writeJson",
  parquet: "writeParquet",
  arrow: "writeArrow",
} as const;
const ROLL_OPTIONS = ["bytes", "rows", "ageMs", "inactivityMs"];

DataStream.prototype.print = function print(this: DataStream, label = "", options: StreamSinkOptions = {}) {
  if (typeof label !== "string") {
    throw new PlanError("OPTION_INVALID", `print was given the label ${String(label)}.`, "It is a text.");
  }
  const spec = { kind: "print", ...(label === "" ? {} : { label }) };
  return written(this, spec, { ...ownOptions("print", options, []), isLocal: true });
};

DataStream.prototype.blackhole = function blackhole(this: DataStream, options: StreamSinkOptions = {}) {
  return written(this, { kind: "blackhole" }, ownOptions("blackhole", options, []));
};

DataStream.prototype.writeToSocket = function writeToSocket(
  this: DataStream,
  host: string,
  port: number,
  options: SocketOutputOptions = {},
) {
  const { format, reconnect } = checkedOptions("writeToSocket", options, ["format", "reconnect", ...SINK_OPTIONS]);
  if (reconnect !== undefined) checkedOptions("reconnect of writeToSocket", reconnect, ["maxRetries", "delayMs"]);
  const spec: SocketSinkSpec = {
    kind: "socket",
    host,
    port,
    ...(format === undefined ? {} : { format }),
    ...(reconnect === undefined ? {} : { reconnect }),
  };
  // Checked here, where the mistake is.
  new SocketSink(spec);
  return written(this, spec, ownOptions("writeToSocket", options, ["format", "reconnect"]));
};

DataStream.prototype.writeToPostgres = function writeToPostgres(this: DataStream, options: PostgresOutputOptions) {
  const { context, routed } = this;
  const spec = postgresSpec("writeToPostgres", options, SINK_OPTIONS);
  const key = keyOf(spec);
  // Rows of one key come in their order by way of one subtask.
  const input = key.length === 0 ? routed : { plan: routed.plan, route: { kind: "keyed", keys: key } as const };
  const own = ownOptions("writeToPostgres", options, POSTGRES_OPTIONS);
  context.addSink(connectorSinkPlan(context, input, spec, own));
  return this;
} as DataStream["writeToPostgres"];

DataStream.prototype.writeToFiles = function writeToFiles(
  this: DataStream,
  path: string,
  options: RollingOptions & { readonly bucketBy?: BucketChoice },
) {
  if (typeof (path as unknown) !== "string" || path === "") {
    throw new PlanError("PATH_INVALID", `writeToFiles was given ${describeValue(path)} as path.`, "Give a directory.");
  }
  const names = ["format", "roll", "prefix", "bucketBy", "write"];
  const {
    format,
    roll,
    prefix,
    bucketBy,
    write = {},
  } = checkedOptions("writeToFiles", options ?? {}, [...names, ...SINK_OPTIONS]);
  if (!Object.hasOwn(FORMATS, format)) {
    throw new PlanError(
      "OPTION_INVALID",
      `writeToFiles was given the format ${JSON.stringify(format)}.`,
      `Give one of ${Object.keys(FORMATS).join(", ")}.`,
    );
  }
  if ("overwrite" in write || "partitionBy" in write) {
    throw new PlanError(
      "OPTION_UNKNOWN",
      "Files of a stream are added to a directory: they have no overwrite and no partitionBy.",
      "Use bucketBy for directories by value or time.",
    );
  }
  const spec: RollingFileSinkSpec = {
    ...optionsOf(FORMATS[format], write as object),
    kind: `rolling-${format}`,
    path,
    ...(roll === undefined ? {} : { roll: checkedOptions("roll of writeToFiles", roll, ROLL_OPTIONS) }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(bucketBy === undefined ? {} : { bucketBy: bucketOf(bucketBy) }),
  };
  return written(this, spec, ownOptions("writeToFiles", options, names));
} as DataStream["writeToFiles"];

function written(stream: DataStream, spec: SinkSpec, options: Parameters<typeof connectorSinkPlan>[3]): DataStream {
  const { context, routed } = stream;
  context.addSink(connectorSinkPlan(context, routed, spec, options));
  return stream;
}

/** Those that every sink has, without the others. */
function ownOptions(method: string, options: StreamSinkOptions, others: readonly string[]): StreamSinkOptions {
  const entries = Object.entries(checkedOptions(method, options, [...SINK_OPTIONS, ...others]));
  return Object.fromEntries(entries.filter(([name]) => SINK_OPTIONS.includes(name)));
}

function bucketOf(given: BucketChoice): BucketSpec {
  if (typeof given === "string") return { kind: "expression", expression: columnNode(given), name: given };
  if (given instanceof Expression) return { kind: "expression", expression: given.node };
  const { by, eventTime, name } = checkedOptions(
    "bucketBy of writeToFiles",
    given as { by?: Expression; eventTime?: EventTimeUnit; name?: string },
    ["by", "eventTime", "name"],
  );
  const named = name === undefined ? {} : { name };
  if (by instanceof Expression) return { kind: "expression", expression: by.node, ...named };
  if (eventTime !== undefined) return { kind: "eventTime", unit: eventTime, ...named };
  throw new PlanError(
    "OPTION_INVALID",
    "bucketBy names neither an expression nor a unit of event time.",
    'Give a column, an expression, { by, name } or { eventTime: "day" }.',
  );
}
