import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { AggregateSpec } from "../../src/core/aggregates/spec.ts";
import { HashAggregateOperator } from "../../src/core/operators/hash-aggregate.ts";
import { Schema } from "../../src/core/schema.ts";
import { bool, type DataType, date, float64, int32, int64, utf8 } from "../../src/core/types.ts";
import { keyText } from "../reference/groups.ts";
import { runOperator } from "../support/run-operator.ts";
import { withWorkspace } from "../support/workspace.ts";

let duckdb: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  duckdb = await DuckDBInstance.create(":memory:", { threads: "1" });
  connection = await duckdb.connect();
});
afterAll(() => {
  connection.closeSync();
  duckdb.closeSync();
});

interface ColumnKind {
  readonly type: DataType;
  readonly sql: string;
  readonly values: fc.Arbitrary<unknown>;
}

const texts = fc.constantFrom(
  "",
  "a",
  "ab",
  "b",
  "Zürich",
  "a longer text than twelve bytes",
  "a longer text than that",
  "😀",
);
const keyKinds: readonly ColumnKind[] = [
  { type: int32, sql: "INTEGER", values: fc.integer({ min: -2, max: 4 }) },
  { type: int64, sql: "BIGINT", values: fc.constantFrom(0n, 1n, -(2n ** 63n), 2n ** 63n - 1n) },
  { type: utf8, sql: "VARCHAR", values: texts },
  { type: bool, sql: "BOOLEAN", values: fc.boolean() },
  { type: date, sql: "DATE", values: fc.integer({ min: -3, max: 3 }) },
  { type: float64, sql: "DOUBLE", values: fc.constantFrom(0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e-300) },
];
const valueKinds = {
  i: { type: int32, sql: "INTEGER", values: fc.integer({ min: -1000, max: 1000 }) },
  j: { type: int32, sql: "INTEGER", values: fc.integer({ min: 0, max: 9 }) },
  w: { type: int64, sql: "BIGINT", values: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n - 1n }) },
  d: { type: float64, sql: "DOUBLE", values: fc.integer({ min: -1e6, max: 1e6 }).map((n) => n / 64) },
  s: { type: utf8, sql: "VARCHAR", values: texts },
  b: { type: bool, sql: "BOOLEAN", values: fc.boolean() },
} satisfies Record<string, ColumnKind>;

/** Our aggregates beside DuckDB's; orders and ties are fixed on both sides. */
const pairs: readonly (readonly [Omit<AggregateSpec, "as">, string])[] = [
  [{ fn: "countAll" }, "count(*)"],
  [{ fn: "count", column: "i" }, "count(i)"],
  [{ fn: "countDistinct", column: "j" }, "count(DISTINCT j)"],
  [{ fn: "countDistinct", column: "s" }, "count(DISTINCT s)"],
  [{ fn: "sum", column: "i" }, "sum(i)::BIGINT"],
  [{ fn: "sum", column: "j", distinct: true }, "sum(DISTINCT j)::BIGINT"],
  [{ fn: "sum", column: "d" }, "sum(d)"],
  [{ fn: "avg", column: "i" }, "avg(i)"],
  [{ fn: "avg", column: "w" }, "avg(w)"],
  [{ fn: "min", column: "w" }, "min(w)"],
  [{ fn: "max", column: "d" }, "max(d)"],
  [{ fn: "min", column: "s" }, "min(s)"],
  [{ fn: "max", column: "s" }, "max(s)"],
  [{ fn: "boolAnd", column: "b" }, "bool_and(b)"],
  [{ fn: "boolOr", column: "b" }, "bool_or(b)"],
  [{ fn: "stddevSample", column: "i" }, "stddev_samp(i)"],
  [{ fn: "stddevPopulation", column: "d" }, "stddev_pop(d)"],
  [{ fn: "varianceSample", column: "d" }, "var_samp(d)"],
  [{ fn: "variancePopulation", column: "i" }, "var_pop(i)"],
  [{ fn: "covarianceSample", column: "i", params: { other: "d" } }, "covar_samp(i, d)"],
  [{ fn: "covariancePopulation", column: "i", params: { other: "d" } }, "covar_pop(i, d)"],
  [{ fn: "median", column: "d" }, "median(d)"],
  [{ fn: "quantile", column: "i", params: { fraction: 0.3 } }, "quantile_cont(i, 0.3)"],
  [{ fn: "list", column: "j" }, "coalesce(list(j ORDER BY id), [])"],
  [{ fn: "largest", column: "d", params: { k: 2 } }, "coalesce(max(d, 2), [])"],
  [{ fn: "minBy", column: "s", params: { by: "i" } }, "arg_min_null(s, i ORDER BY id)"],
  [{ fn: "first", column: "w" }, "first(w ORDER BY id) FILTER (w IS NOT NULL)"],
  [{ fn: "last", column: "s" }, "last(s ORDER BY id) FILTER (s IS NOT NULL)"],
];

