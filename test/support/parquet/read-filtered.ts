import { openParquet } from "../../../src/connectors/parquet/parquet-file.ts";
import { ParquetRowGroupReader } from "../../../src/connectors/parquet/row-group-reader.ts";
import type { ScanFilter } from "../../../src/connectors/parquet/scan-filter.ts";
import type { Batch } from "../../../src/core/batch.ts";
import { gatherBatch } from "../../../src/core/columns/gather.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import type { ExpressionNode } from "../../../src/core/expressions/node.ts";
import { type CompiledPredicate, compilePredicate } from "../../../src/core/expressions/predicate.ts";
import type { HostFiles } from "../../../src/core/host.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import type { Row } from "./read-parquet.ts";

/** The rows that satisfy `condition` behind the scan, which may have left out some of the others. */
export function readFiltered(
  workspace: Workspace,
  files: HostFiles,
  path: string,
  condition: ExpressionNode,
  batchRows: number,
  filter?: ScanFilter,
): { rows: Row[]; given: number } {
  const file = openParquet(files, path);
  const { schema } = file;
  const predicate = compilePredicate(condition, schema);
  const rows: Row[] = [];
  let given = 0;
  try {
    for (const group of file.rowGroups.keys()) {
      const options = filter === undefined ? {} : { filter };
      const reader = new ParquetRowGroupReader(workspace, file, group, schema.names, options);
      try {
        for (let batch = reader.next(batchRows); batch !== undefined; batch = reader.next(batchRows)) {
          given += batch.rowCount;
          rows.push(...passingRows(workspace, predicate, batch));
          batch.release();
        }
      } finally {
        reader.close();
      }
    }
    return { rows, given };
  } finally {
    predicate.close();
  }
}

function passingRows(workspace: Workspace, predicate: CompiledPredicate, batch: Batch): Row[] {
  const selection = predicate.select(workspace, batch);
  if (selection === "none") return [];
  if (selection === "all") return [...readRows(workspace, batch)];
  const passed = gatherBatch(workspace, batch, selection.indices.address, selection.count);
  const rows = [...readRows(workspace, passed)];
  passed.release();
  selection.indices.release();
  return rows;
}
