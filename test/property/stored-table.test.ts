import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Batch } from "../../src/core/batch.ts";
import { readRows } from "../../src/core/columns/read.ts";
import { Schema } from "../../src/core/schema.ts";
import type { SinkContext } from "../../src/core/sink.ts";
import * as types from "../../src/core/types.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import { kernelModule } from "../../src/host/kernel-module.ts";
import { StoredParts } from "../../src/runtime/stored-parts.ts";
import { StoredSource } from "../../src/runtime/stored-source.ts";
import { StoredTable, storedSink } from "../../src/runtime/stored-table.ts";
import { anyTable, forEachBatch } from "../support/arbitrary-table.ts";
import { operatorContext } from "../support/run-operator.ts";
import { newWorkspace, withWorkspace } from "../support/workspace.ts";

const ANY_TYPES = fc.array(
  fc.constantFrom(
    types.int32,
    types.int64,
    types.bool,
    types.float64,
    types.utf8,
    types.binary,
    types.decimal(20, 2),
    types.list(types.utf8),
    types.struct({ a: types.int32, b: types.utf8 }),
    types.map(types.utf8, types.list(types.int64)),
  ),
  { minLength: 1, maxLength: 4, size: "max" },
);

/** Reads some columns of a table on the thread of `own`. */
function readColumns(table: StoredTable, columns: readonly string[], own: StoredParts): object[] {
  const planned = table.source("table").withColumns(columns);
  const source = StoredSource.on(own, planned.spec);
  return planned.splits().flatMap((split) => {
    const reader = source.openSplit(split, operatorContextOf(own.workspace));
    const rows: object[] = [];
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
      if (!(batch instanceof Batch)) throw new Error("stored batches are there at once");
      rows.push(...readRows(own.workspace, batch));
      batch.release();
    }
    reader.close();
    return rows;
  });
}

const operatorContextOf = (ws: Workspace) => ({ ...operatorContext(ws), batchRows: 16 });

it("gives any columns of any rows back, to the thread that keeps them, to another, and out of the overflow", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyTable(ANY_TYPES, 40),
      fc.constantFrom(1, 300, 2 ** 31),
      fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
      async (sample, inPlaceBytes, picks) => {
        const ws = newWorkspace();
        const own = new StoredParts("here", ws, kernelModule(), inPlaceBytes);
        const schema = Schema.of(Object.fromEntries(sample.types.map((type, i) => [`c${i}`, type])));
        const table = new StoredTable("table", schema);
        table.place.set({ freeTable: (id) => Promise.resolve(own.free(id)) });
        const writer = storedSink(own, table.sink().spec).createWriter({
          schema,
          subtask: 0,
        } as unknown as SinkContext);
        const expected: object[] = [];
        const names = [...new Set(picks.map((pick) => `c${pick % sample.types.length}`))];
        forEachBatch(ws, sample, (columns, rowCount) => {
          const batch = new Batch(
            schema,
            rowCount,
            columns.map((column) => column.retain()),
          );
          const picked = batch.project(
            schema.pick(names),
            names.map((name) => schema.indexOf(name)),
          );
          expected.push(...readRows(ws, picked));
          picked.release();
          void writer.write(batch);
          batch.release();
        });
        await table.sink().commit([await writer.prepareCommit()]);

        expect(ws.kept.blockCount).toBe(ws.allocator.liveBlocks);
        expect(readColumns(table, names, own)).toEqual(expected);
        // Readers widen decimals into blocks of their own: what is kept stays as it was.
        expect(ws.kept.blockCount).toBe(ws.allocator.liveBlocks);
        withWorkspace((other) => {
          expect(readColumns(table, names, new StoredParts("elsewhere", other, kernelModule()))).toEqual(expected);
        });
        await table.release();
        expect([ws.allocator.liveBlocks, ws.kept.byteLength]).toEqual([0, 0]);
      },
    ),
    { numRuns: 120 },
  );
});