const literal = ({ type, sql }: ColumnKind, value: unknown): string => {
  if (value === null) return `NULL::${sql}`;
  if (type.kind === "date") return `(DATE '1970-01-01' + ${value}::INTEGER)`;
  return `'${Object.is(value, -0) ? "-0.0" : String(value)}'::${sql}`;
};

const anyCase = fc
  .record({ keys: fc.array(fc.constantFrom(...keyKinds), { maxLength: 3 }), rowCount: fc.integer({ min: 0, max: 40 }) })
  .chain(({ keys, rowCount }) => {
    const columns = [...keys, ...Object.values(valueKinds)];
    const rows = fc.array(fc.tuple(...columns.map(({ values }) => fc.option(values, { freq: 6 }))), {
      minLength: rowCount,
      maxLength: rowCount,
      size: "max",
    });
    return fc.record({ keys: fc.constant(keys), rows });
  });

const dayNumber = (value: unknown): unknown =>
  value !== null && typeof value === "object" && "days" in value ? value.days : value;

/** DuckDB's value in our form. */
function plain(value: unknown): unknown {
  if (value !== null && typeof value === "object" && "items" in value) return (value.items as unknown[]).map(plain);
  return dayNumber(value);
}

/** Equal, but for the rounding of floats. */
function isSame(ours: unknown, theirs: unknown): boolean {
  if (typeof ours === "number" && typeof theirs === "number" && Number.isFinite(theirs)) {
    return Math.abs(ours - theirs) <= 1e-9 * Math.max(1, Math.abs(theirs));
  }
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    return ours.length === theirs.length && ours.every((value, i) => isSame(value, theirs[i]));
  }
  return keyText(ours) === keyText(theirs);
}

it("aggregates as DuckDB does", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ keys, rows }) => {
      const keyNames = keys.map((_, i) => `k${i}`);
      const names = [...keyNames, ...Object.keys(valueKinds)];
      const kinds: ColumnKind[] = [...keys, ...Object.values(valueKinds)];
      const schema = new Schema(names.map((name, i) => ({ name, type: kinds[i].type })));
      const objects = rows.map((row) => Object.fromEntries(row.map((value, i) => [names[i], value])));
      const aggregates = pairs.map(([spec], i): AggregateSpec => ({ ...spec, as: `a${i}` }));
      const operator = new HashAggregateOperator(
        { kind: "aggregate", keys: keyNames, aggregates, mode: "complete" },
        schema,
      );
      const ours = withWorkspace((ws) =>
        runOperator(ws, operator, [{ schema, batches: [objects.slice(0, 7), objects.slice(7)] }]),
      );
      await connection.run(
        `CREATE OR REPLACE TABLE t (id INTEGER, ${names.map((name, i) => `${name} ${kinds[i].sql}`).join(", ")})`,
      );
      const tuples = rows.map((row, id) => `(${[id, ...row.map((value, i) => literal(kinds[i], value))].join(", ")})`);
      if (tuples.length > 0) await connection.run(`INSERT INTO t VALUES ${tuples.join(", ")}`);
      // -0 and 0 are one group for both, which may come back under either name.
      const group = keyNames.length > 0 ? ` GROUP BY ${keyNames.join(", ")}` : "";
      const query = `SELECT ${[...keyNames, ...pairs.map(([, sql]) => sql)].join(", ")} FROM t${group}`;
      const theirs = (await connection.runAndReadAll(query)).getRows().map((row) => row.map(plain));
      const byKey = (lines: unknown[][]): Map<string, unknown[]> =>
        new Map(lines.map((line) => [keyText(line.slice(0, keys.length)), line.slice(keys.length)]));
      const wanted = byKey(theirs);
      const actual = byKey(ours.map((row) => Object.values(row)));
      expect([...actual.keys()].sort()).toEqual([...wanted.keys()].sort());
      for (const [key, values] of actual) {
        const expected = wanted.get(key) ?? [];
        const wrong = values.flatMap((value, i) =>
          isSame(value, expected[i]) ? [] : [`${pairs[i][1]}: ${keyText(value)} instead of ${keyText(expected[i])}`],
        );
        expect(wrong, key).toEqual([]);
      }
    }),
    { numRuns: 150 },
  );
});
