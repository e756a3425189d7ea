import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HashJoinOperator } from "../../src/core/operators/hash-join.ts";
import { SortOperator } from "../../src/core/operators/sort.ts";
import { Schema } from "../../src/core/schema.ts";
import type { DataType } from "../../src/core/types.ts";
import * as types from "../../src/core/types.ts";
import { nullable, valueOfType } from "../support/arbitrary-column.ts";
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

/** Types whose values both engines take in SQL text. */
const sqlTypes: readonly [DataType, string][] = [
  [types.int32, "INTEGER"],
  [types.int64, "BIGINT"],
  [types.uint64, "UBIGINT"],
  [types.float64, "DOUBLE"],
  [types.float32, "FLOAT"],
  [types.bool, "BOOLEAN"],
  [types.decimal(38, 4), "DECIMAL(38,4)"],
  [types.utf8, "VARCHAR"],
  [types.date, "DATE"],
];

/** DuckDB's text has no NUL, and its dates end earlier than ours. */
const comparable = (type: DataType): fc.Arbitrary<unknown> => {
  if (type.kind === "utf8") return valueOfType(type).filter((text) => !(text as string).includes("\0"));
  return type.kind === "date" ? fc.integer({ min: -100_000, max: 100_000 }) : valueOfType(type);
};

function sqlLiteral(type: DataType, name: string, value: unknown): string {
  if (value === null) return `NULL::${name}`;
  if (type.kind === "utf8")
    return `'${Buffer.from(value as string)
      .toString()
      .replaceAll("'", "''")}'`;
  if (type.kind === "date") return `(DATE '1970-01-01' + ${value}::INTEGER)`;
  const text = Object.is(value, -0) ? "-0.0" : String(value);
  return `'${text}'::${name}`;
}

type Table = { keys: readonly (readonly [DataType, string])[]; rows: unknown[][] };

async function load(name: string, { keys, rows }: Table): Promise<void> {
  const columns = keys.map(([, sqlName], i) => `k${i} ${sqlName}`);
  await connection.run(`CREATE OR REPLACE TABLE ${name} (id INTEGER, ${columns.join(", ")})`);
  if (rows.length === 0) return;
  const tuples = rows.map(
    (row, id) => `(${[id, ...row.map((value, i) => sqlLiteral(keys[i][0], keys[i][1], value))].join(", ")})`,
  );
  await connection.run(`INSERT INTO ${name} VALUES ${tuples.join(", ")}`);
}

const answer = async (sql: string): Promise<unknown[][]> => (await connection.runAndReadAll(sql)).getRows();

const schemaOf = (keys: Table["keys"]) =>
  new Schema([{ name: "id", type: types.int32 }, ...keys.map(([type], i) => ({ name: `k${i}`, type }))]);
const objects = (rows: unknown[][]) =>
  rows.map((row, id) => Object.fromEntries([["id", id], ...row.map((value, i) => [`k${i}`, value])]));
const inBatches = <T>(rows: T[]) => [rows.slice(0, rows.length >> 1), rows.slice(rows.length >> 1)];

const anyKeys = fc.array(fc.constantFrom(...sqlTypes), { minLength: 1, maxLength: 3 });

it(
  "orders rows as DuckDB does",
  () =>
    fc.assert(
      fc.asyncProperty(
        anyKeys.chain((keys) =>
          fc.record({
            keys: fc.constant(keys),
            rows: fc.array(fc.tuple(...keys.map(([type]) => nullable(comparable(type)))), {
              maxLength: 40,
              size: "max",
            }),
            order: fc.tuple(...keys.map(() => fc.record({ descending: fc.boolean(), nullsFirst: fc.boolean() }))),
          }),
        ),
        async ({ keys, rows, order }) => {
          await load("t", { keys, rows });
          const terms = order.map(
            ({ descending, nullsFirst }, i) =>
              `k${i} ${descending ? "DESC" : "ASC"} NULLS ${nullsFirst ? "FIRST" : "LAST"}`,
          );
          const expected = await answer(`SELECT id FROM t ORDER BY ${terms.join(", ")}, id`);
          const schema = schemaOf(keys);
          const sortKeys = order.map((direction, i) => ({ column: i + 1, ...direction }));
          const actual = withWorkspace((ws) =>
            runOperator(ws, new SortOperator(schema, { kind: "sort", keys: sortKeys }), [
              { schema, batches: inBatches(objects(rows)) },
            ]),
          );
          expect(actual.map((row) => row.id)).toEqual(expected.map(([id]) => id));
        },
      ),
      { numRuns: 200 },
    ),
  60_000,
);

it(
  "joins as DuckDB does",
  () =>
    fc.assert(
      fc.asyncProperty(
        anyKeys.chain((keys) =>
          fc
            .tuple(...keys.map(([type]) => fc.array(nullable(comparable(type)), { minLength: 1, maxLength: 4 })))
            .chain((pools) => {
              const rows = fc.array(fc.tuple(...pools.map((pool) => fc.constantFrom(...pool))), {
                maxLength: 25,
                size: "max",
              });
              return fc.record({
                keys: fc.constant(keys),
                left: rows,
                right: rows,
                type: fc.constantFrom("inner", "left", "right", "full", "semi", "anti" as const),
                buildSide: fc.constantFrom("left", "right" as const),
                nullEquals: fc.boolean(),
              });
            }),
        ),
        async ({ keys, left, right, type, buildSide, nullEquals }) => {
          await load("l", { keys, rows: left });
          await load("r", { keys, rows: right });
          const equal = nullEquals ? "IS NOT DISTINCT FROM" : "=";
          const condition = keys.map((_, i) => `l.k${i} ${equal} r.k${i}`).join(" AND ");
          const isFilter = type === "semi" || type === "anti";
          const sql = `SELECT l.id${isFilter ? "" : ", r.id"} FROM l ${type.toUpperCase()} JOIN r ON ${condition}`;
          const expected = (await answer(sql)).map((row) => row.join());
          const names = keys.map((_, i) => `k${i}`);
          const output = [
            { side: "left", column: "id", name: "l" },
            { side: "right", column: "id", name: "r" },
          ] as const;
          const schema = schemaOf(keys);
          const actual = withWorkspace((ws) => {
            const operator = new HashJoinOperator(
              {
                kind: "hashJoin",
                type,
                leftKeys: names,
                rightKeys: names,
                buildSide,
                nullEquals,
                output: isFilter ? [output[0]] : output,
              },
              schema,
              schema,
            );
            const inputs = [left, right].map((rows) => ({ schema, batches: inBatches(objects(rows)) }));
            return runOperator(ws, operator, inputs);
          }).map((row) => Object.values(row).join());
          expect(actual.sort()).toEqual(expected.sort());
        },
      ),
      { numRuns: 200 },
    ),
  60_000,
);
