import { describe, expect, it } from "vitest";
import { Batch } from "../../../src/core/batch.ts";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import { sliceBatch } from "../../../src/core/columns/slice.ts";
import { assert } from "../../../src/core/errors.ts";
import { Schema } from "../../../src/core/schema.ts";
import type { SinkContext } from "../../../src/core/sink.ts";
import * as types from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { kernelModule } from "../../../src/host/kernel-module.ts";
import { StoredParts } from "../../../src/runtime/stored-parts.ts";
import { StoredSource } from "../../../src/runtime/stored-source.ts";
import { StoredTable, storedSink } from "../../../src/runtime/stored-table.ts";
import { encodedColumn } from "../../support/arbitrary-column.ts";
import { operatorContext } from "../../support/run-operator.ts";
import { withWorkspace } from "../../support/workspace.ts";

const schema = Schema.of({ city: types.utf8 });
const cities = ["Delft", null, "Utrecht", "Breda"];
const rowsOf = (values: readonly unknown[]) => values.map((city) => ({ city }));

const encoded = (ws: Workspace, values: readonly unknown[]) =>
  new Batch(schema, values.length, [encodedColumn(ws, types.utf8, values)]);

/** A table that lies in the memory of one thread. */
function newTable(own: StoredParts): StoredTable {
  const table = new StoredTable("table", schema);
  table.place.set({ freeTable: (id) => Promise.resolve(own.free(id)) });
  return table;
}

const writerOf = (own: StoredParts, table: StoredTable, subtask = 0) =>
  storedSink(own, table.sink().spec).createWriter({ schema, subtask } as unknown as SinkContext);

/** Fills the table as a job of one subtask does. */
async function fill(own: StoredParts, table: StoredTable, batches: readonly Batch[]): Promise<void> {
  const writer = writerOf(own, table);
  for (const batch of batches) await writer.write(batch);
  await table.sink().commit([await writer.prepareCommit()]);
}

/** Reads the table on a thread as a job does; the caller releases the batches. */
function read(table: StoredTable, own: StoredParts): Batch[] {
  const planned = table.source("cities");
  const source = StoredSource.on(own, planned.spec);
  return planned.splits().flatMap((split) => {
    const reader = source.openSplit(split, { ...operatorContext(own.workspace), batchRows: 2 });
    const batches: Batch[] = [];
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
      assert(batch instanceof Batch, "stored batches are there at once");
      batches.push(batch);
    }
    reader.close();
    return batches;
  });
}

const parts = (ws: Workspace, id = "here", inPlaceBytes?: number) =>
  new StoredParts(id, ws, kernelModule(), inPlaceBytes);

