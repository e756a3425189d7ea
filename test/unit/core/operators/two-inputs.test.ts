import { describe, expect, it } from "vitest";
import {
  BroadcastProcess,
  KeyedBroadcastProcess,
  type KeyedBroadcastProcessFunction,
} from "../../../../src/core/operators/broadcast-process.ts";
import { CoFlatMap, CoMap } from "../../../../src/core/operators/co-map.ts";
import { KeyedCoProcess, type KeyedCoProcessFunction } from "../../../../src/core/operators/co-process.ts";
import { Process, type ProcessFunction } from "../../../../src/core/operators/process.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { listState, mapState, valueState } from "../../../../src/core/state/descriptors.ts";
import type { ListState } from "../../../../src/core/state/keyed-state.ts";
import { int32, int64, utf8 } from "../../../../src/core/types.ts";
import { memoryState } from "../../../../src/state/memory/memory-backend.ts";
import { StreamOperator } from "../../../support/stream-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const ORDERS = Schema.of({ id: utf8, amount: int32 });
const PAYMENTS = Schema.of({ order: utf8, paid: int32 });
const OUT = Schema.of({ text: utf8 });
const OPTIONS = { shape: { schema: OUT }, site: { name: "process" }, state: memoryState };
const order = (id: string, amount: number, timeMs = 0) => ({ row: { id, amount }, timeMs });
const payment = (id: string, paid: number, timeMs = 0) => ({ row: { order: id, paid }, timeMs });
const texts = (op: StreamOperator) => op.rows.map(({ text }) => text);

