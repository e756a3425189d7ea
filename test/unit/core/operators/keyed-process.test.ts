import { describe, expect, it } from "vitest";
import { KeyedProcess, type KeyedProcessFunction } from "../../../../src/core/operators/keyed-process.ts";
import { Schema } from "../../../../src/core/schema.ts";
import {
  aggregatingState,
  listState,
  mapState,
  reducingState,
  valueState,
} from "../../../../src/core/state/descriptors.ts";
import type { StateOf } from "../../../../src/core/state/keyed-state.ts";
import { float64, int32, int64, struct, utf8 } from "../../../../src/core/types.ts";
import { memoryState } from "../../../../src/state/memory/memory-backend.ts";
import { StreamOperator, type StreamOperatorOptions } from "../../../support/stream-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const INPUT = Schema.of({ user: utf8, amount: int32 });
const OUTPUT = Schema.of({ user: utf8, value: int32 });
const KEYS = { keys: ["user"] };

const create =
  (process: KeyedProcessFunction, sideOutputs = {}) =>
  () =>
    new KeyedProcess(process, INPUT, ["user"], {
      shape: { schema: OUTPUT },
      sideOutputs,
      site: { name: "process" },
      state: memoryState,
    });

const row = (user: string | null, amount: number, timeMs = 0) => ({ row: { user, amount }, timeMs });

function run(
  process: KeyedProcessFunction,
  drive: (op: StreamOperator) => void,
  options: StreamOperatorOptions = {},
  sides = {},
) {
  return withWorkspace((ws) => {
    const op = new StreamOperator(ws, create(process, sides), options);
    try {
      drive(op);
    } finally {
      op.close();
    }
    return op;
  });
}

