import { describe, expect, it } from "vitest";
import type { DataStream } from "../../../../src/datastream/data-stream.ts";
import {
  avg,
  ContinuousProcessingTimeTrigger,
  count,
  first,
  max,
  OutputTag,
  Schema,
  SlidingEventTimeWindows,
  StreamExecutionEnvironment,
  sum,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  types,
} from "../../../../src/index.ts";
import type { StreamNode } from "../../../../src/plan/stream/stream-node.ts";
import { planStream } from "../../../../src/plan/stream/stream-planner.ts";
import type { JobGraph } from "../../../../src/runtime/job-graph.ts";

const rows = Schema.of({ key: types.int64, price: types.float64, text: types.utf8 });
const windows = TumblingEventTimeWindows.of(10);
const exact = { n: count(), most: max("price") };

type Given = ReturnType<typeof given>;
const given = (parallelism = 2) =>
  StreamExecutionEnvironment.create({ parallelism })
    .fromCollection([], rows)
    .map((row) => row, { schema: rows });

/** The plan of a job, with the halves of its window aggregates. */
function planned(
  build: (stream: Given) => unknown,
  options: { readonly parallelism?: number; readonly bufferTimeoutMs?: number; readonly from?: number } = {},
) {
  const { parallelism = 2, bufferTimeoutMs = 10, from = parallelism } = options;
  const built = [build(given(parallelism).setParallelism(from))].flat() as DataStream[];
  const graph: JobGraph = planStream(
    built.map(({ plan: { node } }): StreamNode => {
      if (node === undefined) throw new Error("the columns of every step are declared");
      return node;
    }),
    { parallelism, bufferTimeoutMs, mode: "streaming", chaining: true, maxParallelism: 128, watermarkIntervalMs: 200 },
  );
  return {
    graph,
    partials: graph.vertices.filter(({ operators }) => operators.some(({ kind }) => kind === "windowPartials")),
    finals: graph.vertices.flatMap(({ operators }) => operators.filter(({ kind }) => kind === "windowAggregate")),
  };
}

const isTwoPhase = (build: (stream: Given) => unknown, options = {}): boolean =>
  planned(build, options).partials.length > 0;

describe("a window aggregate that several subtasks feed", () => {
  it("combines rows at the end of the chain that sends them, and merges behind the exchange under its own uid", () => {
    const { graph, partials, finals } = planned((s) => s.keyBy("key").window(windows).aggregate(exact).uid("mine"));
    expect(partials.map(({ name, parallelism }) => [name, parallelism])).toEqual([
      [expect.stringMatching(/-> map -> partial window 10 ms\(key\)$/), 2],
    ]);
    expect(finals).toMatchObject([{ uid: "mine", name: "window 10 ms(key)", partialsOf: rows.fields }]);
    expect(graph.edges.find(({ from }) => from === partials[0].id)?.exchange).toMatchObject({
      kind: "keyGroup",
      keys: ["key"],
    });
  });

  it("leaves the members of a union as they are for its other readers", () => {
    const { graph, partials } = planned((s) => {
      const both = s.union(s.map((row) => row, { schema: rows }));
      return [both.keyBy("key").window(windows).aggregate(exact), both.filter(() => true)];
    });
    expect(partials.length).toBe(2);
    for (const { operators } of partials) expect(operators.map(({ kind }) => kind)).toEqual(["windowPartials"]);
    const filter = graph.vertices.find(({ name }) => name.includes("filter"));
    const feeds = graph.edges.filter(({ to }) => to === filter?.id).map(({ from }) => from);
    expect(feeds.length).toBe(2);
    expect(partials.filter(({ id }) => feeds.includes(id))).toEqual([]);
  });

  it("does so for all rows, sliding windows, processing time, and each member of a union", () => {
    expect(isTwoPhase((s) => s.windowAll(windows).aggregate(exact))).toBe(true);
    expect(isTwoPhase((s) => s.keyBy("key").window(SlidingEventTimeWindows.of(10, 3)).aggregate(exact))).toBe(true);
    expect(isTwoPhase((s) => s.keyBy("key").window(TumblingProcessingTimeWindows.of(10)).aggregate(exact))).toBe(true);
    const { partials } = planned((s) =>
      s
        .union(s.filter(() => true))
        .keyBy("key")
        .window(windows)
        .aggregate(exact),
    );
    expect(partials).toHaveLength(2);
  });

  it("is left alone where one subtask feeds it", () => {
    expect(isTwoPhase((s) => s.keyBy("key").window(windows).aggregate(exact), { parallelism: 1 })).toBe(false);
    expect(isTwoPhase((s) => s.keyBy("key").window(windows).aggregate(exact), { from: 1 })).toBe(false);
  });

  it("is left alone where the result would depend on how rows are put together", () => {
    const withAggregate = (aggregates: object) => (s: Given) =>
      s
        .keyBy("key")
        .window(windows)
        .aggregate(aggregates as typeof exact);
    expect(isTwoPhase(withAggregate({ total: sum("key"), mean: avg("key") }))).toBe(true);
    expect(isTwoPhase(withAggregate({ total: sum("price") }))).toBe(false);
    expect(isTwoPhase(withAggregate({ mean: avg("price") }))).toBe(false);
    expect(isTwoPhase(withAggregate({ n: count(), text: first("text") }))).toBe(false);
  });

  it("is left alone where late rows are read, and where rows must not wait", () => {
    const tag = new OutputTag("late", rows);
    const withTag = (s: Given) => s.keyBy("key").window(windows).sideOutputLateData(tag).aggregate(exact);
    expect(isTwoPhase(withTag)).toBe(true);
    expect(
      isTwoPhase((s) => {
        const results = withTag(s);
        return [results, results.getSideOutput(tag)];
      }),
    ).toBe(false);
    const early = ContinuousProcessingTimeTrigger.of(5);
    expect(isTwoPhase((s) => s.keyBy("key").window(windows).trigger(early).aggregate(exact))).toBe(false);
    const processing = (s: Given) => s.keyBy("key").window(TumblingProcessingTimeWindows.of(10)).aggregate(exact);
    expect(isTwoPhase(processing, { bufferTimeoutMs: 0 })).toBe(false);
  });
});
