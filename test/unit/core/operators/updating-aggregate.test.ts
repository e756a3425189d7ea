import { describe, expect, it } from "vitest";
import {
  UpdatingAggregateOperator,
  type UpdatingAggregateSpec,
} from "../../../../src/core/operators/updating-aggregate.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { StreamHarness } from "../../../support/stream-harness.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const SCHEMA = Schema.of({ k: utf8, v: int32 });
const SPEC: UpdatingAggregateSpec = {
  kind: "updatingAggregate",
  keys: ["k"],
  isChangelogInput: true,
  aggregates: [{ fn: "max", column: "v", as: "max" }],
};
const harnessOf = (ws: Workspace, spec: Partial<UpdatingAggregateSpec> = {}) =>
  new StreamHarness(ws, () => new UpdatingAggregateOperator({ ...SPEC, ...spec }, SCHEMA), [
    { schema: SCHEMA, keys: ["k"] },
  ]);

describe("updating aggregate", () => {
  it("inserts, updates what changed once per batch, and deletes", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws);
      const taken = () => harness.emitted.splice(0).map(({ row, kind }) => [kind, row.k, row.max]);
      harness.rows(0, [
        { k: "a", v: 1 },
        { k: "b", v: 1 },
        { k: "a", v: 2 },
      ]);
      expect(taken()).toEqual([
        [0, "a", 2],
        [0, "b", 1],
      ]);
      harness.rows(0, [
        { k: "a", v: 1 },
        { k: "b", v: 3 },
      ]);
      expect(taken()).toEqual([
        [1, "b", 1],
        [2, "b", 3],
      ]);
      harness.rows(
        0,
        [
          { k: "a", v: 2 },
          { k: "b", v: 3 },
          { k: "b", v: 1 },
        ],
        { kinds: [3, 3, 3] },
      );
      expect(taken()).toEqual([
        [1, "a", 2],
        [2, "a", 1],
        [3, "b", 3],
      ]);
      harness.close();
    }));

  it("gives new rows alone where asked to", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws, { withBefore: false });
      for (const v of [1, 2]) harness.rows(0, [{ k: "a", v }]);
      expect(harness.emitted.map(({ kind, row }) => [kind, row.max])).toEqual([
        [0, 1],
        [2, 2],
      ]);
      harness.close();
    }));

  it("clears keys without rows away", () =>
    withWorkspace((ws) => {
      const harness = harnessOf(ws);
      let bytes = 0;
      for (let round = 0; round < 40; round++) {
        const rows = Array.from({ length: 1000 }, (_, i) => ({ k: `a key of some length ${round} ${i}`, v: i }));
        harness.rows(0, rows);
        harness.rows(0, rows, { kinds: rows.map(() => 3) });
        if (round === 10) bytes = ws.allocator.liveBytes;
      }
      expect(ws.allocator.liveBytes).toBeLessThanOrEqual(bytes * 1.5);
      harness.close();
    }));

  it("refuses aggregates that cannot forget a row", () => {
    const make = () =>
      new UpdatingAggregateOperator({ ...SPEC, aggregates: [{ fn: "median", column: "v", as: "m" }] }, SCHEMA);
    expect(make).toThrow(/taken back later/);
  });
});
