import { expect, it } from "vitest";
import { sliceColumn } from "../../../../src/core/columns/slice.ts";
import type { Block } from "../../../../src/core/memory/block.ts";
import * as types from "../../../../src/core/types.ts";
import { encodedColumn } from "../../../support/arbitrary-column.ts";
import { withWorkspace } from "../../../support/workspace.ts";

it("counts a block once, however many kept columns share it", () => {
  withWorkspace((ws) => {
    const { kept, allocator } = ws;
    const whole = encodedColumn(ws, types.utf8, ["Delft", null, "Utrecht", "Breda"]);
    const half = sliceColumn(ws, whole, 0, 2);
    const first = kept.keep(whole);
    expect([kept.blockCount, kept.byteLength]).toEqual([
      whole.blocks.length + (whole.dictionary?.blocks.length ?? 0),
      first,
    ]);

    kept.keep(half); // its indices and its dictionary are those of the whole
    expect(kept.blockCount).toBe(allocator.liveBlocks);
    expect(kept.byteLength).toBe(allocator.liveBytes);

    const dropped: Block[] = [];
    kept.drop(whole, dropped);
    whole.release();
    expect(dropped.every((block) => block.isFree)).toBe(true);
    expect(kept.blockCount).toBe(allocator.liveBlocks);
    kept.drop(half, dropped);
    half.release();
    expect([kept.blockCount, kept.byteLength]).toEqual([0, 0]);
    expect(dropped.every((block) => block.isFree)).toBe(true);
  });
});
