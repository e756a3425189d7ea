import { optionsOf, type SinkOptions } from "../api/options.ts";
import { type PostgresOptions, postgresSpec } from "../api/postgres-options.ts";
import type { Names } from "../api/selected-fields.ts";
import type { ArrowSinkSpec } from "../connectors/arrow/arrow-sink.ts";
import type { CsvSinkSpec } from "../connectors/csv/csv-sink.ts";
import type { JsonSinkSpec } from "../connectors/json/json-sink.ts";
import type { ParquetSinkSpec } from "../connectors/parquet/parquet-sink.ts";
import type { TextSinkSpec } from "../connectors/text/text-sink.ts";
import type { Sink } from "../core/sink.ts";
import type { Fields } from "../core/types.ts";
import { DataSet } from "./dataset.ts";

declare module "./dataset.ts" {
  interface DataSet<F extends Fields> {
    /**
     * Writes Parquet files when `execute` of the environment is called. A path that ends in `.parquet` is one file, any
     * other a directory with a file per subtask. Files become visible when the whole job has succeeded, not before.
     * @param options.overwrite - "error" (default) where the target has files, "overwrite" or "append"
     * @param options.partitionBy - Columns whose values name directories (`year=2020/`) instead of standing in the files
     */
    writeParquet(path: string, options?: SinkOptions<ParquetSinkSpec>): void;
    /** Writes CSV files by RFC 4180; see `writeParquet`. */
    writeCsv(path: string, options?: SinkOptions<CsvSinkSpec>): void;
    /** Writes JSON lines; see `writeParquet`. */
    writeJson(path: string, options?: SinkOptions<JsonSinkSpec>): void;
    /** Writes Arrow IPC files, or streams; see `writeParquet`. */
    writeArrow(path: string, options?: SinkOptions<ArrowSinkSpec>): void;
    /** Writes the only column, of type utf8, as lines; see `writeParquet`. */
    writeText(path: string, options?: SinkOptions<TextSinkSpec>): void;
    /**
     * Writes rows to a table of a PostgreSQL server when `execute` of the environment is called: all of them in one
     * transaction when the whole job has succeeded, or none. With `mode: "upsert"` and rows of equal keys, one of them
     * stays.
     * @throws {PlanError} OPTION_INVALID
     */
    writePostgres<const K extends Names<F> = Names<F>, const C extends Names<F> = Names<F>>(
      options: PostgresOptions<K, C>,
    ): void;
    /**
     * Writes with a sink of one's own when `execute` of the environment is called. What it throws fails the job as
     * SINK_FAILED, with the thrown value as cause.
     */
    output(sink: Sink): void;
  }
}

DataSet.prototype.writeParquet = function writeParquet(this: DataSet, path, options = {}) {
  this.context.addSink(this.plan, { kind: "parquet", path, ...optionsOf("writeParquet", options) });
};

DataSet.prototype.writeCsv = function writeCsv(this: DataSet, path, options = {}) {
  this.context.addSink(this.plan, { kind: "csv", path, ...optionsOf("writeCsv", options) });
};

DataSet.prototype.writeJson = function writeJson(this: DataSet, path, options = {}) {
  this.context.addSink(this.plan, { kind: "json", path, ...optionsOf("writeJson", options) });
};

DataSet.prototype.writeArrow = function writeArrow(this: DataSet, path, options = {}) {
  this.context.addSink(this.plan, { kind: "arrow", path, ...optionsOf("writeArrow", options) });
};

DataSet.prototype.writeText = function writeText(this: DataSet, path, options = {}) {
  this.context.addSink(this.plan, { kind: "text", path, ...optionsOf("writeText", options) });
};

DataSet.prototype.writePostgres = function writePostgres(this: DataSet, options: PostgresOptions) {
  this.context.addSink(this.plan, postgresSpec("writePostgres", options, []));
} as DataSet["writePostgres"];

DataSet.prototype.output = function output(this: DataSet, sink) {
  this.context.addSink(this.plan, sink);
};
