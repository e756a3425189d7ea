import { describe, expect, it } from "vitest";
import { Batch } from "../../../src/core/batch.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import { sliceBatch } from "../../../src/core/columns/slice.ts";
import { assert } from "../../../src/core/errors.ts";
import { Schema } from "../../../src/core/schema.ts";
import * as types from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { kernelModule } from "../../../src/host/kernel-module.ts";
import { BatchStore } from "../../../src/runtime/batch-store.ts";
import { encodedColumn } from "../../support/arbitrary-column.ts";
import { operatorContext } from "../../support/run-operator.ts";
import { withWorkspace } from "../../support/workspace.ts";

const schema = Schema.of({ city: types.utf8 });
const cities = ["Delft", null, "Utrecht", "Breda"];

/** Reads the store as a job does; the caller releases the batches. */
function readStore(store: BatchStore, ws: Workspace): Batch[] {
  const source = store.source("cities");
  return source.splits().flatMap((split) => {
    const reader = source.openSplit(split, { ...operatorContext(ws), batchRows: 2 });
    const batches: Batch[] = [];
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
      assert(batch instanceof Batch, "stored batches are there at once");
      batches.push(batch);
    }
    reader.close();
    return batches;
  });
}

describe("a store of batches", () => {
  it("keeps a dictionary once for the batches that share it, and gives it to their readers once", () => {
    withWorkspace((ws) => {
      const store = new BatchStore(kernelModule(), schema);
      const whole = new Batch(schema, cities.length, [encodedColumn(ws, types.utf8, cities)]);
      const halves = [sliceBatch(ws, whole, 0, 2), sliceBatch(ws, whole, 2, 2)];
      for (const half of halves) store.append(half, ws);
      for (const batch of [whole, ...halves]) batch.release();

      const read = readStore(store, ws);
      expect(read.flatMap((batch) => readRows(ws, batch))).toEqual(cities.map((city) => ({ city })));
      const [first, second] = read.map((batch) => batch.columns[0].dictionary);
      expect(first).toBeDefined();
      expect(second).toBe(first);
      for (const batch of read) batch.release();
    });
  });

  it("forgets dictionaries with their batches", () => {
    withWorkspace((ws) => {
      const store = new BatchStore(kernelModule(), schema);
      for (const rows of [cities, ["Gouda", null, null, "Delft"]]) {
        const batch = new Batch(schema, rows.length, [encodedColumn(ws, types.utf8, rows)]);
        store.clear();
        store.append(batch, ws);
        batch.release();
        const read = readStore(store, ws);
        expect(read.flatMap((each) => readRows(ws, each))).toEqual(rows.map((city) => ({ city })));
        for (const each of read) each.release();
      }
    });
  });
});
