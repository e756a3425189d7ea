import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { fromArrow, toArrow } from "../../../../src/core/arrow.ts";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { concatBatches } from "../../../../src/core/columns/concat.ts";
import { copyBatch, describeBatch } from "../../../../src/core/columns/copy.ts";
import { gatherBatch, gatherColumn, NO_ROW } from "../../../../src/core/columns/gather.ts";
import { packBatch, unpackBatch } from "../../../../src/core/columns/packed-batch.ts";
import { columnReader, readRows } from "../../../../src/core/columns/read.ts";
import { sliceBatch } from "../../../../src/core/columns/slice.ts";
import { EvaluationError } from "../../../../src/core/errors.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { newWorkspace, withWorkspace } from "../../../support/workspace.ts";

const everyType = Schema.of({
  flag: types.bool,
  small: types.int8,
  id: types.int64,
  big: types.uint64,
  ratio: types.float64,
  name: types.utf8,
  raw: types.binary,
  day: types.date,
  price: types.decimal(30, 2),
  at: types.timestamp("us", "UTC"),
  clock: types.time("ms"),
  span: types.interval,
  tags: types.list(types.utf8),
  place: types.struct({ x: types.int32, label: types.utf8 }),
  counts: types.map(types.utf8, types.int32),
});

const rowAt = (i: number) =>
  i % 7 === 3
    ? Object.fromEntries(everyType.names.map((name) => [name, null]))
    : {
        flag: i % 2 === 0,
        small: (i % 200) - 100,
        id: 9_007_199_254_740_993n + BigInt(i),
        big: 18_446_744_073_709_551_615n - BigInt(i),
        ratio: i / 3,
        name: i % 5 === 0 ? "" : `ключ-${i}`.repeat(i % 4),
        raw: Uint8Array.of(i & 255, 0, 255),
        day: i - 50,
        price: `${i % 3 === 0 ? "-" : ""}1234567890123456789${i}.05`,
        at: BigInt(i) * -1_000_001n,
        clock: i * 1000,
        span: { months: i, days: 3 - i, nanoseconds: BigInt(i) },
        tags: i % 4 === 0 ? [] : ["a", null, `t${i}`],
        place: { x: i % 6 === 0 ? null : i, label: `p${i}` },
        counts: [
          ["k", i],
          ["n", null],
        ],
      };
const rowsOf = (count: number) => Array.from({ length: count }, (_, i) => rowAt(i));

describe("columns", () => {
  it("read back what was built, for every type with nulls", () =>
    withWorkspace((ws) => {
      const batch = buildBatch(ws, everyType, rowsOf(100));
      expect(readRows(ws, batch)).toEqual(rowsOf(100));
      batch.release();
    }));

  it("slice at every bit offset", () =>
    withWorkspace((ws) => {
      const batch = buildBatch(ws, everyType, rowsOf(60));
      for (let start = 0; start <= 17; start++) {
        const slice = sliceBatch(ws, batch, start, 41);
        expect(readRows(ws, slice)).toEqual(rowsOf(60).slice(start, start + 41));
        const again = sliceBatch(ws, slice, 3, 20);
        expect(readRows(ws, again)).toEqual(rowsOf(60).slice(start + 3, start + 23));
        again.release();
        slice.release();
      }
      batch.release();
    }));

  it("concatenate slices back to the whole", () =>
    withWorkspace((ws) => {
      const batch = buildBatch(ws, everyType, rowsOf(90));
      const parts = [0, 1, 14, 15, 33, 90].flatMap((end, i, ends) =>
        i === 0 ? [] : [sliceBatch(ws, batch, ends[i - 1], end - ends[i - 1])],
      );
      const whole = concatBatches(ws, parts);
      expect(readRows(ws, whole)).toEqual(rowsOf(90));
      for (const part of [...parts, whole, batch]) part.release();
    }));

  it("gather in any order, with rows missing where allowed", () =>
    withWorkspace((ws) => {
      const batch = buildBatch(ws, everyType, rowsOf(40));
      const picks = [39, 0, 0, 17, 3, 8, 21, 38, 5];
      const indices = ws.allocate(64);
      ws.u32.set(picks, indices.address >>> 2);
      const gathered = gatherBatch(ws, batch, indices.address, picks.length);
      expect(readRows(ws, gathered)).toEqual(picks.map(rowAt));
      ws.u32[(indices.address >>> 2) + 2] = NO_ROW;
      for (const [i, column] of batch.columns.entries()) {
        const nullable = gatherColumn(ws, column, indices.address, picks.length, true);
        expect(columnReader(ws, nullable)(2)).toBeNull();
        expect(columnReader(ws, nullable)(3)).toEqual(readRows(ws, gathered)[3][everyType.names[i]]);
        nullable.release();
      }
      for (const owned of [gathered, batch, indices]) owned.release();
    }));

  it("travel to another memory", () =>
    withWorkspace((ws) => {
      const other = newWorkspace();
      const batch = buildBatch(ws, everyType, rowsOf(50));
      const slice = sliceBatch(ws, batch, 9, 30);
      const described = describeBatch(ws, slice);
      expect(unpackBatch(packBatch(described))).toEqual(described);
      const copy = copyBatch(other, ws.u8, everyType, described);
      slice.release();
      batch.release();
      expect(readRows(other, copy)).toEqual(rowsOf(50).slice(9, 39));
      copy.release();
      expect(other.allocator.liveBlocks).toBe(0);
    }));

  it("become Arrow and come back, as views, copies and slices", () =>
    withWorkspace((ws) => {
      const batch = buildBatch(ws, everyType, rowsOf(50));
      const slice = sliceBatch(ws, batch, 13, 30);
      for (const memory of ["view", "copy"] as const) {
        const exported = toArrow(ws, slice, memory);
        expect(exported.numRows).toBe(30);
        expect(exported.getChild("name")?.toArray()).toHaveLength(30);
        const back = fromArrow(ws, exported);
        expect(back.schema.toString()).toBe(everyType.toString());
        expect(readRows(ws, back)).toEqual(rowsOf(50).slice(13, 43));
        const part = fromArrow(ws, exported.slice(5, 22));
        expect(readRows(ws, part)).toEqual(rowsOf(50).slice(18, 35));
        back.release();
        part.release();
      }
      slice.release();
      batch.release();
    }));

  it("keep Arrow dictionaries encoded, and decode those with nulls", () =>
    withWorkspace((ws) => {
      const encoded = arrow.vectorFromArray(
        ["b", null, "a", "b"],
        new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()),
      );
      const table = new arrow.Table({ encoded });
      const batch = fromArrow(ws, table.batches[0]);
      expect(batch.columns[0].dictionary?.length).toBe(2);
      expect(readRows(ws, batch).map((row) => row.encoded)).toEqual(["b", null, "a", "b"]);
      const out = toArrow(ws, batch, "copy");
      expect([...(out.getChild("encoded") ?? [])]).toEqual(["b", null, "a", "b"]);
      batch.release();
    }));

  it("refuse values of another type", () =>
    withWorkspace((ws) => {
      const wrong: [types.DataType, unknown][] = [
        [types.int32, 2 ** 31],
        [types.int32, 1.5],
        [types.int64, "1"],
        [types.uint8, -1],
        [types.utf8, 5],
        [types.bool, 1],
        [types.decimal(3, 1), "100.0"],
        [types.decimal(3, 1), "1.25"],
        [types.date, new Date(Number.NaN)],
        [types.list(types.int32), 4],
      ];
      for (const [type, value] of wrong) {
        expect(() => buildColumn(ws, type, [null, value])).toThrow(EvaluationError);
      }
    }));
});
