import { expect, it } from "vitest";
import type { AggregateSpec } from "../../../../src/core/aggregates/spec.ts";
import { aggregateType } from "../../../../src/core/aggregates/spec.ts";
import type { UserAggregate } from "../../../../src/core/aggregates/user-aggregate.ts";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { HashAggregateOperator, type HashAggregateSpec } from "../../../../src/core/operators/hash-aggregate.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { bool, decimal, float64, int32, int64, list, uint64, utf8 } from "../../../../src/core/types.ts";
import { type RunInput, type RunOptions, runBatches, runOperator } from "../../../support/run-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({ key: utf8, n: int64, u: uint64, d: decimal(38, 2), x: float64, i: int32, b: bool });

const run = (spec: Partial<HashAggregateSpec>, input: RunInput, options?: RunOptions, limit?: number) =>
  withWorkspace((ws) => {
    const whole: HashAggregateSpec = { kind: "aggregate", keys: [], aggregates: [], mode: "complete", ...spec };
    return runOperator(ws, new HashAggregateOperator(whole, input.schema), [input], options);
  }, limit);

const ofRows = (...rows: object[]): RunInput => ({ schema, batches: [rows] });
const sums: AggregateSpec[] = ["n", "u", "d"].map((column) => ({ fn: "sum", column, as: column }));

it("sums exactly when sums on the way leave the type but the last one does not", () => {
  const big = 2n ** 63n - 1n;
  const nines = `${"9".repeat(36)}.99`;
  const rows = [
    { n: big, u: big, d: nines },
    { n: big, u: 0n, d: nines },
    { n: -big, u: 0n, d: `-${nines}` },
    { n: -5n, u: 0n, d: "-0.05" },
  ];
  expect(run({ aggregates: sums }, ofRows(...rows))).toEqual([{ n: big - 5n, u: big, d: `${"9".repeat(36)}.94` }]);
});

it.each([
  ["n", [{ n: 2n ** 63n - 1n }, { n: 1n }]],
  ["n", [{ n: -(2n ** 63n) }, { n: -1n }]],
  ["u", [{ u: 2n ** 63n }]],
  ["d", [{ d: `${"9".repeat(36)}.99` }, { d: "0.01" }]],
] as const)("refuses a sum of %s that does not fit its type", (column, rows) => {
  const aggregates = sums.filter(({ as }) => as === column);
  expect(() => run({ aggregates }, ofRows(...rows))).toThrow(
    expect.objectContaining({ code: "SUM_OVERFLOW", message: expect.stringContaining(`"${column}"`) }),
  );
});

it("keeps what float additions round away, and follows IEEE 754 beyond", () => {
  const aggregates: AggregateSpec[] = [{ fn: "sum", column: "x", as: "sum" }];
  const sumOf = (...xs: number[]) => run({ aggregates }, ofRows(...xs.map((x) => ({ x }))))[0].sum;
  expect(sumOf(1e16, 1, -1e16)).toBe(1);
  expect(sumOf(1e300, 1, -1e300, 1e-300)).toBe(1);
  expect(sumOf(Number.POSITIVE_INFINITY, 1)).toBe(Number.POSITIVE_INFINITY);
  expect(sumOf(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)).toBeNaN();
  expect(sumOf(...new Array(10).fill(0.1))).toBe(1);
});

it("gives one row without keys and none with keys where there is no input", () => {
  const aggregates: AggregateSpec[] = [
    { fn: "countAll", as: "rows" },
    { fn: "sum", column: "n", as: "sum" },
    { fn: "list", column: "n", as: "list" },
    { fn: "min", column: "key", as: "min" },
    { fn: "first", column: "key", as: "first" },
  ];
  expect(run({ aggregates }, ofRows())).toEqual([{ rows: 0n, sum: null, list: [], min: null, first: null }]);
  expect(run({ keys: ["key"], aggregates }, ofRows())).toEqual([]);
});

it("groups by keys alone", () => {
  const rows = ["b", "a", null, "b", null].map((key) => ({ key }));
  expect(run({ keys: ["key"] }, ofRows(...rows))).toEqual([{ key: "b" }, { key: "a" }, { key: null }]);
});

it("tells the type of a result, and what does not fit, before any row is read", () => {
  const type = (spec: Omit<AggregateSpec, "as">) => aggregateType({ ...spec, as: "result" }, schema);
  expect(type({ fn: "sum", column: "i" })).toEqual(int64);
  expect(type({ fn: "sum", column: "d" })).toEqual(decimal(38, 2));
  expect(type({ fn: "avg", column: "d" })).toEqual(float64);
  expect(type({ fn: "list", column: "key" })).toEqual(list(utf8));
  expect(type({ fn: "quantiles", column: "x", params: { fractions: [0.5] } })).toEqual(list(float64));
  const code = (code: string) => expect.objectContaining({ code, origin: "user" });
  expect(() => type({ fn: "sum", column: "key" })).toThrow(code("AGGREGATE_TYPE"));
  expect(() => type({ fn: "boolAnd", column: "i" })).toThrow(code("AGGREGATE_TYPE"));
  expect(() => type({ fn: "sum" })).toThrow(code("AGGREGATE_COLUMN_MISSING"));
  expect(() => type({ fn: "sum", column: "typo" })).toThrow(code("COLUMN_UNKNOWN"));
  expect(() => type({ fn: "quantile", column: "x", params: { fraction: 2 } })).toThrow(code("AGGREGATE_PARAMETER"));
  expect(() => type({ fn: "largest", column: "x", params: { k: 0 } })).toThrow(code("AGGREGATE_PARAMETER"));
  expect(() => type({ fn: "corr", column: "x", params: { other: "i" }, distinct: true })).toThrow(
    code("AGGREGATE_PARAMETER"),
  );
});

