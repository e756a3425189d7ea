import { checkCallable } from "../api/check-function.ts";
import { computedColumns } from "../api/column-arguments.ts";
import { type DeclaredReadOptions, declaredColumns } from "../api/declared-columns.ts";
import {
  type CsvReadOptions,
  checkedOptions,
  type JsonReadOptions,
  optionsOf,
  type TextReadOptions,
} from "../api/options.ts";
import type { FieldsOf } from "../api/row-types.ts";
import type { SelectedFields } from "../api/selected-fields.ts";
import { csvSource } from "../connectors/csv/csv-source.ts";
import { GeneratorSource, type GeneratorSourceSpec } from "../connectors/generator/generator-source.ts";
import { AsyncIterableSource, type RowIterable } from "../connectors/iterable/async-iterable-source.ts";
import { jsonSource } from "../connectors/json/json-source.ts";
import { type FileMonitorSourceSpec, fileMonitorSource } from "../connectors/monitor/file-monitor-source.ts";
import { monitoredReader } from "../connectors/monitor/monitored-readers.ts";
import { parquetSource } from "../connectors/parquet/parquet-source.ts";
import type { ReconnectPolicy } from "../connectors/socket/reconnecting.ts";
import { SocketTextSource } from "../connectors/socket/socket-text-source.ts";
import { textSource } from "../connectors/text/text-source.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import type { AcceptsColumns, Operand } from "../core/expressions/expression.ts";
import type { PathsIn } from "../core/expressions/symbols.ts";
import { Schema } from "../core/schema.ts";
import type { Source, SourceFactory } from "../core/source.ts";
import type { Fields, SimpleType } from "../core/types.ts";
import type { DataStream } from "./data-stream.ts";
import { StreamExecutionEnvironment } from "./stream-execution-environment.ts";
import type { WatermarkStrategy } from "./watermark-strategy.ts";

type LineFields = { readonly line: SimpleType<"utf8"> };
type NumberFields = { readonly n: SimpleType<"int64"> };

declare module "./stream-execution-environment.ts" {
  interface StreamExecutionEnvironment {
    /**
     * Rows by their number 0, 1, 2, ...: from a function, which gives the same row for the same number, or from
     * expressions over the int64 column `n`, which are computed in kernels and on any thread.
     * @throws {PlanError} GENERATOR_INVALID, FUNCTION_INVALID, and those of the expressions
     * @example env.fromGenerator((n) => ({ id: n, price: (n * 37) % 100 }), { rowsPerSecond: 1_000 })
     * @example env.fromGenerator({ id: col("n"), price: col("n").mul(37).mod(100) }, { count: 1_000_000 })
     */
    fromGenerator<R extends object, const O extends GeneratorOptions = GeneratorOptions>(
      generate: (n: number) => R,
      options?: O,
      strategy?: WatermarkStrategy<FieldsOf<O, R>>,
    ): DataStream<FieldsOf<O, R>>;
    fromGenerator<const E extends Readonly<Record<string, Operand>>>(
      columns: E & { [N in keyof E]: AcceptsColumns<E[N], PathsIn<NumberFields>> },
      options?: Omit<GeneratorOptions, "schema">,
      strategy?: WatermarkStrategy<SelectedFields<E, NumberFields>>,
    ): DataStream<SelectedFields<E, NumberFields>>;
    /**
     * Rows of an async iterable, one by one or in arrays; it is asked for more only as fast as the job takes them. A
     * function that gives one is called anew after a restore and must give the same rows then, which are dropped up to
     * the checkpoint; an iterable itself goes on where it stands.
     * @throws {PlanError} ITERABLE_INVALID, SCHEMA_MISSING
     * @example env.fromAsyncIterable(() => readMessages(), { schema: messages })
     */
    fromAsyncIterable<F extends Fields>(
      rows: RowIterable | (() => RowIterable),
      options: IterableOptions<F>,
      strategy?: WatermarkStrategy<F>,
    ): DataStream<F>;
    /** Rows of an iterable, such as a generator function; see `fromAsyncIterable`. */
    fromIterable<F extends Fields>(
      rows: Iterable<object> | (() => Iterable<object>),
      options: IterableOptions<F>,
      strategy?: WatermarkStrategy<F>,
    ): DataStream<F>;
    /**
     * Lines that a server sends (`nc -lk 9000`), in a utf8 column `line`. Nothing is sent again after a restore: rows may
     * be lost then. Ends with the connection, unless `reconnect` allows for another one.
     * @throws {PlanError} OPTION_INVALID
     */
    socketTextStream(
      host: string,
      port: number,
      options?: SocketTextOptions,
      strategy?: WatermarkStrategy<LineFields>,
    ): DataStream<LineFields>;
    /**
     * Files of a directory or pattern, those that are there and those that turn up, each read once.
     * A schema declares the columns where no file shows them yet, which of Arrow files are all columns; of Parquet and
     * Arrow files that are there it picks some.
     * @throws {PlanError} OPTION_INVALID, SCHEMA_MISMATCH, FILES_NONE_MATCH where no file shows the columns and no schema
     * is given
     * @example env.monitorDirectory("in/", { format: "csv", read: { schema: orders }, complete: "renamed" })
     */
    monitorDirectory(
      paths: string | readonly string[],
      options: MonitorOptions & { readonly format: "text"; readonly read?: TextReadOptions },
      strategy?: WatermarkStrategy<LineFields>,
    ): DataStream<LineFields>;
    monitorDirectory<F extends Fields = Fields>(
      paths: string | readonly string[],
      options: MonitorOptions & MonitoredRows<F>,
      strategy?: WatermarkStrategy<F>,
    ): DataStream<F>;
  }
}

