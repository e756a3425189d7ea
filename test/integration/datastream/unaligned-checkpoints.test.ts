import { beforeAll, describe, expect, it } from "vitest";
import { readRows } from "../../../src/core/columns/read.ts";
import type { Host } from "../../../src/core/host.ts";
import type { JobSnapshot } from "../../../src/core/job-snapshot.ts";
import type { DataStream } from "../../../src/datastream/data-stream.ts";
import type { KeyedStream } from "../../../src/datastream/keyed-stream.ts";
import {
  type CheckpointOptions,
  col,
  countDistinct,
  desc,
  max,
  min,
  Schema,
  SlidingEventTimeWindows,
  StreamExecutionEnvironment,
  type StreamJob,
  stateBackends,
  TumblingEventTimeWindows,
  types,
  valueState,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import { type Committed, committingSink } from "../../support/stream-dag/committing-sink.ts";

beforeAll(loadEngine);

const ROWS = 400;
const BATCH_ROWS = 10;
const WRITE_MS = 1000;

const ONE = { schema: Schema.of({ n: types.int64 }) };
const seen = valueState("seen", types.int64);
type StateOf = (of: typeof seen) => { get(): bigint | null; set(value: bigint): void };

const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));

type StepFields = { readonly n: typeof types.int64; readonly key: typeof types.int64 };

interface Way {
  readonly committed?: Committed;
  readonly parallelism?: number;
  readonly restore?: JobSnapshot;
  readonly allowNonRestoredState?: boolean;
  readonly column?: string;
  readonly isRead?:
    | "by key"
    | "in turn"
    | "with watermarks"
    | "in windows"
    | "counted on disk"
    | "forward"
    | "under another name";
  /** Instead of these: what is made of rows with event time, by key. */
  readonly step?: (rows: KeyedStream<StepFields, "key">) => object;
  readonly checkpoints?: CheckpointOptions;
  /** A stream beside it that has nothing to do with it, each a region of its own. */
  readonly hasOtherRegion?: boolean;
}

let run = 0;

