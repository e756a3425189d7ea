import { describe, expect, it } from "vitest";
import { FlatMapRows } from "../../../../src/core/operators/flat-map-rows.ts";
import { KeyedReduce } from "../../../../src/core/operators/keyed-reduce.ts";
import { Schema } from "../../../../src/core/schema.ts";
import type { StateTtl } from "../../../../src/core/state/descriptors.ts";
import { int32, list, utf8 } from "../../../../src/core/types.ts";
import { memoryState } from "../../../../src/state/memory/memory-backend.ts";
import { StreamOperator } from "../../../support/stream-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const SCHEMA = Schema.of({ user: utf8, amount: int32, tags: list(utf8) });
const KEYS = { keys: ["user"] };
const row = (user: string | null, amount: number, timeMs = 0) => ({
  row: { user, amount, tags: [`${amount}`] },
  timeMs,
});

const add = (ttl?: StateTtl) =>
  new KeyedReduce(
    (left, right) => ({
      user: right.user,
      amount: (left.amount as number) + (right.amount as number),
      tags: [...(left.tags as string[]), ...(right.tags as string[])],
    }),
    SCHEMA,
    ["user"],
    { site: { name: "reduce" }, state: memoryState, ttl },
  );

describe("KeyedReduce", () => {
  const rows = [row("a", 1, 10), row(null, 2, 11), row("a", 3, 12), row(null, 4, 5)];

  it("gives the result so far behind each row of a stream", () => {
    withWorkspace((ws) => {
      const op = new StreamOperator(ws, () => add());
      op.send(SCHEMA, rows, KEYS);
      op.end();
      op.close();
      expect(op.emitted.slice(0, 4)).toEqual([
        { row: { user: "a", amount: 1, tags: ["1"] }, timeMs: 10 },
        { row: { user: null, amount: 2, tags: ["2"] }, timeMs: 11 },
        { row: { user: "a", amount: 4, tags: ["1", "3"] }, timeMs: 12 },
        { row: { user: null, amount: 6, tags: ["2", "4"] }, timeMs: 5 },
      ]);
    });
  });

  it("gives the last result of each key alone in batch mode", () => {
    withWorkspace((ws) => {
      const op = new StreamOperator(ws, () => add(), { isBatchMode: true, batchRows: 1 });
      op.send(SCHEMA, rows.slice(0, 2), KEYS);
      op.send(SCHEMA, rows.slice(2), KEYS);
      expect(op.emitted).toEqual([]);
      op.end();
      op.close();
      expect(op.rows.map(({ user, amount }) => `${user} ${amount}`).sort()).toEqual(["a 4", "null 6"]);
    });
  });

  it("begins a key anew whose last row is too long ago, in event time, and frees it once the watermark has passed", () => {
    withWorkspace((ws) => {
      const op = new StreamOperator(ws, () => add({ ttlMs: 10, timeDomain: "event" }));
      op.send(SCHEMA, [row("a", 1, 10), row("a", 2, 19), row("a", 3, 12), row("a", 4, 28), row("a", 5, 38)], KEYS);
      expect(op.rows.map(({ amount }) => amount)).toEqual([1, 3, 6, 10, 5]);
      op.watermark(100);
      op.send(SCHEMA, [row("b", 1, 101)], KEYS);
      expect(op.metrics.get("stateKeys")).toBe(1);
      op.close();
    });
  });

  it("begins a key anew by the clock, and says which rows have no event time", () => {
    withWorkspace((ws) => {
      const op = new StreamOperator(ws, () => add({ ttlMs: 10 }));
      for (const [amount, nowMs] of [
        [1, 1_000],
        [2, 1_009],
        [3, 1_019],
      ]) {
        op.nowMs = nowMs;
        op.send(SCHEMA, [row("a", amount)], KEYS);
      }
      expect(op.rows.map(({ amount }) => amount)).toEqual([1, 3, 3]);
      op.close();
      const untimed = new StreamOperator(ws, () => add({ ttlMs: 10, timeDomain: "event" }));
      const { row: plain } = row("a", 1);
      expect(() => untimed.send(SCHEMA, [{ row: plain }], KEYS)).toThrow(/time to live in event time/);
      untimed.close();
    });
  });

  it("goes on from a snapshot", () => {
    withWorkspace((ws) => {
      const before = new StreamOperator(ws, () => add(), { parallelism: 2 });
      before.send(SCHEMA, rows, KEYS);
      const after = new StreamOperator(ws, () => add(), { parallelism: 3, restore: before.snapshot() });
      after.send(SCHEMA, [row("a", 100), row(null, 100), row("new", 1)], KEYS);
      expect(after.rows.map(({ user, amount }) => `${user} ${amount}`).sort()).toEqual(["a 104", "new 1", "null 106"]);
      before.close();
      after.close();
    });
  });
});

describe("FlatMapRows", () => {
  it("gives each row the time and kind of the row that it was made of", () => {
    withWorkspace((ws) => {
      const shape = { schema: Schema.of({ n: int32 }) };
      const op = new StreamOperator(
        ws,
        () =>
          new FlatMapRows((row) => Array.from({ length: row.amount as number }, (_, n) => ({ n })), SCHEMA, shape, {
            name: "flatMap",
          }),
        { batchRows: 3 },
      );
      op.send(SCHEMA, [row("a", 2, 10), row("b", 0, 11), row("c", 4, 12)]);
      op.send(SCHEMA, [row("d", 1, 13)]);
      op.close();
      expect(op.emitted.map((one) => "row" in one && one.timeMs)).toEqual([10, 10, 12, 12, 12, 12, 13]);
    });
  });
});
