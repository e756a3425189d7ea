import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyedProcess } from "../../../src/core/operators/keyed-process.ts";
import type { TimerContext } from "../../../src/core/process/contexts.ts";
import { Schema } from "../../../src/core/schema.ts";
import { mapState, type StateTtl, valueState } from "../../../src/core/state/descriptors.ts";
import { type DataType, float64, int32, int64, list, struct, timestamp, utf8 } from "../../../src/core/types.ts";
import { memoryState } from "../../../src/state/memory/memory-backend.ts";
import { cases } from "../../support/cases.ts";
import { statesOfManyValues } from "../../support/states-of-every-kind.ts";
import { StreamOperator } from "../../support/stream-operator.ts";
import { withWorkspace } from "../../support/workspace.ts";

const RUNS = cases(120);

/** Keys that are hard to tell apart, or together, by type. */
const KEYS: readonly { type: DataType; values: readonly unknown[] }[] = [
  { type: utf8, values: [null, "", "a", "b", "null", "😀"] },
  { type: float64, values: [null, 0, -0, NaN, 1, Infinity] },
  { type: int64, values: [null, 0n, -1n, 2n ** 62n, 2n ** 62n + 1n] },
  { type: timestamp("ms"), values: [null, 0, 1, -1, 2 ** 41] },
  { type: list(utf8), values: [null, [], ["a"], ["a", null], ["a,"], ["", "a"]] },
  { type: struct({ x: float64, y: utf8 }), values: [null, { x: 0, y: "a" }, { x: -0, y: "a" }, { x: NaN, y: null }] },
];

const same = (a: unknown, b: unknown): boolean => text(a) === text(b);
/** Equal texts for equal keys. */
const text = (value: unknown): string =>
  JSON.stringify(value, (_, each) =>
    typeof each === "bigint" ? `${each}n` : typeof each === "number" ? String(each === 0 ? 0 : each) : each,
  );

type Action = "set" | "clear" | "add" | "put" | "delete" | "reduce" | "aggregate" | "look";
type Command =
  | { kind: "row"; key: number; action: Action; n: number; at: number }
  | { kind: "timer"; key: number; domain: "event" | "processing"; at: number; isDelete: boolean }
  | { kind: "watermark"; by: number }
  | { kind: "clock"; by: number }
  | { kind: "checkpoint"; isComplete: boolean }
  | { kind: "restart"; parallelism: number; isBuiltOn: boolean };

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("row" as const),
      key: fc.nat(5),
      action: fc.constantFrom<Action>("set", "clear", "add", "put", "delete", "reduce", "aggregate", "look"),
      n: fc.integer({ min: -3, max: 3 }),
      at: fc.integer({ min: 1, max: 40 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("timer" as const),
      key: fc.nat(5),
      domain: fc.constantFrom("event" as const, "processing" as const),
      // Some times come again, so that there is something to delete.
      at: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(11, 30)),
      isDelete: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("watermark" as const), by: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("clock" as const), by: fc.nat(30) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("restart" as const),
      parallelism: fc.integer({ min: 1, max: 4 }),
      isBuiltOn: fc.boolean(),
    }),
  },
  // From one of these on, checkpoints may hold what has changed, until the next restart.
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("checkpoint" as const), isComplete: fc.constantFrom(true, true, false) }),
  },
);

interface Timed {
  value: unknown;
  at: number;
}

/** What the states of one key are, in plain maps. */
class KeyModel {
  value: Timed | undefined;
  list: Timed[] = [];
  readonly map = new Map<number, Timed>();
  sum: Timed | undefined;
  mean: { sum: number; count: number; at: number } | undefined;
}

class Model {
  readonly keys: { key: unknown; model: KeyModel }[] = [];
  readonly #ttl: StateTtl | undefined;

  constructor(ttl: StateTtl | undefined) {
    this.#ttl = ttl;
  }

  of(key: unknown): KeyModel {
    const known = this.keys.find((one) => same(one.key, key));
    if (known !== undefined) return known.model;
    const model = new KeyModel();
    this.keys.push({ key, model });
    return model;
  }

