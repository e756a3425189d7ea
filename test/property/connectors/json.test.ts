import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { parseExactJson } from "../../../src/connectors/json/exact-json.ts";
import { jsonSink } from "../../../src/connectors/json/json-sink.ts";
import { JsonSource, type JsonSourceSpec } from "../../../src/connectors/json/json-source.ts";
import { EngineError } from "../../../src/core/errors.ts";
import { Schema } from "../../../src/core/schema.ts";
import * as types from "../../../src/core/types.ts";
import { nullable, valueOfType } from "../../support/arbitrary-column.ts";
import { readSource, writeSink } from "../../support/connectors.ts";
import { duckdb } from "../../support/duckdb.ts";
import { testHost } from "../../support/host.ts";

const directory = mkdtempSync(join(tmpdir(), "millrace-json-"));
afterAll(() => rmSync(directory, { recursive: true }));
const path = join(directory, "in.jsonl");

const read = (options: Partial<JsonSourceSpec>, batchRows?: number) =>
  readSource(new JsonSource({ kind: "json", paths: path, ...options }, testHost()), batchRows);
const write = (schema: Schema, rows: readonly object[]) =>
  writeSink(jsonSink({ kind: "json", path, overwrite: "overwrite" }, testHost()), schema, rows, 7);

/** Texts that UTF-8 holds: lone surrogates become U+FFFD when they enter a column. */
const text = fc.string({ maxLength: 20, unit: "grapheme" });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

describe("JSON lines", () => {
  it("reads back any rows that its sink writes, whatever the batches and splits", () => {
    const schema = Schema.of({
      s: types.utf8,
      i: types.int64,
      u: types.uint64,
      f: types.float64,
      b: types.binary,
      d: types.decimal(30, 5),
      l: types.list(types.list(types.int8)),
      r: types.struct({ x: types.bool, y: types.utf8 }),
      m: types.map(types.int16, types.utf8),
    });
    const row = fc.record({
      s: nullable(text),
      i: nullable(valueOfType(types.int64)),
      u: nullable(valueOfType(types.uint64)),
      f: nullable(finite),
      b: nullable(valueOfType(types.binary)),
      d: nullable(valueOfType(types.decimal(30, 5))),
      l: nullable(valueOfType(types.list(types.list(types.int8)))),
      r: nullable(fc.record({ x: nullable(fc.boolean()), y: nullable(text) })),
      m: nullable(fc.array(fc.tuple(valueOfType(types.int16), nullable(text)), { maxLength: 3 })),
    });
    return fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 30, size: "max" }),
        fc.integer({ min: 1, max: 300 }),
        async (rows, splitBytes) => {
          await write(schema, rows);
          expect((await read({ schema: schema.fields, splitBytes }, 5)).rows).toEqual(rows);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is read by DuckDB as it was meant", async () => {
    const schema = Schema.of({ s: types.utf8, i: types.int64, f: types.float64, day: types.date });
    const row = fc.record({
      s: nullable(text),
      i: nullable(valueOfType(types.int64)),
      f: nullable(finite),
      day: nullable(fc.integer({ min: -100_000, max: 100_000 })),
    });
    const rows = fc.sample(row, { numRuns: 300, seed: 3 }).filter((each) => !each.s?.includes("\0"));
    await write(schema, rows);
    const found = await duckdb(
      `select * from read_json('${path}', format='newline_delimited',
       columns={'s': 'VARCHAR', 'i': 'BIGINT', 'f': 'DOUBLE', 'day': 'DATE'})`,
    );
    expect(found).toEqual(rows);
  });

  it("parses what JSON.parse parses, with all digits of numbers", () =>
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.bigInt({ min: 10n ** 17n, max: 10n ** 40n }), (json, big) => {
        const [number, value] = parseExactJson(`[${big},${json}]`) as [{ text: string }, unknown];
        expect(number.text).toBe(String(big));
        const plain = JSON.parse(json, (_, each: unknown) => each) as unknown;
        const same = JSON.stringify(value, (_, each) =>
          each?.constructor?.name === "NumberText" ? Number(each.text) : each,
        );
        expect(same).toBe(JSON.stringify(plain));
      }),
      { numRuns: 200 },
    ));

  it("answers any bytes with rows or a typed error", () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 200, size: "max" }),
          fc
            .array(
              fc.constantFrom("{", "}", '"a"', ":", "1", ",", "[", "]", "\n", "null", '"', "1234567890123456789"),
              { maxLength: 40 },
            )
            .map((parts) => Buffer.from(parts.join(""))),
        ),
        fc.constantFrom<"fail" | "drop">("fail", "drop"),
        async (bytes, badLines) => {
          writeFileSync(path, bytes);
          for (const options of [{ badLines }, { badLines, schema: [{ name: "a", type: types.int32 }] }]) {
            try {
              await read(options, 4);
            } catch (error) {
              expect(error).toBeInstanceOf(EngineError);
              expect((error as EngineError).origin).not.toBe("internal");
            }
          }
        },
      ),
      { numRuns: 150 },
    ));
});
