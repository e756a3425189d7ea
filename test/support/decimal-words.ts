import type { Column } from "../../src/core/column.ts";
import { columnOf } from "../../src/core/columns/allocate.ts";
import { bitLength } from "../../src/core/expressions/decimal-words.ts";
import type { Workspace } from "../../src/core/workspace.ts";

/** A plain decimal column in words where every value fits; any other column as it is. The caller owns the result. */
export function inWords(ws: Workspace, column: Column): Column {
  if (column.type.kind !== "decimal" || column.dictionary !== undefined || column.words !== undefined) {
    return column.retain();
  }
  const { length, data, validity, nullCount } = column;
  const unscaled = Array.from({ length }, (_, row) => {
    const isNull = nullCount > 0 && ((ws.u8[validity + (row >>> 3)] >>> (row & 7)) & 1) === 0;
    const at = (data >>> 3) + row * 2;
    return isNull ? 0n : (ws.i64[at + 1] << 64n) | ws.u64[at];
  });
  const bits = Math.max(0, ...unscaled.map(bitLength));
  if (bits > 63) return column.retain();
  const block = ws.allocate(length * 8);
  for (const [row, value] of unscaled.entries()) ws.i64[(block.address >>> 3) + row] = value;
  const short = columnOf(ws, column.type, length, { words: { block, bits } });
  if (nullCount === 0) return short;
  const result = short.view(length, { ...short.layout, validity, nullCount }, column.retainBlocks());
  short.release();
  return result;
}
