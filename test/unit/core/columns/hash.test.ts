import { expect, it } from "vitest";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { hashColumns } from "../../../../src/core/columns/hash.ts";
import { type DataType, float32, float64, int8, int64, uint32, utf8 } from "../../../../src/core/types.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const hashes = (type: DataType, values: unknown[]): bigint[] =>
  withWorkspace((ws) => {
    const column = buildColumn(ws, type, values);
    const block = hashColumns(ws, [column], values.length);
    const result = [...ws.u64.slice(block.address / 8, block.address / 8 + values.length)];
    block.release();
    column.release();
    return result;
  });

it("gives the published outputs of SplitMix64 for integers", () => {
  expect(hashes(int64, [0n, 1234567n])).toEqual([0xe220a8397b1dcdafn, 6457827717110365317n]);
});

it("gives the published XXH64 for strings", () => {
  expect(hashes(utf8, ["", "a", "abc", "Nobody inspects the spammish repetition"])).toEqual([
    0xef46db3751d8e999n,
    0xd24ec4f1a98c6e5bn,
    0x44bc2cf5ad770999n,
    0xfbcea83c8a378bf1n,
  ]);
});

it("keeps its hashes for ever", () => {
  // Savepoints of every released version rest on these: a change here loses users' state.
  expect(hashes(float64, [1.5, 0, Number.NaN, null])).toEqual([
    hashes(float32, [1.5])[0],
    0xe220a8397b1dcdafn,
    hashes(int64, [0x7ff8000000000000n])[0],
    0x9fb21c651e98df25n,
  ]);
  expect(hashes(int8, [-1, 5])).toEqual([16490336266968443936n, hashes(uint32, [5])[0]]);
  expect(hashes(utf8, ["Zürich", "x".repeat(100)])).toMatchInlineSnapshot(`
    [
      9651740378605978233n,
      10588207204368892052n,
    ]
  `);
});
