import { readRows } from "../../src/core/columns/read.ts";
import type { OperatorSnapshot } from "../../src/core/job-snapshot.ts";
import { allTableBatches } from "../../src/core/state/table-batches.ts";
import type { Workspace } from "../../src/core/workspace.ts";

/** Rows of all tables that have any, as text, in an order of their own. */
export function tableContents(ws: Workspace, { tables }: OperatorSnapshot): Record<string, string[]> {
  const all = Object.entries(tables).map(([name, table]) => {
    const rows: string[] = [];
    for (const batch of allTableBatches(ws, table)) {
      rows.push(...readRows(ws, batch).map(rowText));
      batch.release();
    }
    return [name, rows.sort()] as const;
  });
  return Object.fromEntries(all.filter(([, rows]) => rows.length > 0));
}

const rowText = (row: object): string =>
  Object.entries(row)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(" ");

function valueText(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return Object.is(value, -0) ? "-0" : String(value);
}
