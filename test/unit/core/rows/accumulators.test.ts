import { describe, expect, it } from "vitest";
import { type Accumulator, AccumulatorSet, IntCounter } from "../../../../src/core/rows/accumulators.ts";
import { createRuntimeContext } from "../../../../src/core/rows/runtime-context.ts";
import type { Json } from "../../../../src/core/source.ts";

class Longest implements Accumulator<string, string> {
  value = "";
  add(text: string): void {
    if (text.length > this.value.length) this.value = text;
  }
  state(): Json {
    return this.value;
  }
  merge(state: Json): void {
    this.add(state as string);
  }
}

/** Adds `values` in as many subtasks as there are lists, and merges them through JSON. */
function merged(parts: readonly number[][]): Record<string, unknown> {
  const job = new AccumulatorSet();
  for (const values of parts) {
    const accumulators = new AccumulatorSet();
    const context = createRuntimeContext({ accumulators });
    for (const value of values) {
      context.intCounter("count").add();
      context.doubleCounter("sum").add(value);
      context.minimum("min").add(value);
      context.maximum("max").add(value);
      context.average("mean").add(value);
      context.histogram("histogram").add(Math.round(value));
      context.listAccumulator("list").add(value);
      context.accumulator("longest", Longest).add(String(value));
    }
    job.mergeStates(JSON.parse(JSON.stringify(accumulators.states())));
  }
  job.get("longest", Longest);
  return Object.fromEntries(job.values());
}

describe("accumulators", () => {
  it("give one result whatever the number of subtasks", () => {
    const small = [0.1, 0.2, 3, 3];
    expect(merged([[0.1, 0.2], [3], [], [3]])).toEqual(merged([small]));
    expect(merged([small])).toMatchObject({
      count: 4,
      sum: 6.3,
      min: 0.1,
      max: 3,
      mean: 6.3 / 4,
      list: small,
      longest: "0.1",
      histogram: [
        [0, 2],
        [3, 2],
      ],
    });
  });

  it("sum what plain addition loses", () => {
    const { doubleCounter } = createRuntimeContext();
    const sum = doubleCounter("sum");
    for (const value of [1, 1e100, 1, -1e100]) sum.add(value);
    expect(sum.value).toBe(2);
    const infinite = doubleCounter("infinite");
    for (const value of [1, Number.POSITIVE_INFINITY, 2]) infinite.add(value);
    expect(infinite.value).toBe(Number.POSITIVE_INFINITY);
    const other = doubleCounter("other");
    other.merge(JSON.parse(JSON.stringify(infinite.state())));
    expect(other.value).toBe(Number.POSITIVE_INFINITY);
  });

  it("refuse one name for two kinds", () => {
    const context = createRuntimeContext();
    context.intCounter("rows");
    expect(() => context.average("rows")).toThrow(expect.objectContaining({ code: "ACCUMULATOR_CONFLICT" }));
  });

  it("refuse an own class where another thread would have to merge it", () => {
    const travelling = new AccumulatorSet(true);
    expect(() => travelling.get("longest", Longest)).toThrow(
      expect.objectContaining({ code: "ACCUMULATOR_NOT_PORTABLE" }),
    );
    expect(travelling.get("rows", IntCounter).value).toBe(0);
    expect(new AccumulatorSet().get("longest", Longest).value).toBe("");
  });

  it("refuse values that are not theirs", () => {
    expect(() => createRuntimeContext().intCounter("n").add(0.5)).toThrow(/no integer/);
    expect(() => createRuntimeContext().histogram("n").add(0.5)).toThrow(/no integer/);
  });
});

it("gives broadcast variables by name, and names those that exist", () => {
  const context = createRuntimeContext({ broadcasts: new Map([["rates", [{ rate: 1 }]]]) });
  expect(context.broadcast("rates")).toEqual([{ rate: 1 }]);
  expect(() => context.broadcast("rate")).toThrow(/"rates"/);
});
