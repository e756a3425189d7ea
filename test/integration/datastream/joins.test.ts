import { beforeAll, expect, it } from "vitest";
import {
  Schema,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const inSimulation = <T>(parallelism: number, body: (env: StreamExecutionEnvironment) => Promise<T>): Promise<T> =>
  new Simulation({ seed: 5 }).run((host) => body(StreamExecutionEnvironment.create({ host, parallelism })));

const collect = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const row of stream) all.push(row);
  return all;
};

const impressions = Schema.of({ ad: types.int64, at: types.int64 });
const clicks = Schema.of({ ad: types.int64, at: types.int64, user: types.utf8 });
const shown = Array.from({ length: 50 }, (_, i) => ({ ad: BigInt(i), at: BigInt(i * 1000) }));
// Every third ad is clicked, two seconds later; every sixth half a minute later.
const clicked = shown
  .filter(({ ad }) => ad % 3n === 0n)
  .map(({ ad, at }) => ({ ad, at: at + (ad % 6n === 0n ? 30_000n : 2000n), user: `u${ad}` }));

it.each([1, 2])("joins impressions with clicks within ten seconds, at parallelism %d", (parallelism) =>
  inSimulation(parallelism, async (env) => {
    const left = env.fromCollection(
      shown,
      impressions,
      WatermarkStrategy.boundedOutOfOrderness<typeof impressions.$fields>(100).withTimestamps("at"),
    );
    const right = env.fromCollection(
      clicked,
      clicks,
      WatermarkStrategy.boundedOutOfOrderness<typeof clicks.$fields>(60_000).withTimestamps("at"),
    );
    const pairs = left.keyBy("ad").intervalJoin(right.keyBy("ad"), { type: "left" }).between(0, 10_000);
    const found = await collect(pairs.executeAndCollect());
    expect(found).toHaveLength(50);
    expect(
      found
        .filter(({ user }) => user !== null)
        .map(({ ad }) => Number(ad))
        .sort((a, b) => a - b),
    ).toEqual([3, 9, 15, 21, 27, 33, 39, 45]);
  }),
);

it("joins what falls into one window", () =>
  inSimulation(2, async (env) => {
    const strategy = WatermarkStrategy.boundedOutOfOrderness<typeof impressions.$fields>(60_000).withTimestamps("at");
    const left = env.fromCollection(shown, impressions, strategy);
    const right = env.fromCollection(
      clicked,
      clicks,
      WatermarkStrategy.boundedOutOfOrderness<typeof clicks.$fields>(60_000).withTimestamps("at"),
    );
    const pairs = left.keyBy("ad").join(right.keyBy("ad")).window(TumblingEventTimeWindows.of(10_000));
    const found = await collect(pairs.executeAndCollect());
    const expected = clicked
      .filter(({ ad, at }) => at / 10_000n === (ad * 1000n) / 10_000n)
      .map(({ ad }) => Number(ad));
    expect(found.map(({ ad }) => Number(ad)).sort((a, b) => a - b)).toEqual(expected);
    for (const { windowStart, windowEnd } of found) expect(Number(windowEnd) - Number(windowStart)).toBe(10_000);
  }));
