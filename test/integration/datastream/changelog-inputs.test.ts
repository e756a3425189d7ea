import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import type { Sink } from "../../../src/core/sink.ts";
import {
  col,
  count,
  type DataStream,
  first,
  lit,
  Schema,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const rows = Schema.of({ k: types.utf8, v: types.int64 });
const words = Schema.of({ k: types.utf8 });
const env = StreamExecutionEnvironment.create();
const times = WatermarkStrategy.monotonous<typeof rows.$fields>().withTimestamps("v");
const plain = env.fromCollection([{ k: "a", v: 1n }], rows, times);
const updating = plain.keyBy("k").aggregate({ v: count() });
const [keyed, keyedUpdating] = [plain.keyBy("k"), updating.keyBy("k")];
const windows = TumblingEventTimeWindows.of(10);
const nothing = { schema: rows };
const nobody = { processElement: () => undefined };

/** Every step that reads a stream, on a changelog: what docs/datastream-guide.md says of it. */
const STEPS: Record<string, [expected: string, step: () => unknown]> = {
  "filter by an expression": ["takes", () => updating.filter(col("v").gt(1n))],
  select: ["takes", () => updating.select("k")],
  withColumns: ["takes", () => updating.withColumns({ w: col("v").add(1n) })],
  split: ["takes", () => updating.split({ a: col("v").gt(1n) }).a],
  union: ["takes", () => updating.union(plain.filter(col("v").gt(0n)))],
  rebalance: ["takes", () => updating.rebalance().select("k")],
  aggregate: ["takes", () => keyedUpdating.aggregate({ n: count() })],
  sum: ["takes", () => keyedUpdating.sum("v")],
  topN: ["takes", () => keyedUpdating.topN(1, "v")],
  deduplicate: ["takes", () => keyedUpdating.deduplicate({ keep: "first" })],
  "an updating join": ["takes", () => keyed.join(keyedUpdating).updating()],
  "versions of a temporal join": ["rows", () => keyed.temporalJoin(keyedUpdating)],
  toChangelog: ["rows", () => updating.toChangelog()],
  "process that says so": ["rows", () => updating.process(nobody, { ...nothing, acceptsUpdates: true })],
  "keyed process that says so": ["rows", () => keyedUpdating.process(nobody, { ...nothing, acceptsUpdates: true })],
  "an aggregate that forgets nothing": ["RETRACTION_UNSUPPORTED", () => keyedUpdating.aggregate({ n: first("v") })],
  map: ["refuses", () => updating.map(({ k }) => ({ k }), { schema: words })],
  flatMap: ["refuses", () => updating.flatMap(({ k }) => [{ k }], { schema: words })],
  "filter by a function": ["refuses", () => updating.filter(() => true)],
  asyncMap: ["refuses", () => updating.asyncMap(async ({ k }) => ({ k }), { schema: words })],
  lookup: ["refuses", () => updating.lookup("k", () => [], { schema: Schema.of({ x: types.utf8 }) })],
  process: ["refuses", () => updating.process(nobody, nothing)],
  "keyed process": ["refuses", () => keyedUpdating.process(nobody, nothing)],
  "connected streams": [
    "refuses",
    () => plain.connect(updating).map({ map1: ({ k }) => ({ k }), map2: ({ k }) => ({ k }) }, { schema: words }),
  ],
  "broadcast rows": [
    "refuses",
    () => plain.connectBroadcast(updating).process({ ...nobody, processBroadcastElement: () => undefined }, nothing),
  ],
  "keyBy a function": ["refuses", () => updating.keyBy((row) => `${row.k}`).aggregate({ n: count() })],
  partitionCustom: ["refuses", () => updating.partitionCustom(() => 0, "k", 1)],
  "timestamps and watermarks": ["refuses", () => updating.assignTimestampsAndWatermarks(times as never)],
  reduce: ["refuses", () => keyedUpdating.reduce((a) => a)],
  minBy: ["refuses", () => keyedUpdating.minBy("v")],
  window: ["refuses", () => keyedUpdating.window(windows).aggregate({ n: count() })],
  windowAll: ["refuses", () => updating.windowAll(windows).aggregate({ n: count() })],
  countWindow: ["refuses", () => keyedUpdating.countWindow(2).aggregate({ n: count() })],
  "a window function": ["refuses", () => keyedUpdating.window(windows).apply((k) => [{ k }], { schema: words })],
  "an interval join": ["refuses", () => keyed.intervalJoin(keyedUpdating).between(0, 1)],
  "a window join": ["refuses", () => keyedUpdating.join(keyed).window(windows)],
  coGroup: [
    "refuses",
    () =>
      keyed
        .coGroup(keyedUpdating)
        .window(windows)
        .apply(() => [], nothing),
  ],
  "rows of a temporal join": ["refuses", () => keyedUpdating.temporalJoin(keyed)],
  fromChangelog: ["refuses", () => updating.withColumns({ rowKind: lit("insert") }).fromChangelog()],
};

describe("a changelog", () => {
  it.each(Object.entries(STEPS))("as the input of %s", async (_, [expected, step]) => {
    const resolved = (async () => (step() as DataStream).plan.resolve())();
    if (expected === "takes" || expected === "rows") {
      expect((await resolved).isUpdating).toBe(expected === "takes");
    } else {
      await expect(resolved).rejects.toMatchObject({
        code: expected === "refuses" ? "UPDATES_NOT_ACCEPTED" : expected,
      });
    }
  });
});

const changed = (host: Host, runtimeMode: "STREAMING" | "BATCH" = "STREAMING") =>
  StreamExecutionEnvironment.create({ host, runtimeMode });
const countsOf = (own: StreamExecutionEnvironment) =>
  own
    .fromCollection(
      ["a", "b", "a"].map((k) => ({ k, v: 1n })),
      rows,
    )
    .keyBy("k")
    .aggregate({ v: count() });

it("goes to a caller or sink that does not know of row kinds in batch mode alone", () =>
  new Simulation({ seed: 3 }).run(async (host) => {
    const seen: unknown[] = [];
    const forEach = (own: StreamExecutionEnvironment) => {
      countsOf(own).forEach((row) => void seen.push(row));
      return own.execute();
    };
    const collect = async (own: StreamExecutionEnvironment) => {
      for await (const row of countsOf(own).executeAndCollect()) seen.push(row);
    };
    const kinds: (number[] | undefined)[] = [];
    const sinkOf = (acceptsUpdates?: boolean): Sink => ({
      spec: { kind: "own" },
      description: "a sink of one's own",
      ...(acceptsUpdates === undefined ? {} : { acceptsUpdates }),
      begin: () => undefined,
      createWriter: ({ workspace }) => ({
        write: ({ rowKinds, rowCount }) => {
          const at = rowKinds?.data;
          kinds.push(at === undefined ? undefined : [...workspace.i8.subarray(at, at + rowCount)]);
        },
        prepareCommit: () => null,
        close: () => undefined,
      }),
      commit: () => undefined,
      abort: () => undefined,
    });
    const sink = (acceptsUpdates?: boolean) => (own: StreamExecutionEnvironment) => {
      countsOf(own).addSink(sinkOf(acceptsUpdates));
      return own.execute();
    };
    for (const run of [forEach, collect, sink()]) {
      seen.splice(0);
      await expect(run(changed(host))).rejects.toMatchObject({ code: "UPDATES_NOT_ACCEPTED" });
      expect(kinds).toEqual([]);
      expect(seen).toEqual([]);
      await run(changed(host, "BATCH"));
      expect(seen).toHaveLength(run === collect || run === forEach ? 2 : 0);
    }
    expect(kinds).toEqual([undefined]);
    await sink(true)(changed(host));
    expect(kinds.slice(1).flat()).toEqual([0, 0]);
  }));

it("tells a process function that asks what each row does", () =>
  new Simulation({ seed: 4 }).run(async (host) => {
    const told = changed(host)
      .fromCollection(
        [
          ["insert", 1],
          ["insert", 2],
          ["delete", 1],
        ].map(([rowKind, v]) => ({ rowKind, v })) as never,
        Schema.of({ rowKind: types.utf8, v: types.int32 }),
      )
      .fromChangelog()
      .process(
        { processElement: ({ v }, { rowKind }, out) => out.collect({ told: `${rowKind} ${v}` }) },
        { schema: Schema.of({ told: types.utf8 }), acceptsUpdates: true },
      );
    const all: unknown[] = [];
    for await (const row of told.executeAndCollect()) all.push(row.told);
    expect(all).toHaveLength(3);
    expect(new Set(all).size).toBe(3);
  }));

it.each(["rebalance", "rescale", "shuffle", "parallelism"])(
  "keeps a row behind the one that it takes back where subtasks change by %s",
  (how) =>
    new Simulation({ seed: 5 }).run(async (host) => {
      const own = StreamExecutionEnvironment.create({ host, parallelism: 2, batchRows: 4 });
      // What is deleted equals what was inserted five rows before, mostly in another batch.
      const changes = Array.from({ length: 400 }, (_, i) => ({
        rowKind: i % 10 < 5 ? "insert" : "delete",
        k: `key ${i - (i % 10) + (i % 5)}`,
        v: 7n,
      }));
      const changelog = own
        .fromCollection(changes, Schema.of({ rowKind: types.utf8, k: types.utf8, v: types.int64 }))
        .setParallelism(1)
        .fromChangelog();
      const spread = how === "parallelism" ? changelog : changelog[how as "rebalance" | "rescale" | "shuffle"]();
      const ranked = spread.filter(col("v").gt(0n)).setParallelism(3).keyBy("v").topN(3, "k");
      ranked.blackhole();
      expect(JSON.stringify(await own.execute())).not.toContain("retractionsMissed");
    }),
);
