import type { SinkFactory, SinkSpec } from "../../core/sink.ts";
import type { FileFormat } from "../files/file-format.ts";
import { FileSink, type FileSinkOptions } from "../files/file-sink.ts";
import { type ParquetWriteOptions, ParquetWriter } from "./parquet-writer.ts";

export interface ParquetSinkSpec extends SinkSpec, FileSinkOptions, ParquetWriteOptions {
  readonly kind: "parquet";
}

/** Parquet files: see ParquetWriteOptions for codec, row groups and indexes. */
export const parquetSink: SinkFactory = (given, host) =>
  new FileSink(given as ParquetSinkSpec, parquetFormat(given), host);

/** How the sink writes a file. @throws {PlanError} OPTION_INVALID */
export function parquetFormat(given: SinkSpec): FileFormat {
  const spec = given as ParquetSinkSpec;
  return {
    name: "parquet",
    extension: ".parquet",
    singleFileExtensions: [".parquet", ".pq"],
    open: (file, context, schema) => {
      const writer = new ParquetWriter(context.workspace, file, schema, spec);
      return {
        write: (batch) => writer.write(batch),
        finish: () => {
          writer.finish();
        },
        close: () => writer.close(),
      };
    },
  };
}
