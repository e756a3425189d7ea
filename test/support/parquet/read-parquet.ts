import type { ParquetFile } from "../../../src/connectors/parquet/parquet-file.ts";
import { openParquet } from "../../../src/connectors/parquet/parquet-file.ts";
import { ParquetRowGroupReader, type RowGroupOptions } from "../../../src/connectors/parquet/row-group-reader.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import type { HostFiles } from "../../../src/core/host.ts";
import type { Workspace } from "../../../src/core/workspace.ts";

export type Row = Record<string, unknown>;

/** All rows of one row group, read in batches of `batchRows`. */
export function rowsOfGroup(
  workspace: Workspace,
  file: ParquetFile,
  rowGroup: number,
  batchRows: number,
  columns: readonly string[] = file.schema.names,
  options?: RowGroupOptions,
): Row[] {
  const rows: Row[] = [];
  const reader = new ParquetRowGroupReader(workspace, file, rowGroup, columns, options);
  try {
    for (let batch = reader.next(batchRows); batch !== undefined; batch = reader.next(batchRows)) {
      for (const row of readRows(workspace, batch)) rows.push(row);
      batch.release();
    }
  } finally {
    reader.close();
  }
  return rows;
}

/** All rows of a file. */
export function rowsOfFile(
  workspace: Workspace,
  files: HostFiles,
  path: string,
  batchRows = 8192,
  columns?: readonly string[],
): Row[] {
  const file = openParquet(files, path);
  return file.rowGroups.flatMap((_, rowGroup) =>
    rowsOfGroup(workspace, file, rowGroup, batchRows, columns ?? file.schema.names),
  );
}
