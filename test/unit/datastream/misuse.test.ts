import { describe, expect, it } from "vitest";
import {
  GlobalWindows,
  mapState,
  OutputTag,
  Schema,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  types,
  valueState,
  WatermarkStrategy,
} from "../../../src/index.ts";

const env = StreamExecutionEnvironment.create();
const schema = Schema.of({ id: types.int64, text: types.utf8, time: types.timestamp("ms") });
const stream = env.fromCollection([], schema);
/** As JavaScript sees it, where nothing holds wrong arguments back. */
type Untyped = Record<string, (...args: unknown[]) => Untyped>;
const untyped = (value: unknown): Untyped => value as Untyped;
const keyed = () => untyped(stream.keyBy("id"));
const windowed = () => untyped(stream.keyBy("id").window(TumblingEventTimeWindows.of(1000)));

const MONOTONOUS = WatermarkStrategy.monotonous<typeof schema.$fields>().withTimestamps("time");
const WRONG = [undefined, null, 1, "text", {}, []];
const nameOf = (given: unknown) => JSON.stringify(given) ?? "nothing";

describe.each(WRONG.map((given) => [nameOf(given), given] as const))("given %s", (_, given) => {
  const options = { schema };
  const calls: Record<string, () => unknown> = {
    forEach: () => untyped(stream).forEach(given),
    map: () => untyped(stream).map(given, options),
    flatMap: () => untyped(stream).flatMap(given, options),
    filter: () => untyped(stream).filter(given),
    asyncMap: () => untyped(stream).asyncMap(given, options),
    partitionCustom: () => untyped(stream).partitionCustom(given, "id", 2),
    reduce: () => keyed().reduce(given),
    "WatermarkStrategy.custom": () => untyped(WatermarkStrategy).custom(given),
    storeCheckpoint: () => untyped(env).enableCheckpointing(1000, { storeCheckpoint: given === undefined ? 1 : given }),
    shouldRetry: () =>
      untyped(stream).asyncMap(() => null, {
        schema,
        retry: { attempts: 1, delayMs: 1, shouldRetry: given === undefined ? 1 : given },
      }),
  };
  it.each(Object.keys(calls))("%s wants a function", (name) => {
    expect(calls[name]).toThrow(expect.objectContaining({ code: "FUNCTION_INVALID" }));
  });

  const processed: Record<string, () => unknown> = {
    process: () => untyped(stream).process(given, options),
    "keyed process": () => keyed().process(given, options),
    "connected map": () => untyped(stream.connect(stream)).map(given, options),
    "connected process": () => untyped(stream.connect(stream)).process(given, options),
    "broadcast process": () => untyped(stream.connectBroadcast(stream)).process(given, options),
  };
  it.each(Object.keys(processed))("%s wants an object with functions", (name) => {
    expect(processed[name]).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^FUNCTION_(INVALID|MISSING)$/) }),
    );
  });

  const objects: Record<string, () => unknown> = {
    union: () => untyped(stream).union(given),
    connect: () => untyped(stream).connect(given),
    "keyed connect": () => keyed().connect(given),
    connectBroadcast: () => untyped(stream).connectBroadcast(given),
    "keyed connectBroadcast": () => keyed().connectBroadcast(given),
    join: () => keyed().join(given),
    intervalJoin: () => keyed().intervalJoin(given),
    "window of a join": () => keyed().join(stream.keyBy("id")).window(given),
    assignTimestampsAndWatermarks: () => untyped(stream).assignTimestampsAndWatermarks(given),
    getSideOutput: () => untyped(stream).getSideOutput(given),
    sideOutputLateData: () => windowed().sideOutputLateData(given),
    addSink: () => untyped(stream).addSink(given),
    sinkTo: () => untyped(stream).sinkTo(given),
    fromSource: () => untyped(env).fromSource(given),
    OutputTag: () => new OutputTag(given as never, given as never),
  };
  it.each(Object.keys(objects))("%s wants an object of its kind", (name) => {
    expect(objects[name]).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(ARGUMENT|OUTPUT_TAG|WINDOW)_INVALID$/) }),
    );
  });

  it.each(["window", "windowAll"])("%s wants windows", (name) => {
    const on = name === "window" ? keyed() : untyped(stream);
    expect(() => on[name](given)).toThrow(expect.objectContaining({ code: "WINDOW_INVALID" }));
  });
});