/** Rows that come at once, for a sink that takes a second for each ten of them. */
function start(host: Host, way: Way): Promise<StreamJob> {
  const { committed = new Map(), parallelism = 1, restore, allowNonRestoredState, column = "n", checkpoints } = way;
  const { isRead = "by key" } = way;
  const env = StreamExecutionEnvironment.create({ host, parallelism, batchRows: BATCH_ROWS, bufferTimeoutMs: 0 });
  if (checkpoints !== undefined) env.enableCheckpointing(2000, checkpoints);
  if (way.hasOtherRegion === true) {
    env.setFailoverStrategy("region");
    const other = committingSink("other", (batch) => Array(batch.rowCount).fill("-1"), ++run, committed, 0);
    env.fromGenerator({ n: col("n") }, { count: 200, rowsPerSecond: 10 }).addSink(other, { uid: "other" });
  }
  const stream = env.fromGenerator({ [column]: col("n"), key: col("n").mod(7n) }, { count: ROWS, splitCount: 2 });
  const sink = committingSink(
    "rows",
    (batch, workspace) => readRows(workspace, batch).map((row) => String(Object.values(row)[0])),
    ++run,
    committed,
    WRITE_MS,
  );
  const uid = isRead === "under another name" ? "other" : "rows";
  const every = col("key").ge(0n);
  const schema = Schema.of({ [column]: types.int64, key: types.int64 });
  // Rows tell the watermark that they met.
  const met = (row: object, { currentWatermarkMs }: { readonly currentWatermarkMs: number }) => ({
    [column]: BigInt(Math.max(currentWatermarkMs, -1)) * 1000n + (row as Record<string, bigint>)[column],
  });
  const byKey = () =>
    stream.keyBy("key").process({ processElement: (row, _, out) => out.collect(row) }, { schema: schema as never });
  const counted = (row: { readonly key: bigint }, state: StateOf, out: { collect(row: object): void }) => {
    const count = (state(seen).get() ?? 0n) + 1n;
    state(seen).set(count);
    out.collect({ n: row.key * 1000n + count });
  };
  const timed = (key = col("n").mod(7n) as object) =>
    env
      .fromGenerator({ [column]: col("n"), key } as never, { count: ROWS })
      .assignTimestampsAndWatermarks(WatermarkStrategy.boundedOutOfOrderness(0).withTimestamps(column) as never);
  const steps: Record<NonNullable<Way["isRead"]>, () => object> = {
    "by key": byKey,
    "under another name": byKey,
    "counted on disk": () => {
      env.setStateBackend(stateBackends.disk({ memoryBytes: 1024 ** 2, directory: "/state" }));
      return stream
        .keyBy("key")
        .process(
          { processElement: (row, { state }, out) => counted(row as never, state as never, out) },
          { schema: Schema.of({ n: types.int64 }) as never },
        );
    },
    "in turn": () => stream.rebalance().filter(every),
    forward: () => stream.disableChaining().filter(every),
    "with watermarks": () =>
      timed()
        .keyBy(column as never)
        .process(
          { processElement: (row, context, out) => out.collect(met(row, context)) },
          { schema: Schema.of({ [column]: types.int64 }) as never },
        ),
    // A key with few rows, whose subtask runs ahead. Its windows share slices of time: what has closed is not all gone.
    "in windows": () =>
      timed(col("n").mod(20n).gt(0n))
        .keyBy("key" as never)
        .window(SlidingEventTimeWindows.of(40, 4))
        .aggregate({ [column]: min(column as never), rows: countDistinct(column as never) } as never)
        .select(column as never),
  };
  const made = way.step?.(timed().keyBy("key" as never) as never) ?? steps[isRead]();
  (made as DataStream).uid(uid).addSink(sink, { uid: "sink" });
  return env.executeAsync({
    ...(restore === undefined ? {} : { restore }),
    ...(allowNonRestoredState === undefined ? {} : { allowNonRestoredState }),
  });
}

const simulated = () => new Simulation({ seed: 3, parallelism: 1 });

const rowsOf = (committed: Committed) =>
  [...committed.values()].flatMap(({ rows }) => rows.map(Number)).toSorted(inOrder);
const inOrder = (a: number, b: number) => a - b;
const ALL = Array.from({ length: ROWS }, (_, i) => i);

/** How long the barriers of the first checkpoints took, and what they had overtaken. */
async function durations(way: Way): Promise<{ readonly barriersMs: number; readonly hasRowsInFlight: boolean }[]> {
  const found: { barriersMs: number; hasRowsInFlight: boolean }[] = [];
  await simulated().run(async (host) => {
    const job = await start(host, way);
    for (let seen = 0; found.length < 3; await pause(host, 100)) {
      const { lastCompleted } = job.checkpointStatistics ?? {};
      if (lastCompleted === undefined || lastCompleted.checkpointId === seen) continue;
      seen = lastCompleted.checkpointId;
      const { barriersMs, inFlightBytes } = lastCompleted;
      found.push({ barriersMs, hasRowsInFlight: inFlightBytes > 0 });
    }
    await job.cancel().catch(() => undefined);
  });
  return found;
}

/** A checkpoint of a job whose queues were full, and what was committed with it. */
async function crowded(
  way: Way = {},
  afterMs = 9500,
): Promise<{ readonly snapshot: JobSnapshot; readonly committed: Committed }> {
  const committed: Committed = new Map();
  const snapshot = await simulated().run(async (host) => {
    const job = await start(host, { committed, checkpoints: { alignedTimeoutMs: 0 }, ...way });
    await pause(host, afterMs);
    await job.cancel().catch(() => undefined);
    return job.latestCheckpoint;
  });
  if (snapshot === undefined) throw new Error("a checkpoint was complete by then");
  return { snapshot, committed };
}