  /** What the function reads for a row at that time, once it has done its action. */
  apply(key: unknown, action: Action, n: number, now: number): unknown[] {
    const model = this.of(key);
    const ttl = this.#ttl;
    const isGone = (one: { at: number } | undefined) =>
      one === undefined || (ttl !== undefined && one.at + ttl.ttlMs <= now);
    const renewed = (one: { at: number } | undefined) =>
      one !== undefined && ttl?.timeDomain === "event" ? Math.max(one.at, now) : now;
    const renew = (one: { at: number } | undefined) => {
      if (one !== undefined && !isGone(one) && ttl?.updateOn === "read-and-write") one.at = renewed(one);
    };
    switch (action) {
      case "set":
        model.value = { value: n, at: renewed(model.value) };
        break;
      case "clear":
        model.value = undefined;
        model.list = [];
        model.map.clear();
        model.sum = undefined;
        model.mean = undefined;
        break;
      case "add":
        model.list.push({ value: n, at: now });
        break;
      case "put": {
        const held = model.map.get(n);
        if (isGone(held)) model.map.delete(n);
        model.map.set(n, { value: `${n}`, at: isGone(held) ? now : renewed(held) });
        break;
      }
      case "delete":
        model.map.delete(n);
        break;
      case "reduce": {
        const before = isGone(model.sum) ? undefined : model.sum;
        model.sum = { value: ((before?.value as number) ?? 0) + n, at: renewed(model.sum) };
        break;
      }
      case "aggregate": {
        const before = isGone(model.mean) ? undefined : model.mean;
        model.mean = { sum: (before?.sum ?? 0) + n, count: (before?.count ?? 0) + 1, at: renewed(model.mean) };
        break;
      }
    }
    const live = [...model.map].filter(([, one]) => !isGone(one));
    const seen = [
      isGone(model.value) ? null : model.value?.value,
      model.list.filter((one) => !isGone(one)).map(({ value }) => value),
      live.map(([k, { value }]) => [k, value]),
      isGone(model.sum) ? null : model.sum?.value,
      isGone(model.mean) || model.mean === undefined ? null : model.mean.sum / model.mean.count,
    ];
    for (const one of [model.value, ...model.list, ...model.map.values(), model.sum, model.mean]) renew(one);
    return seen;
  }
}

const DESCRIPTORS = (options: { ttl?: StateTtl }) => ({
  value: valueState("value", int32, options),
  ...statesOfManyValues(options),
});

const ttls = fc.option(
  fc.record({
    ttlMs: fc.integer({ min: 1, max: 40 }),
    timeDomain: fc.constantFrom("processing" as const, "event" as const),
    updateOn: fc.constantFrom("create-and-write" as const, "read-and-write" as const),
  }),
  { nil: undefined },
);

