import { describe, expect, it } from "vitest";
import { BlackholeSink } from "../../../../src/connectors/blackhole/blackhole-sink.ts";
import { type StreamSinkOptions, sinkPlan } from "../../../../src/datastream/sink-plans.ts";
import { type DataStream, StreamExecutionEnvironment } from "../../../../src/index.ts";
import { planStream } from "../../../../src/plan/stream/stream-planner.ts";
import type { JobGraph } from "../../../../src/runtime/job-graph.ts";
import { threadOf } from "../../../../src/runtime/messages.ts";

const planOf = async (...streams: DataStream[]): Promise<JobGraph> =>
  planStream(await Promise.all(streams.map(({ plan }) => plan.resolve())), {
    mode: "streaming",
    maxParallelism: 128,
    bufferTimeoutMs: 0,
    watermarkIntervalMs: 200,
    parallelism: 2,
    chaining: true,
  });

const numbers = () => StreamExecutionEnvironment.create().fromSequence(1, 10);
const groupsOf = ({ vertices }: JobGraph) => vertices.map(({ slotGroup }) => slotGroup?.name);

describe("slot sharing groups", () => {
  it("are none where no step has one, nor where all have the same one", async () => {
    const { vertices } = await planOf(numbers().select("value"));
    expect(vertices).toHaveLength(1);
    expect(vertices[0].slotGroup).toBeUndefined();
    const same = await planOf(numbers().slotSharingGroup("one").select("value"));
    expect(same.vertices.map(({ slotGroup }) => slotGroup)).toEqual([undefined]);
  });

  it("pass on to the steps behind, and part chains where they change", async () => {
    const stream = numbers().select("value").name("a").slotSharingGroup("heavy").select("value").name("b");
    const graph = await planOf(stream.slotSharingGroup("light").select("value").name("c"));
    expect(graph.vertices).toHaveLength(3);
    expect(graph.vertices.map(({ slotGroup }) => slotGroup)).toEqual([
      { name: "default", index: 0, count: 3 },
      { name: "heavy", index: 1, count: 3 },
      { name: "light", index: 2, count: 3 },
    ]);
    expect(graph.edges.map(({ exchange }) => exchange.kind)).toEqual(["forward", "forward"]);
  });

  it("are those of the inputs where these have the same one, else the default one", async () => {
    const env = StreamExecutionEnvironment.create();
    const [a, b, c] = ["a", "a", "c"].map((group) => env.fromSequence(1, 10).slotSharingGroup(group));
    const same = await planOf(a.union(b).rebalance().select("value").name("same"));
    expect(groupsOf(same)).toEqual([undefined, undefined, undefined]);
    const mixed = await planOf(a.union(c).rebalance().select("value").name("mixed"));
    expect(groupsOf(mixed)).toEqual(["a", "c", "default"]);
  });

  it("are an option of sinks, as a queue in front of them is", async () => {
    const stream = numbers().select("value").name("a");
    const written = (options: StreamSinkOptions) => {
      const plan = sinkPlan({ plan: stream.plan }, new BlackholeSink(), false, options);
      return planOf({ plan } as DataStream);
    };
    expect((await written({})).vertices).toHaveLength(1);
    expect((await written({ chaining: "head" })).vertices).toHaveLength(2);
    expect(groupsOf(await written({ slotSharingGroup: "io" }))).toEqual(["default", "io"]);
  });

  it("refuse what is no name", () => {
    for (const wrong of ["", undefined, 3]) {
      expect(() => numbers().slotSharingGroup(wrong as string)).toThrow(
        expect.objectContaining({ code: "ARGUMENT_INVALID" }),
      );
    }
    const sinks: readonly [StreamSinkOptions, string][] = [
      [{ slotSharingGroup: "" }, "ARGUMENT_INVALID"],
      [{ uid: 1 as never }, "ARGUMENT_INVALID"],
      [{ chaining: "never" as never }, "OPTION_INVALID"],
      [{ parallelism: 0 }, "OPTION_INVALID"],
    ];
    for (const [wrong, code] of sinks) {
      expect(() => numbers().blackhole(wrong)).toThrow(expect.objectContaining({ code }));
      expect(() => numbers().print("", wrong)).toThrow(expect.objectContaining({ code }));
      expect(() => numbers().forEach(() => {}, wrong)).toThrow(expect.objectContaining({ code }));
    }
  });
});

describe("the thread of a subtask", () => {
  const threadsOf = (index: number, count: number, threads: readonly number[], subtasks = 4) =>
    Array.from({ length: subtasks }, (_, subtask) =>
      threadOf({ placement: "workers", slotGroup: { name: `${index}`, index, count } }, subtask, threads),
    );

  it("is one of its group's share", () => {
    expect(threadsOf(0, 2, [1, 2, 3, 4])).toEqual([1, 2, 1, 2]);
    expect(threadsOf(1, 2, [1, 2, 3, 4])).toEqual([3, 4, 3, 4]);
    expect(threadsOf(0, 2, [1, 2, 3])).toEqual([1, 1, 1, 1]);
    expect(threadsOf(1, 2, [1, 2, 3])).toEqual([2, 3, 2, 3]);
  });

  it("is shared by groups where there are more of them than threads", () => {
    expect([0, 1, 2].map((index) => threadsOf(index, 3, [1, 2], 1)[0])).toEqual([1, 1, 2]);
    expect([0, 1, 2].map((index) => threadsOf(index, 3, [0], 2))).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it("is any worker thread without a group, and the planning thread where the step stays there", () => {
    expect([0, 1, 2].map((subtask) => threadOf({ placement: "workers" }, subtask, [1, 2]))).toEqual([1, 2, 1]);
    expect(threadOf({ placement: "planner" }, 1, [1, 2])).toBe(0);
  });
});