export interface GeneratorOptions<S extends Fields = Fields> {
  /** Absent: rows without end. */
  readonly count?: number;
  /** Of all splits together; absent: as many as the job takes. */
  readonly rowsPerSecond?: number;
  /** Columns of the rows; default: found in the first ones. */
  readonly schema?: Schema<S>;
  /** So many subtasks can make rows, each some of them; default 1. A restored job needs the same number. */
  readonly splitCount?: number;
}

export interface IterableOptions<F extends Fields> {
  /** Columns of the rows: nothing is read before the job runs. */
  readonly schema: Schema<F>;
  /** How long rows wait for others of their batch, in milliseconds; default 5. */
  readonly waitMs?: number;
  /** Whether it ends, which BATCH mode asks for; default "unbounded", which it may do all the same. */
  readonly boundedness?: "bounded" | "unbounded";
}

export interface SocketTextOptions {
  /** What ends a text; default a newline, with or without CR before it. */
  readonly delimiter?: string;
  /** Longest text in bytes; default 1 MiB. */
  readonly maxRecordBytes?: number;
  /** What to do where a connection fails, is lost or ends; default: give up. */
  readonly reconnect?: ReconnectPolicy;
}

export interface MonitorOptions {
  /** How often to look, in milliseconds; default 1,000. */
  readonly intervalMs?: number;
  /**
   * When a file counts: "renamed", as soon as it is seen, for writers that rename finished files into place, or
   * "unchanged" (default), once size and time of change have stayed the same for one interval.
   */
  readonly complete?: "renamed" | "unchanged";
  /** Looks once, takes what is there as complete, and ends. */
  readonly once?: boolean;
}

/** Files with columns; `read` has the options of the method that reads such files as a bounded stream. */
export type MonitoredRows<F extends Fields> =
  | { readonly format: "csv"; readonly read?: CsvReadOptions<F> }
  | { readonly format: "json"; readonly read?: JsonReadOptions<F> }
  | { readonly format: "parquet" | "arrow"; readonly read?: DeclaredReadOptions<F> };

type Environment = StreamExecutionEnvironment;

StreamExecutionEnvironment.prototype.fromGenerator = function fromGenerator(
  this: Environment,
  given: unknown,
  options: GeneratorOptions = {},
  strategy?: WatermarkStrategy,
) {
  const names = ["count", "rowsPerSecond", "schema", "splitCount"];
  const { schema, ...rest } = checkedOptions("fromGenerator", options, names);
  if (schema !== undefined) checkSchema("fromGenerator", schema);
  if (typeof given === "object" && given !== null) {
    const expressions = computedColumns("fromGenerator", given as Readonly<Record<string, Operand>>);
    return this.streamOf(new GeneratorSource({ kind: "generator", expressions, ...rest }), false, strategy);
  }
  checkCallable("fromGenerator", given);
  const generate = given as NonNullable<GeneratorSourceSpec["generate"]>;
  const columns = schema === undefined ? {} : { schema };
  return this.streamOf(new GeneratorSource({ kind: "generator", generate, ...columns, ...rest }), true, strategy);
} as Environment["fromGenerator"];

StreamExecutionEnvironment.prototype.fromAsyncIterable = function fromAsyncIterable<F extends Fields>(
  this: Environment,
  rows: RowIterable | (() => RowIterable),
  options: IterableOptions<F>,
  strategy?: WatermarkStrategy<F>,
) {
  const source = new AsyncIterableSource(rows, iterableOptions("fromAsyncIterable", options));
  return this.streamOf(source, true, strategy);
};

