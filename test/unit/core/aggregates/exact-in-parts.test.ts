import { expect, it } from "vitest";
import { type AggregateSpec, bindAggregate, isExactInParts } from "../../../../src/core/aggregates/spec.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { bool, decimal, float32, float64, int8, int64, timestamp, utf8 } from "../../../../src/core/types.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({
  i8: int8,
  i64: int64,
  f32: float32,
  f64: float64,
  money: decimal(20, 2),
  text: utf8,
  flag: bool,
  at: timestamp("ms"),
});
const functions = [
  ...(["sum", "avg", "count", "countDistinct", "min", "max", "boolAnd", "boolOr", "first", "last", "list"] as const),
  ...(["median", "varianceSample", "stddevPopulation", "largest"] as const),
];

it("says of an aggregate that it is exact in parts where its accumulator is", () => {
  withWorkspace((workspace) => {
    const specs = functions.flatMap((fn) =>
      schema.names.flatMap((column): AggregateSpec[] => [
        { fn, column, as: "x", ...(fn === "largest" ? { params: { k: 2 } } : {}) },
        { fn, column, as: "x", distinct: true, ...(fn === "largest" ? { params: { k: 2 } } : {}) },
      ]),
    );
    let exact = 0;
    for (const spec of [...specs, { fn: "countAll", as: "x" } as const]) {
      let bound: ReturnType<typeof bindAggregate>;
      try {
        bound = bindAggregate(spec, schema);
      } catch {
        continue; // not of this type
      }
      const accumulator = bound.createAccumulator(workspace);
      expect(isExactInParts(spec, schema), JSON.stringify(spec)).toBe(accumulator.isAssociative === true);
      accumulator.release();
      if (isExactInParts(spec, schema)) exact++;
    }
    expect(exact).toBeGreaterThan(30);
  });
});