const joined: UserAggregate<string[]> = {
  resultType: utf8,
  create: () => [],
  add: (state, key, i) => [...state, `${key}:${i}`],
  merge: (a, b) => [...a, ...b],
  result: (state) => state.join(" "),
};

it("runs an aggregate of the user, also over partial states", () => {
  const params = { aggregate: joined as UserAggregate, columns: ["b", "i"] };
  const aggregates: AggregateSpec[] = [{ fn: "user", params, as: "joined" }];
  const rows = [
    { key: "x", i: 1, b: true },
    { key: "y", i: 2, b: null },
    { key: "x", i: 3, b: false },
  ];
  const expected = [
    { key: "x", joined: "true:1 false:3" },
    { key: "y", joined: "null:2" },
  ];
  expect(run({ keys: ["key"], aggregates }, ofRows(...rows))).toEqual(expected);
  const spec: HashAggregateSpec = { kind: "aggregate", keys: ["key"], aggregates, mode: "partial" };
  const stateSchema = new HashAggregateOperator(spec, schema).outputSchema;
  const states = run(spec, ofRows(...rows));
  const final = { ...spec, mode: "final", inputFields: schema.fields } as const;
  expect(run(final, { schema: stateSchema, batches: [states] })).toEqual(expected);
});

it("names the aggregate whose function throws, and keeps what it threw", () => {
  const cause = new Error("no");
  const aggregate: UserAggregate = {
    ...(joined as UserAggregate),
    add: () => {
      throw cause;
    },
  };
  const aggregates: AggregateSpec[] = [{ fn: "user", params: { aggregate, columns: [] }, as: "mine" }];
  expect(() => run({ aggregates }, ofRows({ i: 1 }))).toThrow(
    expect.objectContaining({ code: "USER_FUNCTION_FAILED", message: expect.stringContaining('"mine"'), cause }),
  );
});

it("passes rows on ungrouped where partial grouping hardly reduces them", () => {
  const rowCount = 200_000;
  const distinct = Schema.of({ key: int64, v: int32 });
  const aggregates: AggregateSpec[] = [
    { fn: "sum", column: "v", as: "sum" },
    { fn: "max", column: "v", as: "max" },
  ];
  const spec: HashAggregateSpec = { kind: "aggregate", keys: ["key"], aggregates, mode: "partial" };
  withWorkspace((ws) => {
    const batchRows = 8192;
    const batches = Array.from({ length: Math.ceil(rowCount / batchRows) }, (_, i) => () => {
      const rows = Array.from({ length: Math.min(batchRows, rowCount - i * batchRows) }, (_, row) => {
        const n = i * batchRows + row;
        return { key: ((BigInt(n) * 0x9e3779b97f4a7c15n) >> 2n) & 0x3fffffffffffffffn, v: n % 10 };
      });
      return buildBatch(ws, distinct, rows);
    });
    const operator = new HashAggregateOperator(spec, distinct);
    const states = runBatches(ws, operator, [batches], { batchRows });
    expect(states.length).toBe(rowCount);
    const final = new HashAggregateOperator(
      { ...spec, mode: "final", inputFields: distinct.fields },
      operator.outputSchema,
    );
    const totals = runOperator(ws, final, [{ schema: operator.outputSchema, batches: [states.slice(0, 5000)] }]);
    expect(totals.length).toBe(5000);
    expect(totals.every(({ sum, max }) => Number(sum) === max)).toBe(true);
  });
});

it("forgets nothing and leaves no file when state is spilled again and again", () => {
  const rows = Array.from({ length: 30_000 }, (_, i) => ({ key: `key ${(i * 7919) % 20_000}`, i: i % 100 }));
  const batches = Array.from({ length: 30 }, (_, i) => rows.slice(i * 1000, i * 1000 + 1000));
  const aggregates: AggregateSpec[] = [
    { fn: "countAll", as: "rows" },
    { fn: "sum", column: "i", as: "sum" },
  ];
  const metrics = new Map<string, number>();
  const groups = run({ keys: ["key"], aggregates }, { schema, batches }, { metrics, batchRows: 512 }, 40_000);
  expect(groups.length).toBe(20_000);
  expect(groups.reduce((sum, group) => sum + Number(group.rows), 0)).toBe(30_000);
  expect(groups.reduce((sum, group) => sum + Number(group.sum), 0)).toBe(rows.reduce((sum, { i }) => sum + i, 0));
  expect(metrics.get("spillFiles")).toBeGreaterThan(32);
});
