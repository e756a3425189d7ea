import fc from "fast-check";
import { expect, it } from "vitest";
import { Batch } from "../../../../src/core/batch.ts";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { gatherBatch, gatherColumn, NO_ROW } from "../../../../src/core/columns/gather.ts";
import { columnReader, readRows } from "../../../../src/core/columns/read.ts";
import { columnBytes } from "../../../../src/core/columns/size.ts";
import { sliceColumn } from "../../../../src/core/columns/slice.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int64, timestamp, utf8 } from "../../../../src/core/types.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({ text: utf8, at: timestamp("ms"), other: int64 });
const text = fc.oneof(
  fc.constant(""),
  fc.string({ maxLength: 40 }),
  fc.integer({ min: 0, max: 700 }).map((length) => "x".repeat(length)),
);
const row = fc.record({
  text: fc.option(text),
  at: fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
  other: fc.option(fc.bigInt({ min: -9n, max: 9n })),
});
/** Neighbours, as filters choose them, and any order. */
const picks = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 30 }), fc.boolean()), {
  maxLength: 30,
  size: "max",
});

function chosen(runs: readonly (readonly [number, number, boolean])[], rowCount: number): number[] {
  if (rowCount === 0) return [];
  return runs.flatMap(([start, length]) => {
    const first = start % rowCount;
    return Array.from({ length: Math.min(length, rowCount - first) }, (_, i) => first + i);
  });
}

it("gathers the rows that the indices name, in their order, with what their columns share", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 200, size: "max" }), picks, (rows, runs) =>
      withWorkspace((ws) => {
        const built = buildBatch(ws, schema, rows);
        const [texts, at, other] = built.columns;
        // The event time is a view of a column, and two columns have one bitmap, as a source makes them.
        const times = at.viewAs(int64, at.length, at.layout);
        const twin = other.view(other.length, other.layout);
        const wide = Schema.of({ text: utf8, at: timestamp("ms"), other: int64, twin: int64 });
        const batch = new Batch(wide, rows.length, [texts.retain(), at.retain(), other.retain(), twin], { times });
        built.release();
        const wanted = chosen(runs, rows.length);
        const indices = ws.allocate(Math.max(4, wanted.length * 4));
        ws.u32.set(wanted, indices.address >>> 2);
        const gathered = gatherBatch(ws, batch, indices.address, wanted.length);
        const all = readRows(ws, batch);
        expect(readRows(ws, gathered)).toEqual(wanted.map((index) => all[index]));
        if (gathered.rowTimes === undefined) throw new Error("event times travel with the rows");
        const read = columnReader(ws, gathered.rowTimes);
        expect(wanted.map((_, i) => read(i))).toEqual(wanted.map((index) => rows[index].at));
        for (const owned of [gathered, batch, indices]) owned.release();
      }),
    ),
  );
});

it("gives null for an index that is no row, also between neighbours", () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 60, size: "max" }), picks, (rows, runs) =>
      withWorkspace((ws) => {
        const batch = buildBatch(ws, schema, rows);
        const wanted = runs.flatMap((run) => [...chosen([run], rows.length), ...(run[2] ? [NO_ROW] : [])]);
        const indices = ws.allocate(Math.max(4, wanted.length * 4));
        ws.u32.set(wanted, indices.address >>> 2);
        const gathered = gatherColumn(ws, batch.columns[0], indices.address, wanted.length, true);
        const read = columnReader(ws, gathered);
        expect(wanted.map((_, i) => read(i))).toEqual(
          wanted.map((index) => (index === NO_ROW ? null : rows[index].text)),
        );
        for (const owned of [gathered, batch, indices]) owned.release();
      }),
    ),
  );
});

it("gathers texts of which only empty ones are left out, also of a slice", () => {
  const kept = fc.record({ row, keeps: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(kept, { maxLength: 200, size: "max" }),
      fc.nat({ max: 40 }),
      fc.boolean(),
      (given, skip, turns) =>
        withWorkspace((ws) => {
          const built = buildBatch(
            ws,
            schema,
            given.map(({ row }) => row),
          );
          const start = Math.min(skip, given.length);
          const texts = sliceColumn(ws, built.columns[0], start, given.length - start);
          const rest = given.slice(start);
          const wanted = rest.flatMap(({ row, keeps }, i) => (keeps || (row.text ?? "") !== "" ? [i] : []));
          if (turns) wanted.reverse();
          const indices = ws.allocate(Math.max(4, wanted.length * 4));
          ws.u32.set(wanted, indices.address >>> 2);
          const gathered = gatherColumn(ws, texts, indices.address, wanted.length);
          built.release();
          texts.release();
          const read = columnReader(ws, gathered);
          expect(wanted.map((_, i) => read(i))).toEqual(wanted.map((index) => rest[index].row.text));
          for (const owned of [gathered, indices]) owned.release();
        }),
    ),
  );
});

it("shares texts without keeping what else their column has, or much of a block of which it shows little", () => {
  const bytesOf = (shown: number, all: number) =>
    withWorkspace((ws) => {
      const texts = buildColumn(
        ws,
        utf8,
        Array.from({ length: all }, (_, i) => (i % 2 === 0 ? "four" : "")),
      );
      const part = sliceColumn(ws, texts, 0, shown);
      const indices = ws.allocate(shown * 2);
      for (let i = 0; i < shown / 2; i++) ws.u32[(indices.address >>> 2) + i] = i * 2;
      const gathered = gatherColumn(ws, part, indices.address, shown / 2);
      const isShared = gathered.data === texts.data;
      for (const owned of [texts, part, indices]) owned.release();
      const kept = ws.allocator.liveBytes / columnBytes(ws, gathered);
      gathered.release();
      return { isShared, kept };
    });
  // Blocks are rounded up to their size classes.
  const whole = bytesOf(8000, 8000);
  expect(whole.isShared).toBe(true);
  expect(whole.kept).toBeLessThan(1.6);
  const most = bytesOf(6000, 8000);
  expect(most.isShared).toBe(true);
  expect(most.kept).toBeLessThan(2);
  const little = bytesOf(800, 8000);
  expect(little.isShared).toBe(false);
  expect(little.kept).toBeLessThan(1.6);
});
