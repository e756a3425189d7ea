import type { Batch } from "../batch.ts";
import { gatherBatch } from "../columns/gather.ts";
import type { Workspace } from "../workspace.ts";
import { validRows } from "./join-keys.ts";

/** Rows that can match, and those with a null key, which cannot; each is the caller's, and undefined where there is none. */
export function splitNullKeys(
  workspace: Workspace,
  batch: Batch,
  keys: readonly number[],
): { keyed: Batch | undefined; keyless: Batch | undefined } {
  const owned: { release(): void }[] = [];
  const { rowCount } = batch;
  const columns = keys.map((key) => batch.columns[key]);
  const valid = validRows(workspace, columns, rowCount, owned);
  if (valid === 0) return { keyed: batch.retain(), keyless: undefined };
  const { kernels } = workspace;
  const rows = workspace.allocate((rowCount + 8) * 4);
  // Bits are written 128 at a time.
  const invalid = workspace.allocate(Math.ceil(rowCount / 128) * 16);
  owned.push(rows, invalid);
  const take = (bits: number): Batch | undefined => {
    const count = kernels.booleanIndices(bits, rowCount, rows.address);
    return count === 0 ? undefined : gatherBatch(workspace, batch, rows.address, count);
  };
  kernels.booleanNot(valid, rowCount, invalid.address);
  const split = { keyed: take(valid), keyless: take(invalid.address) };
  for (const each of owned) each.release();
  return split;
}
