import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { csvSink } from "../../../src/connectors/csv/csv-sink.ts";
import { CsvSource, type CsvSourceSpec } from "../../../src/connectors/csv/csv-source.ts";
import { EngineError } from "../../../src/core/errors.ts";
import { Schema } from "../../../src/core/schema.ts";
import * as types from "../../../src/core/types.ts";
import { csvRecordsReference } from "../../reference/csv-records.ts";
import { nullable, valueOfType } from "../../support/arbitrary-column.ts";
import { readSource, writeSink } from "../../support/connectors.ts";
import { duckdb } from "../../support/duckdb.ts";
import { testHost } from "../../support/host.ts";

const directory = mkdtempSync(join(tmpdir(), "millrace-csv-"));
afterAll(() => rmSync(directory, { recursive: true }));
const path = join(directory, "in.csv");

type Options = Partial<CsvSourceSpec>;
const read = async (options: Options, batchRows?: number) =>
  readSource(new CsvSource({ kind: "csv", paths: path, ...options }, testHost()), batchRows);

const columns = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `c${i}`, type: types.utf8 }));

/** Text in which everything that matters to CSV is frequent, and runs long enough to cross a vector's 64 bytes. */
const csvText = fc
  .array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom('"', '""', ",", "\n", "\r\n", "\r", "a", " ", "é", ',"', '",', '"\n', '\n"'),
      },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 90 }).map((n) => "x".repeat(n)) },
    ),
    { maxLength: 60, size: "max" },
  )
  .map((parts) => parts.join(""));

