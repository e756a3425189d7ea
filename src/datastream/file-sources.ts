import { type DeclaredReadOptions, declaredColumns } from "../api/declared-columns.ts";
import { type CsvReadOptions, type JsonReadOptions, optionsOf, type TextReadOptions } from "../api/options.ts";
import { CsvSource } from "../connectors/csv/csv-source.ts";
import { JsonSource } from "../connectors/json/json-source.ts";
import { ParquetSource } from "../connectors/parquet/parquet-source.ts";
import { TextSource } from "../connectors/text/text-source.ts";
import type { Fields, SimpleType } from "../core/types.ts";
import type { DataStream } from "./data-stream.ts";
import { StreamExecutionEnvironment } from "./stream-execution-environment.ts";
import { WatermarkStrategy } from "./watermark-strategy.ts";

/** A path, a directory, a glob pattern, a file:// URL, or several of these. */
type Paths = string | readonly string[];
type LineFields = { readonly line: SimpleType<"utf8"> };

declare module "./stream-execution-environment.ts" {
  interface StreamExecutionEnvironment {
    /**
     * Reads Parquet files as a bounded stream: a path, directory, glob pattern or list of these.
     * @param options.schema - Declares columns and types, so that the compiler knows them; the files must have them.
     * @throws {DataError} PARQUET_*, {ExternalError} FILE_*, {PlanError} PARQUET_SCHEMAS_DIFFER, SCHEMA_MISMATCH
     */
    readParquet<F extends Fields = Fields>(paths: Paths, strategy?: WatermarkStrategy<F>): DataStream<F>;
    readParquet<F extends Fields = Fields>(
      paths: Paths,
      options: DeclaredReadOptions<F>,
      strategy?: WatermarkStrategy<F>,
    ): DataStream<F>;
    /**
     * Reads Arrow IPC files and streams as a bounded stream.
     * @param options.schema - Declares columns and types, as for `readParquet`.
     * @throws {DataError} ARROW_*, {ExternalError} FILE_*, {PlanError} SCHEMA_MISMATCH
     */
    readArrow<F extends Fields = Fields>(
      paths: Paths,
      options?: DeclaredReadOptions<F>,
      strategy?: WatermarkStrategy<F>,
    ): DataStream<F>;
    /** Reads CSV files as a bounded stream. */
    readCsv<F extends Fields = Fields>(
      paths: Paths,
      options?: CsvReadOptions<F>,
      strategy?: WatermarkStrategy<F>,
    ): DataStream<F>;
    /** Reads JSON lines as a bounded stream. */
    readJson<F extends Fields = Fields>(
      paths: Paths,
      options?: JsonReadOptions<F>,
      strategy?: WatermarkStrategy<F>,
    ): DataStream<F>;
    /** Reads lines of text as one utf8 column `line`, as a bounded stream. */
    readTextFile(
      paths: Paths,
      options?: TextReadOptions,
      strategy?: WatermarkStrategy<LineFields>,
    ): DataStream<LineFields>;
  }
}

type Environment = StreamExecutionEnvironment;

StreamExecutionEnvironment.prototype.readParquet = function readParquet<F extends Fields>(
  this: Environment,
  paths: Paths,
  second: DeclaredReadOptions<F> | WatermarkStrategy<F> = {},
  third?: WatermarkStrategy<F>,
) {
  const [options, strategy] = second instanceof WatermarkStrategy ? [{}, second] : [second, third];
  const given = optionsOf("readParquet", options);
  const source = new ParquetSource({ kind: "parquet", paths }, this.context.host);
  return this.streamOf(declaredColumns("readParquet", source, given), false, strategy);
};

StreamExecutionEnvironment.prototype.readArrow = function readArrow<F extends Fields>(
  this: Environment,
  paths: Paths,
  options: DeclaredReadOptions<F> = {},
  strategy?: WatermarkStrategy<F>,
) {
  const given = optionsOf("readArrow", options);
  return this.streamOfLoaded(async () => {
    const { ArrowSource } = await import("../connectors/arrow/arrow-source.ts");
    return declaredColumns("readArrow", new ArrowSource({ kind: "arrow", paths }, this.context.host), given);
  }, strategy);
};

StreamExecutionEnvironment.prototype.readCsv = function readCsv<F extends Fields>(
  this: Environment,
  paths: Paths,
  options: CsvReadOptions<F> = {},
  strategy?: WatermarkStrategy<F>,
) {
  const { schema, ...rest } = optionsOf("readCsv", options);
  const spec = { kind: "csv", paths, ...rest, ...(schema === undefined ? {} : { schema: schema.fields }) } as const;
  return this.streamOf(new CsvSource(spec, this.context.host), false, strategy);
};

StreamExecutionEnvironment.prototype.readJson = function readJson<F extends Fields>(
  this: Environment,
  paths: Paths,
  options: JsonReadOptions<F> = {},
  strategy?: WatermarkStrategy<F>,
) {
  const { schema, ...rest } = optionsOf("readJson", options);
  const spec = { kind: "json", paths, ...rest, ...(schema === undefined ? {} : { schema: schema.fields }) } as const;
  return this.streamOf(new JsonSource(spec, this.context.host), false, strategy);
};

StreamExecutionEnvironment.prototype.readTextFile = function readTextFile(
  this: Environment,
  paths: Paths,
  options: TextReadOptions = {},
  strategy?: WatermarkStrategy<LineFields>,
) {
  const source = new TextSource({ kind: "text", paths, ...optionsOf("readText", options) }, this.context.host);
  return this.streamOf(source, false, strategy);
};
