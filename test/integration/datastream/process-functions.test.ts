import { beforeAll, expect, it } from "vitest";
import type { KeyedContext } from "../../../src/core/process/contexts.ts";
import {
  mapState,
  OutputTag,
  Schema,
  StreamExecutionEnvironment,
  types,
  valueState,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const inSimulation = <T>(parallelism: number, body: (env: StreamExecutionEnvironment) => Promise<T>): Promise<T> =>
  new Simulation({ seed: 7 }).run((host) =>
    body(StreamExecutionEnvironment.create({ parallelism, host, batchRows: 1, bufferTimeoutMs: 0 })),
  );

const collect = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const row of stream) all.push(row);
  return all;
};

const events = Schema.of({ order: types.utf8, kind: types.utf8, time: types.int64 });
const strategy = WatermarkStrategy.monotonous<typeof events.$fields>().withTimestamps("time");
const minute = 60_000n;

it.each([1, 2])("alerts for an order that is not paid within a quarter of an hour, at parallelism %d", (parallelism) =>
  inSimulation(parallelism, async (env) => {
    const rows = [
      { order: "a", kind: "order", time: 0n },
      { order: "b", kind: "order", time: minute },
      { order: "a", kind: "payment", time: 5n * minute },
      { order: "c", kind: "order", time: 20n * minute },
      // Its watermark is what tells that the time for "c" is over.
      { order: "d", kind: "order", time: 38n * minute },
      { order: "c", kind: "payment", time: 40n * minute },
    ];
    const deadline = valueState("deadline", types.int64);
    const late = new OutputTag("late payments", Schema.of({ order: types.utf8 }));
    const alerts = env
      .fromCollection(rows, events, strategy)
      .keyBy("order")
      .process(
        {
          processElement(row, context) {
            const state = context.state(deadline);
            if (row.kind === "order") {
              const at = context.timestampMs + 15 * 60_000;
              state.set(BigInt(at));
              context.timers.registerEventTime(at);
            } else if (state.get() === null) context.output(late, { order: row.order });
            else {
              context.timers.deleteEventTime(Number(state.get()));
              state.clear();
            }
          },
          onTimer(timeMs, context, out) {
            context.state(deadline).clear();
            out.collect({ order: context.key, minute: timeMs / 60_000 });
          },
        },
        { schema: Schema.of({ order: types.utf8, minute: types.float64 }), sideOutputs: [late] },
      );
    const lateOrders: unknown[] = [];
    alerts.getSideOutput(late).forEach((row) => {
      lateOrders.push(row);
    });
    const found: unknown[] = [];
    alerts.forEach((row) => {
      found.push(row);
    });
    await env.execute();
    expect(found.sort((x, y) => JSON.stringify(x).localeCompare(JSON.stringify(y)))).toEqual([
      { order: "b", minute: 16 },
      { order: "c", minute: 35 },
      { order: "d", minute: 53 },
    ]);
    expect(lateOrders).toEqual([{ order: "c" }]);
  }),
);

it("applies rules that every subtask gets", () =>
  inSimulation(2, async (env) => {
    const rules = mapState("rules", types.utf8, types.float64);
    const prices = env.fromCollection([{ currency: "EUR", rate: 2 }]);
    const amounts = env.fromCollection([{ currency: "EUR", amount: 10 }]);
    const converted = amounts
      .keyBy("currency")
      .connectBroadcast(prices)
      .process(
        {
          processElement(row, context, out) {
            const rate = context.broadcastState(rules).get(row.currency ?? "");
            out.collect({ amount: row.amount === null ? null : row.amount * (rate ?? 1) });
          },
          processBroadcastElement(row, context) {
            context.broadcastState(rules).set(row.currency ?? "", row.rate);
          },
        },
        { schema: Schema.of({ amount: types.float64 }) },
      );
    const [found] = await collect(converted.executeAndCollect());
    expect([10, 20]).toContain(found.amount);
  }));

it("shares state between two keyed streams", () =>
  inSimulation(1, async (env) => {
    const seen = valueState("seen", types.int64);
    const left = env.fromCollection([{ id: 1 }, { id: 2 }]).keyBy("id");
    const right = env.fromCollection([{ id: 2 }, { id: 3 }]).keyBy("id");
    const count = ({ state }: KeyedContext) => {
      const times = (state(seen).get() ?? 0n) + 1n;
      state(seen).set(times);
      return times;
    };
    const both = left.connect(right).process(
      {
        processElement1: (row, context, out) => out.collect({ id: row.id, times: count(context) }),
        processElement2: (row, context, out) => out.collect({ id: row.id, times: count(context) }),
      },
      { schema: Schema.of({ id: types.float64, times: types.int64 }) },
    );
    const found = await collect(both.executeAndCollect());
    expect(found.filter(({ times }) => times === 2n)).toEqual([{ id: 2, times: 2n }]);
    expect(found).toHaveLength(4);
  }));
