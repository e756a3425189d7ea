import { describe, expect, it } from "vitest";
import type { Batch } from "../../../../src/core/batch.ts";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { PassingViews } from "../../../../src/core/columns/passing-views.ts";
import { readRows } from "../../../../src/core/columns/read.ts";
import { batchBytes } from "../../../../src/core/columns/size.ts";
import { sliceBatch } from "../../../../src/core/columns/slice.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int64, list, utf8 } from "../../../../src/core/types.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({ n: int64, text: utf8, few: list(int64) });
const SLICE = 64;

/** What is kept alive of 32 slices of one batch of which every `nth` goes on, in bytes per byte of their rows. */
const keptOf = (nth: number, names: readonly string[]): number =>
  withWorkspace((ws) => {
    const rows = Array.from({ length: 32 * SLICE }, (_, i) => ({
      n: i % 7 === 0 ? null : BigInt(i),
      text: i % 5 === 0 ? null : `text ${i}`,
      few: [BigInt(i)],
    }));
    const whole = buildBatch(ws, schema.pick(names), rows);
    const views = new PassingViews();
    const kept: Batch[] = [];
    for (let i = 0; i < 32; i++) {
      const slice = sliceBatch(ws, whole, i * SLICE, SLICE);
      views.seen(SLICE);
      if (i % nth === nth - 1) {
        const passed = views.pass(ws, slice);
        expect(readRows(ws, passed)).toEqual(readRows(ws, slice));
        kept.push(passed);
      }
      slice.release();
    }
    whole.release();
    const factor = ws.allocator.liveBytes / kept.reduce((sum, batch) => sum + batchBytes(ws, batch), 0);
    for (const batch of kept) batch.release();
    return factor;
  });

describe("batches that go on as they are", () => {
  it("share their blocks where most of them do", () => {
    expect(keptOf(1, ["n", "text"])).toBeLessThan(2);
    expect(keptOf(2, ["n", "text"])).toBeLessThan(3);
  });

  it("are copied where few do, so that their rows keep little else alive", () => {
    expect(keptOf(8, ["n", "text"])).toBeLessThan(2);
    expect(keptOf(32, ["n", "text"])).toBeLessThan(2);
  });

  it("have the same rows where they are nested", () => {
    expect(keptOf(8, ["few", "text"])).toBeGreaterThan(0);
  });
});
