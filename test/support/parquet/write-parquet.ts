import { type ParquetWriteOptions, ParquetWriter } from "../../../src/connectors/parquet/parquet-writer.ts";
import { buildBatch } from "../../../src/core/columns/build.ts";
import type { HostFiles } from "../../../src/core/host.ts";
import type { Schema } from "../../../src/core/schema.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import type { Row } from "./read-parquet.ts";

/** Writes rows in batches of `batchRows` as one file. */
export function writeRows(
  workspace: Workspace,
  files: HostFiles,
  path: string,
  schema: Schema,
  rows: readonly Row[],
  options: ParquetWriteOptions = {},
  batchRows = 1000,
): void {
  const file = files.openWrite(path);
  const writer = new ParquetWriter(workspace, file, schema, options);
  try {
    for (let start = 0; start < rows.length; start += batchRows) {
      const batch = buildBatch(workspace, schema, rows.slice(start, start + batchRows));
      try {
        writer.write(batch);
      } finally {
        batch.release();
      }
    }
    writer.finish();
  } finally {
    writer.close();
    file.close();
  }
}