describe("keyed state and timers", () => {
  /** Of keys that have asked for a timer, for ever. */
  const visited = valueState("visited", int32);

  it("are what plain maps are, whatever keys, times to live, checkpoints, restores and parallelism", () => {
    let fromChanges = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...KEYS),
        ttls,
        fc.array(command, { maxLength: 60, size: "max" }),
        ({ type, values }, ttl, commands) => {
          withWorkspace((ws) => {
            const descriptors = DESCRIPTORS(ttl === undefined ? {} : { ttl });
            const schema = Schema.of({ key: type, command: int32 });
            const model = new Model(ttl);
            let read: unknown[] | undefined;
            let fired: { key: unknown; at: number; domain: string; isAtHome: boolean }[] = [];
            const act = (context: TimerContext, one: Command) => {
              if (one.kind === "timer") {
                const { timers } = context;
                context.state(visited).set(1);
                const method = one.domain === "event" ? "EventTime" : "ProcessingTime";
                timers[`${one.isDelete ? "delete" : "register"}${method}`](base(one.domain) + one.at);
                return;
              }
              if (one.kind !== "row") return;
              const { n, action } = one;
              const value = context.state(descriptors.value);
              const elements = context.state(descriptors.list);
              const map = context.state(descriptors.map);
              const sum = context.state(descriptors.sum);
              const mean = context.state(descriptors.mean);
              if (action === "set") value.set(n);
              if (action === "clear") for (const state of [value, elements, map, sum, mean]) state.clear();
              if (action === "add") elements.add(n);
              if (action === "put") map.set(n, `${n}`);
              if (action === "delete") map.delete(n);
              if (action === "reduce") sum.add(n);
              if (action === "aggregate") mean.add(n);
              read = [value.get(), elements.get(), [...map.entries()], sum.get(), mean.get()];
            };
            const create = () =>
              new KeyedProcess(
                {
                  processElement: (row, context) =>
                    act(context as unknown as TimerContext, commands[row.command as number]),
                  onTimer(at, context) {
                    const isAtHome = context.state(visited).get() === 1;
                    fired.push({ key: context.key, at, domain: context.timeDomain, isAtHome });
                  },
                },
                schema,
                ["key"],
                { shape: { schema: Schema.of({ n: int32 }) }, site: { name: "process" }, state: memoryState },
              );
            let watermark = 100;
            let timers: { key: unknown; at: number; domain: "event" | "processing" }[] = [];
            let op = new StreamOperator(ws, create, { nowMs: 1000 });
            // Times count from the watermark or the clock: rows are on time, timers lie ahead.
            const base = (domain: "event" | "processing") => (domain === "event" ? watermark : op.nowMs);
            const expectFired = (domain: "event" | "processing" | "both", upTo: number) => {
              const due = timers.filter((one) => (domain === "both" || one.domain === domain) && one.at <= upTo);
              timers = timers.filter((one) => !due.includes(one));
              const order = (one: { key: unknown; at: number }) => `${one.at} ${text(one.key)}`;
              expect(fired.map(order).sort()).toEqual(due.map(order).sort());
              // A timer and the state of its key go to one subtask.
              expect(fired.every(({ isAtHome }) => isAtHome)).toBe(true);
              if (op.operators.length === 1 && domain !== "both") {
                expect(fired.map(({ at }) => at)).toEqual(fired.map(({ at }) => at).sort((a, b) => a - b));
              }
              fired = [];
            };
            try {
              op.watermark(watermark);
              for (const [i, one] of commands.entries()) {
                const key = "key" in one ? values[one.key % values.length] : undefined;
                if (one.kind === "row" || one.kind === "timer") {
                  op.send(schema, [{ row: { key, command: i }, timeMs: watermark + one.at }], { keys: ["key"] });
                }
                if (one.kind === "row") {
                  const now = ttl?.timeDomain === "event" ? watermark + one.at : op.nowMs;
                  expect(read).toEqual(model.apply(key, one.action, one.n, now));
                } else if (one.kind === "timer") {
                  const { domain, isDelete } = one;
                  const at = base(domain) + one.at;
                  const others = timers.filter((t) => !(same(t.key, key) && t.at === at && t.domain === domain));
                  timers = isDelete ? others : [...others, { key, at, domain }];
                } else if (one.kind === "watermark") {
                  watermark += one.by;
                  op.watermark(watermark);
                  expectFired("event", watermark);
                } else if (one.kind === "clock") {
                  op.advanceTo(op.nowMs + one.by);
                  expectFired("processing", op.nowMs);
                } else if (one.kind === "checkpoint") {
                  op.checkpoint(one.isComplete);
                } else if (one.kind === "restart") {
                  const whole = op.snapshot();
                  expect(bytes(op.snapshot())).toEqual(bytes(whole));
                  const snapshot = one.isBuiltOn ? op.checkpoint() : whole;
                  if (Object.values(snapshot.tables).some(({ changes }) => changes !== undefined)) fromChanges++;
                  const { nowMs } = op;
                  op.close();
                  op = new StreamOperator(ws, create, { nowMs, parallelism: one.parallelism, restore: snapshot });
                  if (one.parallelism === 1 && ttl === undefined) {
                    const again = new StreamOperator(ws, create, { nowMs, restore: op.snapshot() });
                    expect(bytes(again.snapshot())).toEqual(bytes(op.snapshot()));
                    again.close();
                  }
                }
              }
              op.end();
              expectFired("both", Number.MAX_SAFE_INTEGER);
            } finally {
              op.close();
            }
          });
        },
      ),
      { numRuns: RUNS },
    );
    expect(fromChanges).toBeGreaterThan(10);
  });

  it("that have expired are freed, and not written", () => {
    withWorkspace((ws) => {
      for (const timeDomain of ["processing", "event"] as const) {
        const descriptor = mapState("seen", int32, int32, { ttl: { ttlMs: 100, timeDomain } });
        const schema = Schema.of({ key: int32 });
        const create = () =>
          new KeyedProcess(
            { processElement: (row, context) => context.state(descriptor).set(row.key as number, 1) },
            schema,
            ["key"],
            { shape: { schema }, site: { name: "process" }, state: memoryState },
          );
        const op = new StreamOperator(ws, create);
        const rows = Array.from({ length: 1000 }, (_, key) => ({ row: { key }, timeMs: 0 }));
        op.send(schema, rows, { keys: ["key"] });
        expect(op.metrics.get("stateKeys")).toBe(1000);
        op.advanceTo(100);
        op.watermark(100);
        // Each batch frees a part.
        for (let i = 0; i < 60; i++) op.send(schema, [{ row: { key: -1 }, timeMs: 101 }], { keys: ["key"] });
        expect(op.metrics.get("stateKeys")).toBe(1);
        op.close();
      }
    });
  });
});

const bytes = (snapshot: ReturnType<StreamOperator["snapshot"]>): string[] =>
  Object.entries(snapshot.tables)
    .map(([name, { parts }]) => `${name} ${parts.map((part) => Buffer.from(part).toString("base64")).join()}`)
    .sort();
