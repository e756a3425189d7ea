import { beforeAll, describe, expect, it } from "vitest";
import { standardConfiguration as configuration } from "../../../bench/nexmark/generator/configuration.ts";
import { eventAt } from "../../../bench/nexmark/generator/event.ts";
import { buildNexmarkKernels } from "../../../bench/nexmark/generator/kernels.ts";
import { NexmarkSource } from "../../../bench/nexmark/generator/source.ts";
import { count, ExecutionEnvironment } from "../../../src/index.ts";

beforeAll(buildNexmarkKernels);

const source = (events: number): NexmarkSource => new NexmarkSource({ kind: "nexmark", configuration, events });

describe("the Nexmark source", () => {
  it("splits the stream into ranges that cover it", () => {
    const splits = source(2_500_000).splits();
    expect(splits.map(({ payload }) => payload)).toEqual([
      { first: 0, count: 1_048_576 },
      { first: 1_048_576, count: 1_048_576 },
      { first: 2_097_152, count: 402_848 },
    ]);
  });

  it("feeds a job of the engine", async () => {
    const env = ExecutionEnvironment.create({ parallelism: 1 });
    const rows = await env.fromSource(source(5000)).groupBy("eventType").aggregate({ n: count() }).collect();
    expect(rows.map(({ eventType, n }) => [eventType, Number(n)]).sort()).toEqual([
      [0, 100],
      [1, 300],
      [2, 4600],
    ]);
  });

  it("reads only the columns asked for", async () => {
    const env = ExecutionEnvironment.create({ parallelism: 1 });
    const narrow = source(60).withColumns(["price", "position"]);
    const rows = await env.fromSource(narrow).collect();
    const { price } = eventAt(configuration, 55) as { price?: number };
    expect(rows[55]).toEqual({ price: BigInt(price ?? 0), position: 55n });
    expect(() => narrow.withColumns(["prices"])).toThrow(/no column "prices"/);
  });
});