describe("streams of two environments", () => {
  const foreign = StreamExecutionEnvironment.create().fromCollection([{ id: 1n }], Schema.of({ id: types.int64 }));
  const steps: Record<string, () => unknown> = {
    union: () => untyped(stream).union(stream, foreign),
    connect: () => untyped(stream).connect(foreign),
    "keyed connect": () => keyed().connect(foreign.keyBy("id")),
    connectBroadcast: () => untyped(stream).connectBroadcast(foreign),
    "keyed connectBroadcast": () => keyed().connectBroadcast(foreign),
    join: () => keyed().join(foreign.keyBy("id")),
    intervalJoin: () => keyed().intervalJoin(foreign.keyBy("id")),
    temporalJoin: () => keyed().temporalJoin(foreign.keyBy("id")),
    coGroup: () => keyed().coGroup(foreign.keyBy("id")),
  };
  it.each(Object.keys(steps))("are not one job: %s", (name) => {
    expect(steps[name]).toThrow(expect.objectContaining({ code: "ENVIRONMENTS_MIXED" }));
  });
});

describe("at the call", () => {
  const codes: [string, () => unknown, string][] = [
    ["a strategy that is none", () => untyped(env).fromCollection([], schema, 1), "ARGUMENT_INVALID"],
    ["async process functions", () => keyed().process({ async processElement() {} }, { schema }), "FUNCTION_INVALID"],
    ["async reduce", () => keyed().reduce(async () => ({})), "FUNCTION_INVALID"],
    ["asyncMap without columns", () => untyped(stream).asyncMap(() => null, {}), "SCHEMA_MISSING"],
    ["asyncMap without options", () => untyped(stream).asyncMap(() => null), "SCHEMA_MISSING"],
    ["no capacity", () => untyped(stream).asyncMap(() => null, { schema, capacity: 0 }), "ASYNC_OPTION_INVALID"],
    ["unknown options", () => untyped(stream).asyncMap(() => null, { schema, timeout: 5 }), "OPTION_UNKNOWN"],
    ["a retry that is a number", () => untyped(stream).asyncMap(() => null, { schema, retry: 3 }), "OPTION_INVALID"],
    ["maxBy of texts", () => keyed().maxBy("text"), "TYPE_MISMATCH"],
    ["maxBy of an unknown column", () => keyed().maxBy("tex"), "COLUMN_UNKNOWN"],
    ["sum of an unknown column", () => keyed().sum("tex"), "COLUMN_UNKNOWN"],
    ["an interval of 0", () => untyped(env).enableCheckpointing(0), "OPTION_INVALID"],
    ["no interval", () => untyped(env).enableCheckpointing(), "OPTION_INVALID"],
    ["unknown checkpoint options", () => untyped(env).enableCheckpointing(10, { pause: 1 }), "OPTION_UNKNOWN"],
    ["no rows to generate", () => untyped(env).fromGenerator(undefined), "FUNCTION_INVALID"],
    ["a count that is none", () => untyped(env).fromGenerator(() => ({ n: 1 }), { count: -1 }), "GENERATOR_INVALID"],
    ["an iterable without columns", () => untyped(env).fromIterable([]), "SCHEMA_MISSING"],
    ["what is no iterable", () => untyped(env).fromIterable(1, { schema }), "ITERABLE_INVALID"],
    ["what is no async iterable", () => untyped(env).fromAsyncIterable([], { schema }), "ITERABLE_INVALID"],
    ["a port that is none", () => untyped(env).socketTextStream("localhost", 0), "OPTION_INVALID"],
    ["a host that is none", () => untyped(env).socketTextStream(9000, 9000), "OPTION_INVALID"],
    ["an unknown format", () => untyped(env).monitorDirectory("/in", { format: "xml" }), "OPTION_INVALID"],
    ["no format", () => untyped(env).monitorDirectory("/in"), "OPTION_INVALID"],
    ["a port of a sink", () => untyped(stream).writeToSocket("localhost", "a"), "OPTION_INVALID"],
    ["an unknown format to write", () => untyped(stream).writeToFiles("/out", { format: "xml" }), "OPTION_INVALID"],
    [
      "overwriting by a stream",
      () => untyped(stream).writeToFiles("/out", { format: "csv", write: { overwrite: "append" } }),
      "OPTION_UNKNOWN",
    ],
    [
      "a misspelt roll",
      () => untyped(stream).writeToFiles("/out", { format: "csv", roll: { row: 1 } }),
      "OPTION_UNKNOWN",
    ],
    [
      "a bucket of nothing",
      () => untyped(stream).writeToFiles("/out", { format: "csv", bucketBy: {} }),
      "OPTION_INVALID",
    ],
    ["a uid that is none", () => untyped(stream.select("id")).uid(""), "ARGUMENT_INVALID"],
    ["a name that is no text", () => untyped(stream.select("id")).name(7), "ARGUMENT_INVALID"],
    ["a group that is no text", () => untyped(stream.select("id")).slotSharingGroup({}), "ARGUMENT_INVALID"],
    ["a parallelism of none", () => untyped(stream.select("id")).setParallelism(0), "OPTION_INVALID"],
    ["a parallelism that is no number", () => untyped(stream.select("id")).setParallelism("2"), "OPTION_INVALID"],
    ["a lateness of count windows", () => keyed().countWindow(3).allowedLateness(5), "WINDOW_LATENESS_INVALID"],
    [
      "a lateness of global windows",
      () => keyed().window(GlobalWindows.create()).allowedLateness(5),
      "WINDOW_LATENESS_INVALID",
    ],
    [
      "a lateness of the clock",
      () => keyed().window(TumblingProcessingTimeWindows.of(1000)).allowedLateness(5),
      "WINDOW_LATENESS_INVALID",
    ],
    [
      "a lateness of the clock in a join",
      () => keyed().join(keyed()).window(TumblingProcessingTimeWindows.of(1000), { allowedLatenessMs: 5 }),
      "WINDOW_LATENESS_INVALID",
    ],
    [
      "a lateness of the clock in a coGroup",
      () => keyed().coGroup(keyed()).window(TumblingProcessingTimeWindows.of(1000), { allowedLatenessMs: 5 }),
      "WINDOW_LATENESS_INVALID",
    ],
    [
      "a lateness that is a text",
      () => keyed().join(keyed()).window(TumblingEventTimeWindows.of(1000), { allowedLatenessMs: "5" }),
      "WINDOW_LATENESS_INVALID",
    ],
    [
      "idleness in mid-stream",
      () => stream.assignTimestampsAndWatermarks(MONOTONOUS.withIdleness(5)),
      "WATERMARKS_NOT_OF_SOURCE",
    ],
    [
      "alignment in mid-stream",
      () => stream.assignTimestampsAndWatermarks(MONOTONOUS.withAlignment("all", 5)),
      "WATERMARKS_NOT_OF_SOURCE",
    ],
    ["the uid of a union", () => untyped(stream.union(stream)).uid("both"), "STEP_MISSING"],
    ["the parallelism of a union", () => untyped(stream.union(stream)).setParallelism(2), "STEP_MISSING"],
    ["a name behind rebalance", () => untyped(stream.rebalance()).name("spread"), "STEP_MISSING"],
    [
      "a parallelism behind partitionCustom",
      () => untyped(stream.partitionCustom(() => 0, "id", 2)).setParallelism(3),
      "STEP_MISSING",
    ],
    ["a split without conditions", () => untyped(stream).split({}), "ARGUMENT_INVALID"],
    ["a split of nothing", () => untyped(stream).split(), "ARGUMENT_INVALID"],
    ["a split by functions", () => untyped(stream).split({ all: () => true }), "ARGUMENT_INVALID"],
    ["a path that is none", () => untyped(stream).writeToFiles(5, { format: "csv" }), "PATH_INVALID"],
    [
      "a look that is made once or not",
      () => untyped(env).monitorDirectory("/in", { format: "text", once: "yes" }),
      "OPTION_INVALID",
    ],
    ["a group of alignment that is no text", () => untyped(MONOTONOUS).withAlignment(5, 5), "ARGUMENT_INVALID"],
    [
      "a timeout that is a text",
      () => untyped(stream).asyncMap(() => null, { schema, timeoutMs: "1" }),
      "ASYNC_OPTION_INVALID",
    ],
    [
      "bounds that are exclusive or not",
      () => untyped(stream.keyBy("id").intervalJoin(stream.keyBy("id"))).between(0, 5, { upperExclusive: "no" }),
      "OPTION_INVALID",
    ],
    [
      "a misspelt option of process",
      () => keyed().process({ processElement() {} }, { schema, sideOutput: [] }),
      "OPTION_UNKNOWN",
    ],
    [
      "side outputs that are none",
      () => keyed().process({ processElement() {} }, { schema, sideOutputs: "a" }),
      "OUTPUT_TAG_INVALID",
    ],
    [
      "side outputs of windows that are none",
      () => windowed().process(() => [], { schema, sideOutputs: [{}] }),
      "OUTPUT_TAG_INVALID",
    ],
    [
      "a side output that no step has",
      () => stream.getSideOutput(new OutputTag("other", schema)),
      "SIDE_OUTPUT_UNKNOWN",
    ],
    [
      "a side output that the step does not declare",
      () =>
        stream
          .process({ processElement() {} }, { schema, sideOutputs: [new OutputTag("one", schema)] })
          .getSideOutput(new OutputTag("other", schema)),
      "SIDE_OUTPUT_UNKNOWN",
    ],
    [
      "a side output of the step before",
      () => {
        const tag = new OutputTag("one", schema);
        const processed = stream.process({ processElement() {} }, { schema, sideOutputs: [tag] });
        return processed.select("id").getSideOutput(tag);
      },
      "SIDE_OUTPUT_UNKNOWN",
    ],
    [
      "parameters that are no object",
      () => StreamExecutionEnvironment.create({ parameters: 5 as never }),
      "OPTION_INVALID",
    ],
    ["a state of no type", () => valueState("seen", "int32" as never), "TYPE_INVALID"],
    ["a map without a type of keys", () => mapState("seen", "utf8" as never, types.int32), "TYPE_INVALID"],
    ["an unknown option of state", () => valueState("seen", types.int32, { tll: {} } as never), "OPTION_UNKNOWN"],
    [
      "an unknown option of ttl",
      () => valueState("seen", types.int32, { ttl: { ttlMs: 1, domain: "event" } as never }),
      "OPTION_UNKNOWN",
    ],
    [
      "an unknown visibility",
      () => valueState("seen", types.int32, { ttl: { ttlMs: 1, visibility: "never" as never } }),
      "STATE_TTL_INVALID",
    ],
    [
      "an unknown renewal",
      () => valueState("seen", types.int32, { ttl: { ttlMs: 1, updateOn: "read" as never } }),
      "STATE_TTL_INVALID",
    ],
    ["a label that is no text", () => untyped(stream).print(1), "OPTION_INVALID"],
  ];
  it.each(codes)("%s is refused", (_, call, code) => {
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});

it("nothing of this has added a sink", async () => {
  await expect(env.execute()).rejects.toMatchObject({ code: "NOTHING_TO_EXECUTE" });
});

describe("while the job runs", () => {
  it.each([5, {}, { onEvents: () => undefined }, { onEvent: 5 }])(
    "a generator of watermarks that is %j is refused",
    async (given) => {
      const env = StreamExecutionEnvironment.create();
      const strategy = untyped(WatermarkStrategy)
        .custom(() => given)
        .withTimestamps("time");
      env.fromCollection([{ id: 1n, text: "a", time: 5 }], schema, strategy as never).blackhole();
      await expect(env.execute()).rejects.toMatchObject({ code: "FUNCTION_INVALID" });
    },
  );

  it.each([Number.NaN, "5", undefined])("the watermark %s is refused", async (timeMs) => {
    const env = StreamExecutionEnvironment.create();
    const strategy = WatermarkStrategy.custom<typeof schema.$fields>(() => ({
      onEvent: (_, __, output) => output.emitWatermark(timeMs as never),
    })).withTimestamps("time");
    env.fromCollection([{ id: 1n, text: "a", time: 5 }], schema, strategy).blackhole();
    await expect(env.execute()).rejects.toMatchObject({ code: "EVENT_TIME_INVALID" });
  });
});

describe("an environment refuses", () => {
  it("a signal that is none", async () => {
    const local = StreamExecutionEnvironment.create();
    local.fromSequence(0, 1).blackhole();
    await expect(local.execute({ signal: 5 as never })).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });

  it.each([undefined, "ingest", 5])("the time characteristic %s", (given) => {
    expect(() => untyped(env).setStreamTimeCharacteristic(given)).toThrow(
      /setStreamTimeCharacteristic is .*"ingestion"/,
    );
  });

  it.each([undefined, "streaming", null])("the runtime mode %s", (given) => {
    expect(() => untyped(env).setRuntimeMode(given)).toThrow(/runtimeMode is .*"AUTOMATIC"/);
  });

  it.each([null, {}, { checkpointId: 1, maxParallelism: 128, operators: null }, "path"])(
    "to go on from %j",
    async (restore) => {
      const local = StreamExecutionEnvironment.create();
      local.fromSequence(0, 1).blackhole();
      await expect(local.execute({ restore: restore as never })).rejects.toMatchObject({
        code: "OPTION_INVALID",
        message: expect.stringContaining("which is no checkpoint"),
      });
    },
  );

  it("two outputs whose files would take each other's place", async () => {
    const write = async (first: object, second: object, path = "./x/../nowhere") => {
      const local = StreamExecutionEnvironment.create();
      local.fromSequence(0, 1).writeToFiles("nowhere", { format: "csv", ...first });
      local.fromSequence(0, 1).writeToFiles(path, { format: "csv", ...second });
      await local.execute({ signal: AbortSignal.abort() });
    };
    await expect(write({}, {})).rejects.toMatchObject({ code: "TARGET_TWICE" });
    await expect(write({ prefix: "a" }, { prefix: "a" })).rejects.toMatchObject({ code: "TARGET_TWICE" });
    await expect(write({ prefix: "a" }, {})).rejects.toMatchObject({ code: "JOB_CANCELLED" });
    await expect(write({}, {}, "elsewhere")).rejects.toMatchObject({ code: "JOB_CANCELLED" });
  });
});

describe("a directory of checkpoints", () => {
  it.each([
    [{ directory: 1 }],
    [{ directory: "" }],
    [{ directory: "/a", retained: 0 }],
    [{ directory: "/a", retained: 1.5 }],
    [{ retained: 2 }],
    [{ directory: "/a", storeCheckpoint: () => undefined }],
  ])("refuses %j", (options) => {
    expect(() => untyped(env).enableCheckpointing(1000, options)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID" }),
    );
  });
});