describe("two inputs", () => {
  it("KeyedCoProcess shares state and timers of a key: an order without payment in time raises an alert", () => {
    const open = valueState("open", int32);
    const process = (): KeyedCoProcessFunction => ({
      processElement1(row, context) {
        context.state(open).set(row.amount as number);
        context.timers.registerEventTime(context.timestampMs + 15);
      },
      processElement2(row, context, out) {
        out.collect({ text: `${context.key} paid ${row.paid} of ${context.state(open).get()}` });
        context.state(open).clear();
      },
      onTimer(timestampMs, context, out) {
        const amount = context.state(open).get();
        if (amount !== null) out.collect({ text: `${context.key} owes ${amount} at ${timestampMs}` });
      },
    });
    withWorkspace((ws) => {
      const create = () =>
        new KeyedCoProcess(process(), { schema: ORDERS, keys: ["id"] }, { schema: PAYMENTS, keys: ["order"] }, OPTIONS);
      const before = new StreamOperator(ws, create, { parallelism: 2 });
      before.send(ORDERS, [order("a", 5, 100), order("b", 7, 101)], { keys: ["id"] });
      const op = new StreamOperator(ws, create, { parallelism: 3, restore: before.snapshot() });
      op.send(PAYMENTS, [payment("a", 5, 110)], { keys: ["order"], input: 1 });
      op.watermark(200);
      expect(texts(op)).toEqual(["a paid 5 of 5", "b owes 7 at 116"]);
      before.close();
      op.close();
    });
    expect(
      () =>
        new KeyedCoProcess(
          process(),
          { schema: ORDERS, keys: ["id"] },
          { schema: Schema.of({ order: int64 }), keys: ["order"] },
          OPTIONS,
        ),
    ).toThrow(/types utf8 and int64/);
  });

  it("CoMap and CoFlatMap give rows of either side", () => {
    withWorkspace((ws) => {
      const map = new StreamOperator(
        ws,
        () =>
          new CoMap(
            {
              map1: (row) => ({ text: `order ${row.id}` }),
              map2: (row, { subtask }) => ({ text: `${row.paid} in ${subtask}` }),
            },
            ORDERS,
            PAYMENTS,
            OPTIONS,
          ),
      );
      map.send(ORDERS, [order("a", 1)]);
      map.send(PAYMENTS, [payment("a", 2)], { input: 1 });
      map.close();
      expect(texts(map)).toEqual(["order a", "2 in 0"]);
      const create = () =>
        new CoFlatMap(
          {
            *flatMap1(row) {
              for (let i = 0; i < (row.amount as number); i++) yield { text: `${row.id}${i}` };
            },
            flatMap2: () => 5 as never,
          },
          ORDERS,
          PAYMENTS,
          OPTIONS,
        );
      const flatMap = new StreamOperator(ws, create);
      flatMap.send(ORDERS, [order("a", 2), order("b", 0)]);
      expect(texts(flatMap)).toEqual(["a0", "a1"]);
      expect(() => flatMap.send(PAYMENTS, [payment("a", 1)], { input: 1 })).toThrow(/iterable of rows/);
      flatMap.close();
    });
  });

  const rules = mapState("rules", utf8, int32);
  const sum = valueState("sum", int32);
  const RULES = Schema.of({ name: utf8, limit: int32 });

  it("KeyedBroadcastProcess reads broadcast state beside keyed rows, and writes it for broadcast ones", () => {
    const process = (): KeyedBroadcastProcessFunction<string> => ({
      processElement(row, context, out) {
        const state = context.state(sum);
        state.set((state.get() ?? 0) + (row.amount as number));
        expect("set" in context.broadcastState(rules)).toBe(false);
        for (const [name, limit] of context.broadcastState(rules).entries()) {
          if ((state.get() ?? 0) > (limit ?? 0)) out.collect({ text: `${context.key} breaks ${name}` });
        }
      },
      processBroadcastElement(row, context, out) {
        context.broadcastState(rules).set(row.name as string, row.limit as number);
        expect(() => (context as { key?: unknown }).key).toThrow(/there is none/);
        context.applyToKeyedState(sum, (state, key) => {
          if ((state.get() ?? 0) > (row.limit as number)) out.collect({ text: `${key} broke ${row.name} before` });
        });
      },
    });
    withWorkspace((ws) => {
      const create = () => new KeyedBroadcastProcess(process(), { schema: ORDERS, keys: ["id"] }, RULES, OPTIONS);
      const before = new StreamOperator(ws, create, { parallelism: 2 });
      before.send(ORDERS, [order("a", 5), order("b", 50)], { keys: ["id"] });
      before.send(RULES, [{ row: { name: "ten", limit: 10 }, timeMs: 1 }], { input: 1, isBroadcast: true });
      expect(texts(before)).toEqual(["b broke ten before"]);
      const op = new StreamOperator(ws, create, { parallelism: 3, restore: before.snapshot() });
      op.send(ORDERS, [order("a", 6), order("c", 11)], { keys: ["id"] });
      expect(texts(op).sort()).toEqual(["a breaks ten", "c breaks ten"]);
      before.close();
      op.close();
    });
  });

  it("BroadcastProcess does so without keys, and has no keyed state", () => {
    withWorkspace((ws) => {
      const create = () =>
        new BroadcastProcess(
          {
            processElement(row, context, out) {
              out.collect({ text: `${row.id} ${context.broadcastState(rules).get("ten")}` });
              expect(() => (context as never as { state(d: unknown): unknown }).state(sum)).toThrow(/no key/);
            },
            processBroadcastElement(row, context) {
              context.broadcastState(rules).set(row.name as string, row.limit as number);
            },
          },
          ORDERS,
          RULES,
          OPTIONS,
        );
      const op = new StreamOperator(ws, create);
      op.send(RULES, [{ row: { name: "ten", limit: 10 }, timeMs: 1 }], { input: 1, isBroadcast: true });
      op.send(ORDERS, [order("a", 6)]);
      op.close();
      expect(texts(op)).toEqual(["a 10"]);
    });
  });
});

describe("operator state", () => {
  it("is spread over the subtasks of a restored job, or given to each of them", () => {
    const seen: string[] = [];
    const process = (): ProcessFunction => {
      let mine: ListState<number> | undefined;
      let all: ListState<number> | undefined;
      return {
        open(context) {
          mine = context.operatorListState(listState("mine", int32));
          all = context.unionListState(listState("all", int32));
          seen.push(`${context.subtask}: ${mine.get().join()} of ${all.get().join()}`);
        },
        processElement(row) {
          mine?.add(row.amount as number);
          all?.add(row.amount as number);
        },
      };
    };
    withWorkspace((ws) => {
      const create = () => new Process(process(), ORDERS, OPTIONS);
      const before = new StreamOperator(ws, create);
      before.send(
        ORDERS,
        [1, 2, 3, 4].map((amount) => order("a", amount)),
      );
      const after = new StreamOperator(ws, create, { parallelism: 2, restore: before.snapshot() });
      before.close();
      after.close();
      expect(seen).toEqual(["0:  of ", "0: 1,2 of 1,2,3,4", "1: 3,4 of 1,2,3,4"]);
    });
  });
});