describe("a stored table", () => {
  it("is kept and read in place by the thread that made it: no byte moves, no block is allocated", () =>
    withWorkspaceAsync(async (ws) => {
      const [own, batch] = [parts(ws), encoded(ws, cities)];
      const table = newTable(own);
      const before = ws.allocator.liveBlocks;
      await fill(own, table, [batch]);
      const [found] = read(table, own);
      expect(ws.allocator.liveBlocks).toBe(before);
      expect(ws.kept.blockCount).toBe(before);
      expect(found.columns).toEqual(batch.columns);
      expect(readRows(ws, found)).toEqual(rowsOf(cities));
      for (const each of [batch, found]) each.release();
      await table.release();
    }));

  it("is copied by another thread, a dictionary once for the batches that share it", () =>
    withWorkspaceAsync(async (ws) => {
      const own = parts(ws);
      const table = newTable(own);
      const whole = encoded(ws, cities);
      const halves = [sliceBatch(ws, whole, 0, 2), sliceBatch(ws, whole, 2, 2)];
      await fill(own, table, halves);
      for (const batch of [whole, ...halves]) batch.release();
      withWorkspace((other) => {
        const found = read(table, parts(other, "elsewhere"));
        expect(found.flatMap((batch) => readRows(other, batch))).toEqual(rowsOf(cities));
        const [first, second] = found.map((batch) => batch.columns[0].dictionary);
        expect(first).toBeDefined();
        expect(second).toBe(first);
        for (const batch of found) batch.release();
      });
      await table.release();
    }));

  it("goes to a memory of its own where the thread keeps much already, in order", () =>
    withWorkspaceAsync(async (ws) => {
      const own = parts(ws, "here", 1);
      const table = newTable(own);
      const batches = [encoded(ws, cities), encoded(ws, ["Gouda", "Delft"]), encoded(ws, [null])];
      await fill(own, table, batches);
      expect(ws.kept.blockCount).toBe(ws.allocator.liveBlocks - batches.slice(1).flatMap(blocksOf).length);
      for (const batch of batches) batch.release();
      const found = read(table, own);
      expect(found.flatMap((batch) => readRows(ws, batch))).toEqual(rowsOf([...cities, "Gouda", "Delft", null]));
      for (const batch of found) batch.release();
      expect(
        table
          .source("cities")
          .splits()
          .map(({ home }) => home),
      ).toEqual(["here", undefined]);
      await table.release();
    }));

  it("keeps a few rows of large blocks in blocks of their own", () =>
    withWorkspaceAsync(async (ws) => {
      const own = parts(ws);
      const table = newTable(own);
      const large = buildBatch(
        ws,
        schema,
        Array.from({ length: 60_000 }, (_, i) => ({ city: `a city with the number ${i}` })),
      );
      const few = sliceBatch(ws, large, 59_999, 1);
      large.release();
      expect(ws.allocator.liveBytes).toBeGreaterThan(1 << 20);
      await fill(own, table, [few]);
      few.release();
      expect(ws.allocator.liveBytes).toBeLessThan(1 << 12);
      expect(ws.kept.byteLength).toBe(ws.allocator.liveBytes);
      const [found] = read(table, own);
      expect(readRows(ws, found)).toEqual(rowsOf(["a city with the number 59999"]));
      found.release();
      await table.release();
    }));

  it("has its parts in the order of the subtasks that wrote them", () =>
    withWorkspaceAsync(async (ws) => {
      const own = parts(ws);
      const table = newTable(own);
      const committables = [];
      for (const subtask of [10, 2, 0]) {
        const batch = encoded(ws, [`subtask ${subtask}`]);
        const writer = writerOf(own, table, subtask);
        await writer.write(batch);
        batch.release();
        committables.push(await writer.prepareCommit());
      }
      await table.sink().commit(committables);
      const found = read(table, own);
      expect(found.flatMap((batch) => readRows(ws, batch))).toEqual(rowsOf(["subtask 0", "subtask 2", "subtask 10"]));
      expect(table.rowCount).toBe(3);
      for (const batch of found) batch.release();
      await table.release();
    }));

  it("leaves nothing behind where its writer is closed before it has prepared, or its job fails after that", () =>
    withWorkspaceAsync(async (ws) => {
      const own = parts(ws);
      for (const isPrepared of [false, true]) {
        const table = newTable(own);
        const [writer, batch] = [writerOf(own, table), encoded(ws, cities)];
        await writer.write(batch);
        batch.release();
        expect(ws.kept.blockCount).toBeGreaterThan(0);
        if (isPrepared) await table.sink().abort([await writer.prepareCommit()]);
        else writer.close();
        expect([ws.kept.blockCount, ws.allocator.liveBlocks]).toEqual([0, 0]);
      }
    }));

  it("stays while a job reads it, and cannot be read once released", () =>
    withWorkspaceAsync(async (ws) => {
      const [own, batch] = [parts(ws), encoded(ws, cities)];
      const table = newTable(own);
      await fill(own, table, [batch]);
      batch.release();
      table.begin();
      const released = table.release();
      expect(() => table.begin()).toThrow(expect.objectContaining({ code: "DATASET_UNPERSISTED" }));
      await Promise.resolve();
      expect(ws.kept.blockCount).toBeGreaterThan(0);
      table.end(true);
      await released;
      await table.release();
      expect(() => table.source("cities")).toThrow(expect.objectContaining({ code: "DATASET_UNPERSISTED" }));
    }));

  it("tells of references that jobs left behind", () =>
    withWorkspaceAsync(async (ws) => {
      const [own, batch] = [parts(ws), encoded(ws, cities)];
      const table = newTable(own);
      await fill(own, table, [batch]);
      await expect(table.release()).rejects.toThrow(/references on \d+ blocks/);
      batch.release();
    }));
});

const blocksOf = (batch: Batch) =>
  batch.columns.flatMap((column) => [...column.blocks, ...(column.dictionary?.blocks ?? [])]);

/** Like `withWorkspace`, for a use that waits. */
async function withWorkspaceAsync(use: (ws: Workspace) => Promise<void>): Promise<void> {
  let ws: Workspace | undefined;
  withWorkspace((made) => {
    ws = made;
  });
  assert(ws !== undefined, "withWorkspace calls at once");
  await use(ws);
  expect(ws.allocator.liveBlocks, "blocks still live").toBe(0);
}
