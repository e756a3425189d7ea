import { beforeAll, expect, it } from "vitest";
import {
  col,
  count,
  Schema,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import type { EventFields, EventRow } from "../../support/stream-dag/events.ts";
import { scriptedSource } from "../../support/stream-dag/scripted-source.ts";

// What the random programs of test/property/streams have found, each made small by hand.

beforeAll(loadEngine);

const inSimulation = <T>(options: object, body: (env: StreamExecutionEnvironment) => Promise<T>): Promise<T> =>
  new Simulation({ seed: 1, stepLimit: 20_000 }).run((host) =>
    body(StreamExecutionEnvironment.create({ host, bufferTimeoutMs: 0, batchRows: 1, ...options })),
  );

const collect = async <T>(stream: { executeAndCollect(): AsyncIterable<T> }): Promise<T[]> => {
  const all: T[] = [];
  for await (const row of stream.executeAndCollect()) all.push(row);
  return all;
};

const reading = { cuts: [1], delaysMs: [0], napMs: 0, onRead: () => undefined };
const source = (name: string, ...splits: number[][]) =>
  scriptedSource(
    name,
    splits.map((times) => ({ rows: times.map((t, id) => ({ id, k: "a", v: 1, t })), hasOffsets: true })),
    reading,
  );
const strategy = () => WatermarkStrategy.monotonous<EventFields>().withTimestamps("t");

it("ends the subtasks to which global() sends nothing", () =>
  inSimulation({ parallelism: 3 }, async (env) => {
    const numbers = env.fromSequence(0, 10).global().filter(col("value").ge(0n));
    expect(await collect(numbers)).toHaveLength(10);
  }));

it("ends an input of two that sends a subtask nothing", () =>
  inSimulation({ parallelism: 2 }, async (env) => {
    const [left, right] = [env.fromSequence(0, 10), env.fromSequence(0, 5)];
    const same = ({ value }: { value: bigint | null }) => ({ value });
    const schema = Schema.of({ value: types.int64 });
    for (const connected of [left.global().connect(right), right.connect(left.global())]) {
      expect(await collect(connected.map({ map1: same, map2: same }, { schema }))).toHaveLength(15);
    }
  }));

it("leaves the numbers of partitionCustom out on the way, whatever step comes next", () =>
  inSimulation({ parallelism: 2 }, async (env) => {
    const parted = env.fromSequence(0, 10).partitionCustom((value, parts) => Number(value) % parts, "value", 2);
    const rows = await collect(
      parted.filter(col("value").gt(3n)).keyBy("value").aggregate({ n: count() }).toChangelog(),
    );
    expect(rows).toHaveLength(6);
    expect(Object.keys(rows[0] ?? {})).toEqual(["value", "n", "rowKind"]);
    await expect(collect(parted.filter(col("value").gt(3n)).setParallelism(3))).rejects.toMatchObject({
      code: "FORWARD_PARALLELISM",
    });
  }));

it("brings members of a union where they were sent, and by key where the reader wants it", () =>
  inSimulation({ parallelism: 2 }, async (env) => {
    const [left, right] = [env.fromSequence(0, 10), env.fromSequence(0, 5)];
    const united = left.broadcast().union(right);
    expect(await collect(united.filter(col("value").ge(0n)).setParallelism(2))).toHaveLength(25);
    const counted = await collect(
      united.keyBy("value").aggregate({ n: count() }).filter(col("n").eq(2n)).toChangelog(),
    );
    expect(counted).toHaveLength(5);
  }));

it("does not wait for a split that has ended, where sources wait for each other", () =>
  inSimulation({}, async (env) => {
    const aligned = env.fromSource(source("s", [0], [50, 100, 150]), strategy().withAlignment("all", 10));
    expect(await collect(aligned)).toHaveLength(4);
  }));

it("does not wait for subtasks without a split", () =>
  inSimulation({ parallelism: 3 }, async (env) => {
    const far = env.fromSource(source("far", [0, 1000, 2000]), strategy().withAlignment("all", 10));
    const near = env.fromSource(source("near", [0, 10, 20]), strategy().withAlignment("all", 10));
    expect(await collect(far.union(near))).toHaveLength(6);
  }));

it("is not idle at the end of its input: what that closes does not come late", () =>
  inSimulation({ parallelism: 2 }, async (env) => {
    const late = scriptedSource("late", [{ rows: [{ id: 1, k: "a", v: 1, t: 1 }], hasOffsets: true }], {
      ...reading,
      delaysMs: [50],
    });
    const counted = env
      .fromSource(late, strategy())
      .keyBy("k")
      .window(TumblingEventTimeWindows.of(10))
      .aggregate({ n: count() });
    // It is far ahead when the other one ends, and has not ended itself.
    const rows = [9, 50, 100, 200].map((t, id) => ({ id, k: "a", v: 1, t }));
    const ahead = scriptedSource("ahead", [{ rows, napBefore: 3, hasOffsets: true }], { ...reading, napMs: 100 });
    const long = env.fromSource(ahead, strategy());
    const pairs = counted.keyBy("k").intervalJoin(long.keyBy("k")).between(0, 5);
    expect(await collect(pairs)).toHaveLength(1);
  }));

it("asks for no turns while it waits for room: a generator that ticks meanwhile keeps no thread busy", async () => {
  const simulation = new Simulation({ seed: 1, stepLimit: 20_000 });
  const rows = await simulation.run(async (host) => {
    const env = StreamExecutionEnvironment.create({ host, bufferTimeoutMs: 0, batchRows: 1, watermarkIntervalMs: 1 });
    const times = Array.from({ length: 20 }, (_, i) => i);
    const ticking = WatermarkStrategy.custom<EventFields>(() => ({ onPeriodicEmit: () => undefined })).withTimestamps(
      "t",
    );
    const found: EventRow[] = [];
    env
      .fromSource(source("s", times), ticking)
      .rebalance()
      .forEach(async (row) => {
        await new Promise<void>((resolve) => void host.scheduler.after(50, resolve));
        found.push(row);
      });
    await env.execute();
    return found;
  });
  expect(rows).toHaveLength(20);
});