StreamExecutionEnvironment.prototype.fromIterable = function fromIterable<F extends Fields>(
  this: Environment,
  rows: Iterable<object> | (() => Iterable<object>),
  options: IterableOptions<F>,
  strategy?: WatermarkStrategy<F>,
) {
  const settings = iterableOptions("fromIterable", options);
  if (typeof rows !== "function" && typeof (rows as Partial<Iterable<object>>)?.[Symbol.iterator] !== "function") {
    throw new PlanError(
      "ITERABLE_INVALID",
      "What fromIterable was given is no iterable, and no function that gives one.",
      "Pass a generator, or better the function that makes it, so that it can be read again.",
    );
  }
  const source = new AsyncIterableSource(typeof rows === "function" ? () => chunks(rows()) : chunks(rows), settings);
  return this.streamOf(source, true, strategy);
};

StreamExecutionEnvironment.prototype.socketTextStream = function socketTextStream(
  this: Environment,
  host: string,
  port: number,
  options: SocketTextOptions = {},
  strategy?: WatermarkStrategy<LineFields>,
) {
  const given = checkedOptions("socketTextStream", options, ["delimiter", "maxRecordBytes", "reconnect"]);
  if (given.reconnect !== undefined) {
    checkedOptions("reconnect of socketTextStream", given.reconnect, ["maxRetries", "delayMs"]);
  }
  return this.streamOf(new SocketTextSource({ kind: "socket", host, port, ...given }), false, strategy);
};

/** How each format's files are read, and the method whose options `read` has. */
const FORMATS = {
  text: { source: textSource, method: "readText" },
  csv: { source: csvSource, method: "readCsv" },
  json: { source: jsonSource, method: "readJson" },
  parquet: { source: parquetSource, method: "readParquet" },
  // Its package is large: it is imported for those who want it.
  arrow: { source: undefined, method: "readArrow" },
} as const;

StreamExecutionEnvironment.prototype.monitorDirectory = function monitorDirectory(
  this: Environment,
  paths: string | readonly string[],
  options: MonitorOptions & { readonly format: keyof typeof FORMATS; readonly read?: { readonly schema?: Schema } },
  strategy?: WatermarkStrategy,
) {
  const names = ["format", "read", "intervalMs", "complete", "once"];
  const { format, read = {}, ...rest } = checkedOptions("monitorDirectory", options ?? {}, names);
  if (!Object.hasOwn(FORMATS, format)) {
    throw new PlanError(
      "OPTION_INVALID",
      `monitorDirectory was given the format ${JSON.stringify(format)}.`,
      `Give one of ${Object.keys(FORMATS).join(", ")}.`,
    );
  }
  const { source, method } = FORMATS[format];
  const { schema, ...reading } = optionsOf(method, read);
  if (schema !== undefined) checkSchema("monitorDirectory", schema);
  const spec: FileMonitorSourceSpec = {
    kind: `monitor-${format}`,
    paths,
    read: { ...reading, ...(schema === undefined ? {} : { schema: schema.fields }) },
    ...rest,
  };
  const monitored = (each: SourceFactory): Source => {
    const monitor = fileMonitorSource(monitoredReader(format, each))(spec, this.context.host);
    // Other formats have the columns that the schema says.
    const namesTypes = format === "parquet" || format === "arrow";
    return namesTypes && schema !== undefined ? declaredColumns("monitorDirectory", monitor, { schema }) : monitor;
  };
  if (source !== undefined) return this.streamOf(monitored(source), false, strategy);
  return this.streamOfLoaded(
    async () => monitored((await import("../connectors/arrow/arrow-source.ts")).arrowSource),
    strategy,
  );
} as Environment["monitorDirectory"];

function iterableOptions<F extends Fields>(method: string, options: IterableOptions<F>) {
  const given = checkedOptions(method, options ?? {}, ["schema", "waitMs", "boundedness"]);
  const { schema, waitMs, boundedness } = given;
  checkSchema(method, schema);
  const isValid =
    (waitMs === undefined || (typeof waitMs === "number" && waitMs >= 0)) &&
    (boundedness === undefined || boundedness === "bounded" || boundedness === "unbounded");
  if (isValid) return given;
  throw new PlanError(
    "OPTION_INVALID",
    `${method} was given waitMs ${describeValue(waitMs)} and boundedness ${describeValue(boundedness)}.`,
    'waitMs is a number from 0, and boundedness "bounded" or "unbounded".',
  );
}

/** @throws {PlanError} SCHEMA_MISSING */
function checkSchema(method: string, schema: unknown): void {
  if (schema instanceof Schema) return;
  throw new PlanError(
    "SCHEMA_MISSING",
    `The columns that ${method} gives are not declared.`,
    "Declare them with the option schema, for example { schema: Schema.of({ word: types.utf8 }) }.",
  );
}

const CHUNK_ROWS = 1024;

/** Rows in arrays: an await per row would cost more than the row. */
async function* chunks(rows: Iterable<object>): AsyncGenerator<readonly object[]> {
  let chunk: object[] = [];
  for (const row of rows) {
    chunk.push(row);
    if (chunk.length < CHUNK_ROWS) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