describe("KeyedProcess", () => {
  const sums = (): KeyedProcessFunction => {
    const sum = valueState("sum", int32);
    return {
      processElement(row, context, out) {
        const state = context.state(sum);
        state.set((state.get() ?? 0) + (row.amount as number));
        out.collect({ user: context.key, value: state.get() });
      },
    };
  };

  it("keeps a value per key, null keys too, and gives results the time of their row", () => {
    const op = run(sums(), (op) => {
      op.send(INPUT, [row("a", 1, 10), row(null, 5, 11), row("a", 2, -12)], KEYS);
      op.send(INPUT, [row(null, 5, 13), row("b", 7, 2 ** 41)], KEYS);
    });
    expect(op.emitted).toEqual([
      { row: { user: "a", value: 1 }, timeMs: 10 },
      { row: { user: null, value: 5 }, timeMs: 11 },
      { row: { user: "a", value: 3 }, timeMs: -12 },
      { row: { user: null, value: 10 }, timeMs: 13 },
      { row: { user: "b", value: 7 }, timeMs: 2 ** 41 },
    ]);
    expect(op.metrics.get("stateKeys")).toBe(3);
  });

  it("goes on from a snapshot at another parallelism", () => {
    withWorkspace((ws) => {
      const users = Array.from({ length: 50 }, (_, i) => `user ${i}`);
      const before = new StreamOperator(ws, create(sums()), { parallelism: 2 });
      before.send(
        INPUT,
        users.map((user, i) => row(user, i)),
        KEYS,
      );
      const snapshot = before.snapshot();
      before.close();
      expect(Object.keys(snapshot.tables).sort()).toEqual(["timers:event", "timers:processing", "value:sum"]);
      const after = new StreamOperator(ws, create(sums()), { parallelism: 3, restore: snapshot });
      after.send(
        INPUT,
        users.map((user) => row(user, 1000)),
        KEYS,
      );
      expect(after.rows.map(({ value }) => value).sort()).toEqual(users.map((_, i) => 1000 + i).sort());
      // Nothing was asked of this one: it hands on what it was given.
      const idle = new StreamOperator(ws, create(sums()), { parallelism: 5, restore: snapshot });
      expect(Object.keys(idle.snapshot().tables)).toContain("value:sum");
      const again = new StreamOperator(ws, create(sums()), { parallelism: 1, restore: idle.snapshot() });
      again.send(
        INPUT,
        users.map((user) => row(user, 0)),
        KEYS,
      );
      expect(again.rows.map(({ value }) => value)).toEqual(users.map((_, i) => i));
      for (const op of [after, idle, again]) op.close();
    });
  });

  it("fires timers once, in the order of time, with the key's state, before the watermark goes on", () => {
    const seen = valueState("seen", int32);
    const process: KeyedProcessFunction = {
      processElement(row, context) {
        context.state(seen).set(row.amount as number);
        context.timers.registerEventTime(context.timestampMs + (row.amount as number));
        context.timers.registerEventTime(context.timestampMs + (row.amount as number)); // the same timer
        if (row.amount === 3) context.timers.deleteEventTime(context.timestampMs + 3);
      },
      onTimer(timestampMs, context, out) {
        expect(context.timestampMs).toBe(timestampMs);
        out.collect({ user: context.key, value: context.state(seen).get() });
        if (timestampMs === 110) context.timers.registerEventTime(120);
      },
    };
    const op = run(process, (op) => {
      op.send(INPUT, [row("a", 50, 100), row("b", 10, 100), row("c", 3, 100)], KEYS);
      op.watermark(109);
      op.watermark(130);
      expect(op.operators[0].pendingTimes?.()).toEqual([
        { what: "timer of process", timeDomain: "event", atMs: 150, count: 1 },
      ]);
      op.end();
    });
    expect(op.emitted).toEqual([
      { watermark: 109 },
      { row: { user: "b", value: 10 }, timeMs: 110 },
      { row: { user: "b", value: 10 }, timeMs: 120 },
      { watermark: 130 },
      { row: { user: "a", value: 50 }, timeMs: 150 },
      { watermark: Number.MAX_SAFE_INTEGER },
    ]);
  });

  it("asks for processing time, and fires its timers as the clock reaches them", () => {
    const process: KeyedProcessFunction = {
      processElement(row, context) {
        context.timers.registerProcessingTime(context.currentProcessingTimeMs + (row.amount as number));
      },
      onTimer(timestampMs, context, out) {
        expect(context.timeDomain).toBe("processing");
        out.collect({ user: context.key, value: timestampMs });
        context.timers.registerProcessingTime(timestampMs + 100);
      },
    };
    const op = run(
      process,
      (op) => {
        op.send(INPUT, [row("late", 90), row("soon", 10)], KEYS);
        op.advanceTo(1005);
        expect(op.rows).toEqual([]);
        op.advanceTo(1150);
        expect(op.rows.map(({ value }) => value)).toEqual([1010, 1090, 1110]);
        // At the end what waits fires once, and time stands still.
        op.end();
      },
      { nowMs: 1000 },
    );
    expect(op.rows.map(({ value }) => value)).toEqual([1010, 1090, 1110, 1190, 1210]);
  });

  it("restores timers at another parallelism, deleted ones not", () => {
    const process = (): KeyedProcessFunction => ({
      processElement(row, context) {
        for (let i = 1; i <= 3; i++) context.timers.registerEventTime(i * 10 + (row.amount as number));
        context.timers.deleteEventTime(20 + (row.amount as number));
      },
      onTimer(timestampMs, context, out) {
        out.collect({ user: context.key, value: timestampMs });
      },
    });
    withWorkspace((ws) => {
      const users = Array.from({ length: 20 }, (_, i) => i);
      const before = new StreamOperator(ws, create(process()), { parallelism: 3 });
      before.send(
        INPUT,
        users.map((i) => row(`user ${i}`, i % 5)),
        KEYS,
      );
      const after = new StreamOperator(ws, create(process()), { parallelism: 2, restore: before.snapshot() });
      after.watermark(1000);
      const expected = users.flatMap((i) =>
        [10 + (i % 5), 30 + (i % 5)].map((value) => ({ user: `user ${i}`, value })),
      );
      const text = (rows: object[]) => rows.map((each) => JSON.stringify(each)).sort();
      expect(text(after.rows)).toEqual(text(expected));
      before.close();
      after.close();
    });
  });

  it("has lists, maps, reducing and aggregating state", () => {
    const list = listState("list", int32);
    const map = mapState("map", utf8, struct({ count: int64 }));
    const most = reducingState("most", int32, Math.max);
    const mean = aggregatingState(
      "mean",
      {
        createAccumulator: () => ({ sum: 0, count: 0 }),
        add: ({ sum, count }, value: number) => ({ sum: (sum ?? 0) + value, count: (count ?? 0) + 1 }),
        getResult: ({ sum, count }) => (sum ?? 0) / (count ?? 1),
        merge: (a, b) => ({ sum: (a.sum ?? 0) + (b.sum ?? 0), count: (a.count ?? 0) + (b.count ?? 0) }),
      },
      struct({ sum: float64, count: float64 }),
    );
    let maps: StateOf<typeof map> | undefined;
    const op = run(
      {
        open(context) {
          maps = context.state(map);
          expect(() => maps?.get("x")).toThrow(/STATE_WITHOUT_KEY|no key at hand/);
        },
        processElement(row, context, out) {
          const amount = row.amount as number;
          const [l, m, r, a] = [context.state(list), maps, context.state(most), context.state(mean)];
          l.add(amount);
          r.add(amount);
          a.add(amount);
          m?.set(`n${amount}`, { count: BigInt(l.get().length) });
          if (amount === 9) {
            out.collect({ user: `${l.get()}|${r.get()}|${a.get()}|${[...(m?.keys() ?? [])]}`, value: 0 });
          }
        },
      },
      (op) => {
        op.send(INPUT, [row("a", 4), row("b", 1), row("a", 2), row("a", 9)], KEYS);
        const [operator] = op.operators as [KeyedProcess];
        expect(operator.queryState("list", ["a"])).toEqual([4, 2, 9]);
        expect(operator.queryState("most", ["a"])).toBe(9);
        expect(operator.queryState("mean", ["a"])).toBe(5);
        expect(operator.queryState("map", ["b"])).toEqual([["n1", { count: 1n }]]);
        expect(operator.queryState("map", ["nobody"])).toBeNull();
        expect(() => operator.queryState("none", ["a"])).toThrow(/"list", "most", "mean"|STATE_UNKNOWN|"map"/);
      },
    );
    expect(op.rows).toEqual([{ user: "4,2,9|9|5|n4,n2,n9", value: 0 }]);
  });

  it("puts rows in declared side outputs", () => {
    const op = run(
      {
        processElement(row, context, out) {
          if ((row.amount as number) < 0) context.output({ name: "negative" }, { amount: row.amount });
          else out.collect({ user: row.user, value: row.amount });
        },
      },
      (op) => {
        op.send(INPUT, [row("a", -4, 5), row("b", 1, 6)], KEYS);
        expect(() => {
          const broken = create({ processElement: (_, context) => context.output("other", {}) });
          withWorkspace((ws) => {
            const second = new StreamOperator(ws, broken);
            try {
              second.send(INPUT, [row("a", 1)], KEYS);
            } finally {
              second.close();
            }
          });
        }).toThrow(/side output "other"/);
      },
      {},
      { negative: { schema: Schema.of({ amount: int32 }) } },
    );
    expect(op.emitted).toEqual([
      { row: { user: "b", value: 1 }, timeMs: 6 },
      { row: { amount: -4 }, timeMs: 5, tag: "negative" },
    ]);
  });

  const failing: [string, KeyedProcessFunction, object, RegExp][] = [
    ["updates", { processElement: () => {} }, { kind: 1 }, /inserts only/],
    [
      "a missing event time",
      { processElement: (_, { timestampMs }) => void timestampMs },
      { timeMs: undefined },
      /event time of a row/,
    ],
    ["a timer without onTimer", { processElement: (_, { timers }) => timers.registerEventTime(1) }, {}, /no onTimer/],
    [
      "a value of another type",
      { processElement: (_, c) => c.state(valueState("v", int32)).set("x" as never) },
      {},
      /the state "v" of type int32/,
    ],
    [
      "one name for two states",
      {
        processElement: (_, c) => {
          c.state(valueState("v", int32));
          c.state(valueState("v", utf8));
        },
      },
      {},
      /declared twice/,
    ],
    [
      "what the function throws",
      {
        processElement: () => {
          throw new Error("no");
        },
      },
      {},
      /process \(row 0\) threw Error: no/,
    ],
  ];
  it.each(failing)("refuses %s", (_, process, extra, message) => {
    expect(() => run(process, (op) => op.send(INPUT, [{ ...row("a", 1), ...extra }], KEYS))).toThrow(message);
  });

  it("says when timers renew themselves for ever at the end", () => {
    const endless: KeyedProcessFunction = {
      processElement: (_, context) => context.timers.registerEventTime(10),
      onTimer: (timestampMs, context) => context.timers.registerEventTime(timestampMs + 10),
    };
    expect(() =>
      run(endless, (op) => {
        op.send(INPUT, [row("a", 1, 50_000)], KEYS);
        op.end();
      }),
    ).toThrow(/isEndOfInput/);
  });

  it("refuses a snapshot in which a state was another one", () => {
    withWorkspace((ws) => {
      const before = new StreamOperator(ws, create(sums()));
      before.send(INPUT, [row("a", 1)], KEYS);
      const restore = before.snapshot();
      before.close();
      for (const descriptor of [listState("sum", int32), valueState("sum", utf8)]) {
        const process: KeyedProcessFunction = { open: (c) => void c.state(descriptor), processElement: () => {} };
        expect(() => new StreamOperator(ws, create(process), { restore })).toThrow(/snapshot/);
      }
    });
  });

  it("emits in full batches, goes on after each few, and copies views that are collected", () => {
    const op = run(
      {
        processElement(row, _, out) {
          for (let i = 0; i < 100; i++) out.collect({ user: row.user, value: i });
        },
      },
      (op) => op.send(INPUT, [row("a", 1), row("b", 2), row("c", 3)], KEYS),
      { batchRows: 7 },
    );
    expect(op.rows.length).toBe(300);
  });
});