describe("CSV", () => {
  it("cuts text into the records and fields of the reference", () =>
    fc.assert(
      fc.asyncProperty(csvText, fc.integer({ min: 1, max: 3 }), async (text, count) => {
        writeFileSync(path, text);
        const { rows, counts } = await read({ schema: columns(count), header: false, badLines: "drop" }, 3);
        const records = csvRecordsReference(text, ",", count === 1);
        const good = records.filter((record) => record.length === count && !record.includes(undefined));
        expect(rows.map((row) => Object.values(row))).toEqual(good);
        expect(counts.badLines ?? 0).toBe(records.length - good.length);
      }),
      { numRuns: 250 },
    ));

  const schema = Schema.of({
    s: types.utf8,
    i: types.int64,
    f: types.float64,
    b: types.bool,
    u: types.uint16,
    d: types.decimal(38, 4),
    t: types.time("ns"),
    g: types.float32,
  });
  const anyRow = fc.record(
    Object.fromEntries(
      schema.fields.map(({ name, type }) => [
        name,
        nullable(type.kind === "time" ? fc.bigInt({ min: 0n, max: 86_399_999_999_999n }) : valueOfType(type)),
      ]),
    ),
  );
  const wellFormed = (text: unknown) =>
    typeof text === "string" ? new TextDecoder().decode(new TextEncoder().encode(text)) : text;

  it("reads back any rows that its sink writes, whatever the batches and splits", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyRow, { maxLength: 40, size: "max" }),
        fc.integer({ min: 1, max: 200 }),
        fc.constantFrom(",", ";", "\t", "|"),
        async (rows, splitBytes, delimiter) => {
          const sink = csvSink({ kind: "csv", path, overwrite: "overwrite", delimiter }, testHost());
          await writeSink(sink, schema, rows, 7);
          const expected = rows.map((row) => ({ ...row, s: wellFormed(row.s) }));
          const result = await read({ schema: schema.fields, splitBytes, delimiter }, 5);
          expect(result.rows).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    ));

  it("is read by DuckDB as it was meant", async () => {
    const rows = fc.sample(anyRow, { numRuns: 300, seed: 7 }).map((row) => ({ s: wellFormed(row.s), i: row.i }));
    // DuckDB ends a record at a lone carriage return in the header's style only; NUL bytes end its texts.
    const clean = rows.filter(({ s }) => typeof s !== "string" || !/[\0\r]/.test(s));
    const narrow = Schema.of({ s: types.utf8, i: types.int64 });
    await writeSink(csvSink({ kind: "csv", path, overwrite: "overwrite" }, testHost()), narrow, clean);
    const read = await duckdb(
      `select * from read_csv('${path}', header=true, auto_detect=false, quote='"', escape='"', delim=',', new_line='\\n',
       allow_quoted_nulls=false, columns={'s': 'VARCHAR', 'i': 'BIGINT'})`,
    );
    expect(read).toEqual(clean);
  });

  it("starts splits exactly, in the middle of quoted newlines as well", async () => {
    const make = (line: (i: number) => string) => {
      let text = "a,b\n";
      for (let i = 0; text.length < 300_000; i++) text += line(i);
      writeFileSync(path, text);
    };
    const schemaOfTexts = [
      { name: "a", type: types.utf8 },
      { name: "b", type: types.utf8 },
    ];
    const kinds: [string, (i: number) => string][] = [
      ["quotes everywhere", (i) => `"${i},\n""x""\n","y,\n${i}"\n`],
      ["quotes that are seldom certain", (i) => `",\n",${i % 50 === 0 ? '"z"' : '"\n,"'}\n`],
      ["quotes that are never certain", (i) => `",\n","\n,${"\n".repeat(i % 5)}"\n`],
      ["rare quotes", (i) => `${i},${i % 3000 === 0 ? `"${"q\n".repeat(5000)}"` : "plain text"}\n`],
      ["no quotes", (i) => `${i},plain text\n`],
      ["stray quotes", (i) => `${i},5" pipe\n`],
    ];
    for (const [name, line] of kinds) {
      make(line);
      const whole = await read({ schema: schemaOfTexts });
      for (const splitBytes of [9973, 80_021]) {
        const options = { schema: schemaOfTexts, splitBytes, maxRecordBytes: 80_000 };
        const source = new CsvSource({ kind: "csv", paths: path, ...options }, testHost());
        expect(source.splits().length).toBeGreaterThan(3);
        const { rows } = await readSource(source);
        expect(rows.length, `${name}, splits of ${splitBytes}`).toBe(whole.rows.length);
        expect(rows, `${name}, splits of ${splitBytes}`).toEqual(whole.rows);
      }
    }
  }, 30_000);

  it("converts numbers as JavaScript does", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.double().map(String),
            fc
              .tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: -340, max: 320 }))
              .map(([m, e]) => `${m}e${e}`),
            fc.tuple(fc.nat(), fc.stringMatching(/^\d{0,25}$/)).map(([n, f]) => `${n}.${f}`),
            fc.constantFrom(
              "1e400",
              "-0",
              ".5",
              "5.",
              "+1",
              "9007199254740993",
              "9007199254740992.9999",
              "2.2250738585072011e-308",
              "1.7976931348623157e308",
              "4.9e-324",
            ),
          ),
          { minLength: 1, maxLength: 50, size: "max" },
        ),
        async (texts) => {
          writeFileSync(path, `${texts.join("\n")}\n`);
          const { rows } = await read({ schema: [{ name: "x", type: types.float64 }], header: false });
          expect(rows.map((row) => row.x)).toEqual(texts.map(Number));
        },
      ),
      { numRuns: 100 },
    ));

  it("converts dates and timestamps as JavaScript does", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }), {
          minLength: 1,
          maxLength: 50,
        }),
        async (dates) => {
          writeFileSync(
            path,
            `${dates.map((date) => `${date.toISOString()},${date.toISOString().slice(0, 10)}`).join("\n")}\n`,
          );
          const schemaOfTimes = [
            { name: "at", type: types.timestamp("ms", "UTC") },
            { name: "day", type: types.date },
          ];
          const { rows } = await read({ schema: schemaOfTimes, header: false });
          expect(rows).toEqual(
            dates.map((date) => ({ at: date.getTime(), day: Math.floor(date.getTime() / 86_400_000) })),
          );
        },
      ),
      { numRuns: 50 },
    ));

  it("answers any bytes with rows or a typed error", () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 300, size: "max" }),
          csvText.map((text) => new TextEncoder().encode(text)),
        ),
        fc.constantFrom("fail", "drop") as fc.Arbitrary<"fail" | "drop">,
        async (bytes, badLines) => {
          writeFileSync(path, bytes);
          for (const options of [
            { badLines },
            {
              badLines,
              header: false,
              schema: [
                { name: "a", type: types.int32 },
                { name: "b", type: types.utf8 },
              ],
            },
          ]) {
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