const inFlightTables = ({ operators }: JobSnapshot) =>
  Object.values(operators).flatMap(({ tables }) => Object.keys(tables).filter((name) => name.startsWith("inFlight")));

describe("checkpoints of a job that is backpressured", () => {
  it("take as long as the queues where barriers wait for rows, and as long as one write where they overtake them", async () => {
    const aligned = await durations({ checkpoints: {} });
    const unaligned = await durations({ checkpoints: { alignedTimeoutMs: 0 } });
    const patient = await durations({ checkpoints: { alignedTimeoutMs: 2000 } });
    const overtaken = { hasRowsInFlight: true };
    const waited = { hasRowsInFlight: false };
    expect(aligned).toEqual([4000, 5000, 5000].map((barriersMs) => ({ barriersMs, ...waited })));
    expect(unaligned).toEqual([0, 1, 1].map((barriersMs) => ({ barriersMs, ...overtaken })));
    expect(patient).toEqual([2000, 2000, 2000].map((barriersMs) => ({ barriersMs, ...overtaken })));
  });

  it("tell steps of the watermarks that stood between rows in flight, as if nothing had happened", async () => {
    const timed = { column: "t", isRead: "with watermarks" } as const;
    const undisturbed: Committed = new Map();
    await simulated().run(async (host) => (await start(host, { ...timed, committed: undisturbed })).result());
    const { snapshot, committed } = await crowded(timed);
    expect(inFlightTables(snapshot)).toContain("inFlightRows0");
    await simulated().run(async (host) => (await start(host, { ...timed, committed, restore: snapshot })).result());
    expect(rowsOf(committed)).toEqual(rowsOf(undisturbed));
  });

  it.each([1, 2, 3])("go on at parallelism %i with every row once, those in flight among them", async (parallelism) => {
    const { snapshot, committed } = await crowded();
    expect(inFlightTables(snapshot).toSorted()).toEqual(["inFlightChannels", "inFlightControls", "inFlightRows0"]);
    await simulated().run(async (host) => {
      const job = await start(host, { committed, parallelism, restore: snapshot });
      await job.result();
    });
    expect(rowsOf(committed)).toEqual(ALL);
  });

  it("go on where rows are dealt out in turn, at another parallelism too", async () => {
    const { snapshot, committed } = await crowded({ isRead: "in turn", parallelism: 2 });
    expect(inFlightTables(snapshot)).toContain("inFlightRows0");
    await simulated().run(async (host) => {
      await (await start(host, { committed, isRead: "in turn", parallelism: 3, restore: snapshot })).result();
    });
    expect(rowsOf(committed)).toEqual(ALL);
  });

  it("go on with keyed state on disk", async () => {
    const { snapshot, committed } = await crowded({ isRead: "counted on disk" });
    expect(inFlightTables(snapshot)).toContain("inFlightRows0");
    await simulated().run(async (host) => {
      await (await start(host, { isRead: "counted on disk", committed, parallelism: 2, restore: snapshot })).result();
    });
    const expected = ALL.map((n) => (n % 7) * 1000 + Math.floor(n / 7) + 1);
    expect(rowsOf(committed)).toEqual(expected.toSorted(inOrder));
  });

  it("go on where regions take their checkpoints by themselves", async () => {
    const { snapshot, committed } = await crowded({ hasOtherRegion: true });
    expect(inFlightTables(snapshot)).toContain("inFlightRows0");
    await simulated().run(async (host) => {
      await (await start(host, { hasOtherRegion: true, committed, parallelism: 2, restore: snapshot })).result();
    });
    expect(rowsOf(committed)).toEqual([...Array.from({ length: 200 }, () => -1), ...ALL]);
  });

  it("overtake nothing in front of windows, which know by the watermark of all subtasks what has closed", async () => {
    const windows = { isRead: "in windows", parallelism: 2 } as const;
    const undisturbed: Committed = new Map();
    await simulated().run(async (host) => (await start(host, { ...windows, committed: undisturbed })).result());
    for (const afterMs of [30_000, 50_000]) {
      const { snapshot, committed } = await crowded(windows, afterMs);
      await simulated().run(async (host) => {
        await (await start(host, { ...windows, committed, parallelism: 3, restore: snapshot })).result();
      });
      expect(rowsOf(committed)).toEqual(rowsOf(undisturbed));
    }
  });

  const event = { ttl: { ttlMs: 100, timeDomain: "event" } } as const;
  const clock = { ttl: { ttlMs: 100_000 } } as const;
  const sameRow = <R>(row: R): R => row;
  const steps: [what: string, isOvertaken: boolean, step: NonNullable<Way["step"]>][] = [
    ["reduce", true, (rows) => rows.reduce(sameRow)],
    ["reduce, with a time to live", true, (rows) => rows.reduce(sameRow, clock)],
    ["reduce, with a time to live in event time", false, (rows) => rows.reduce(sameRow, event)],
    ["aggregate", true, (rows) => rows.aggregate({ n: max("n") }).toChangelog()],
    ["aggregate in event time", false, (rows) => rows.aggregate({ n: max("n") }, event).toChangelog()],
    ["topN", true, (rows) => rows.topN(2, desc("n")).toChangelog()],
    ["topN in event time", false, (rows) => rows.topN(2, desc("n"), event).toChangelog()],
    ["deduplicate", true, (rows) => rows.deduplicate({ keep: "last" }).toChangelog()],
    ["deduplicate in event time", false, (rows) => rows.deduplicate({ keep: "last", ...event }).toChangelog()],
    ["countWindow", true, (rows) => rows.countWindow(1).aggregate({ n: max("n") })],
    ["a window of time", false, (rows) => rows.window(TumblingEventTimeWindows.of(5)).process(() => [{ n: 1n }], ONE)],
  ];
  it.each(steps)("overtake what waits for %s: %s", async (_, isOvertaken, step) => {
    const { snapshot } = await crowded({ step }, 40_000);
    expect(inFlightTables(snapshot).includes("inFlightRows0")).toBe(isOvertaken);
  });

  it("overtake nothing where rows go straight on, nor in savepoints", async () => {
    const { snapshot } = await crowded({ isRead: "forward" }, 20_000);
    expect(inFlightTables(snapshot)).toEqual([]);
    await simulated().run(async (host) => {
      const job = await start(host, { checkpoints: { alignedTimeoutMs: 0 } });
      await pause(host, 9500);
      const startedAtMs = host.clock.nowMs();
      await job.savepoint("/savepoint");
      expect(host.clock.nowMs() - startedAtMs).toBeGreaterThan(4 * WRITE_MS);
      expect(job.checkpointStatistics?.lastCompleted).toMatchObject({ inFlightBytes: 0 });
      await job.cancel().catch(() => undefined);
    });
  });

  it("are refused where rows in flight have nowhere to go, before anything runs", async () => {
    const { snapshot } = await crowded();
    const restored = (way: Way) =>
      simulated().run(async (host) => {
        const committed: Committed = new Map();
        const job = await start(host, { committed, restore: snapshot, ...way });
        const result = await job.result().then(
          () => "finished",
          (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
        );
        // What the checkpoint holds as prepared is committed in any case.
        const isOwn = (name: string) => name.includes(`run ${run},`);
        if (result !== "finished") expect([...committed.keys()].filter(isOwn)).toEqual([]);
        return result;
      });
    expect(await restored({ column: "m" })).toMatch(
      /^IN_FLIGHT_INCOMPATIBLE: .*"rows", of the columns n int64, key int64, which reads the columns m int64, key int64 now/,
    );
    expect(await restored({ isRead: "forward" })).toMatch(/^IN_FLIGHT_INCOMPATIBLE: .*has no such input/);
    expect(await restored({ isRead: "under another name" })).toMatch(/^STATE_NOT_IN_JOB/);
    expect(await restored({ isRead: "under another name", allowNonRestoredState: true })).toBe("finished");
  });
});
