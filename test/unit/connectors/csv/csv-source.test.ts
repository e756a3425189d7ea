import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CsvSource, type CsvSourceSpec } from "../../../../src/connectors/csv/csv-source.ts";
import * as types from "../../../../src/core/types.ts";
import { failureOf, readSource } from "../../../support/connectors.ts";
import { testHost, withDirectory } from "../../../support/host.ts";

type Options = Omit<CsvSourceSpec, "kind" | "paths">;

const sourceOf = (path: string | readonly string[], options: Options = {}) =>
  new CsvSource({ kind: "csv", paths: path, ...options } as CsvSourceSpec, testHost());

/** Reads `text` as a CSV file. */
const read = (text: string | Uint8Array, options: Options = {}, batchRows?: number) =>
  withDirectory(async (directory) => {
    const path = join(directory, "in.csv");
    writeFileSync(path, text);
    const source = sourceOf(path, options);
    return { schema: String(source.schema), ...(await readSource(source, batchRows)) };
  });

const failure = (text: string | Uint8Array, options?: Options) => failureOf(() => read(text, options));

describe("CsvSource", () => {
  it("finds names and types in the first lines", async () => {
    const { schema, rows } = await read(
      "id,price,ok,day,at,name,zip\n1,2.5,true,2020-02-29,2020-01-01T10:00:00.5,ann,00123\n-2,,FALSE,,,bob,04000\n",
    );
    expect(schema).toBe("id int64, price float64, ok bool, day date, at timestamp(ms), name utf8, zip utf8");
    expect(rows).toEqual([
      { id: 1n, price: 2.5, ok: true, day: 18321, at: 1577872800500, name: "ann", zip: "00123" },
      { id: -2n, price: null, ok: false, day: null, at: null, name: "bob", zip: "04000" },
    ]);
  });

  it("finds no dates in days that there are not", async () => {
    const { schema } = await read("day,at\n2024-02-29,2024-02-30T10:00:00\n2024-02-30,\n");
    expect(schema).toBe("day utf8, at utf8");
  });

  it("finds types in several small files, whichever has values", () =>
    withDirectory(async (directory) => {
      const files = ["id,price\n1,\n", "", "id,price\n2,2.5\n", "other,header\nx,y\n"];
      for (const [i, text] of files.entries()) writeFileSync(join(directory, `${i}.csv`), text);
      const paths = [0, 1, 2].map((i) => join(directory, `${i}.csv`));
      expect(String(sourceOf(paths).schema)).toBe("id int64, price float64");
      expect((await readSource(sourceOf(paths))).rows).toEqual([
        { id: 1n, price: null },
        { id: 2n, price: 2.5 },
      ]);
      expect((await failureOf(() => readSource(sourceOf(directory)))).code).toBe("CSV_HEADER_MISMATCH");
    }));

  it("understands quotes, CRLF, a byte order mark, blank lines and a missing last newline", async () => {
    const text = '\ufeffa,b\r\n"x, ""y""\r\nz",1\r\n\r\n"",2\r\n5" pipe,3\r\nlast,4';
    expect((await read(text)).rows).toEqual([
      { a: 'x, "y"\r\nz', b: 1n },
      { a: "", b: 2n },
      { a: '5" pipe', b: 3n },
      { a: "last", b: 4n },
    ]);
  });

  it("reads every type of a schema, in its order and by the names of the header", async () => {
    const schema = [
      { name: "t", type: types.time("ms") },
      { name: "d", type: types.decimal(38, 3) },
      { name: "i8", type: types.int8 },
      { name: "u64", type: types.uint64 },
      { name: "f32", type: types.float32 },
      { name: "ns", type: types.timestamp("ns", "UTC") },
      { name: "bin", type: types.binary },
    ];
    const { rows } = await read(
      "i8,u64,skipped,f32,d,t,ns,bin\n" +
        " -128 ,18446744073709551615,x,0.1,-12345678901234567890123456789012345.5,23:59:59.999,1969-12-31T23:59:59.123456789-01:30,raw\n",
      { schema },
    );
    expect(rows).toEqual([
      {
        t: 86399999,
        d: "-12345678901234567890123456789012345.500",
        i8: -128,
        u64: 18446744073709551615n,
        f32: Math.fround(0.1),
        ns: 5399123456789n,
        bin: new Uint8Array([114, 97, 119]),
      },
    ]);
  });

  it("has options for delimiter, quote, escape, comments, nulls and header", async () => {
    const { rows } = await read("# note, 'with quote\n1;'a\\';b';NA\n#x\n2;-;z\n", {
      delimiter: ";",
      quote: "'",
      escape: "\\",
      comment: "#",
      header: false,
      nulls: ["NA", "-"],
    });
    expect(rows).toEqual([
      { column0: 1n, column1: "a';b", column2: null },
      { column0: 2n, column1: null, column2: "z" },
    ]);
  });

  it("gives only the columns that are asked for, without converting the others", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "in.csv");
      writeFileSync(path, "a,b,c\n1,x,y\n2,z,w\n");
      const source = sourceOf(path, {
        schema: [
          { name: "a", type: types.int64 },
          { name: "b", type: types.int64 },
          { name: "c", type: types.utf8 },
        ],
      });
      const narrow = source.withColumns(["c", "a"]);
      expect((await readSource(new CsvSource(narrow.spec, testHost()))).rows).toEqual([
        { c: "y", a: 1n },
        { c: "w", a: 2n },
      ]);
      expect((await readSource(source.withColumns([]))).rows).toHaveLength(2);
    }));

  it("keeps empty lines of a file with one column, as nulls", async () => {
    expect((await read("a\n1\n\n3\n")).rows).toEqual([{ a: 1n }, { a: null }, { a: 3n }]);
  });

  it("gives no rows for a file that holds only its header", async () => {
    expect(await read("a,b\n")).toMatchObject({ schema: "a utf8, b utf8", rows: [] });
  });

  it("names the place of what it cannot read", async () => {
    const schema = [
      { name: "a", type: types.int64 },
      { name: "b", type: types.utf8 },
    ];
    expect(await failure('a,b\n1,"x\ny"\n1x,y\n', { schema })).toMatchObject({
      code: "CSV_VALUE_INVALID",
      message: expect.stringMatching(/in\.csv", line 4, column "a": "1x" is no int64\. /),
    });
    expect(await failure("a,b\n1,2\n1,2,3\n")).toMatchObject({
      code: "CSV_FIELD_COUNT",
      message: expect.stringContaining('line 3 has 3 fields, but 2 are expected: "1,2,3".'),
    });
    expect(await failure('a,b\n1,2\n3,"x\n4,5\n')).toMatchObject({
      code: "CSV_QUOTE_UNCLOSED",
      message: expect.stringContaining("line 3"),
    });
    expect(await failure('a,b\n1,"x"y\n', { schema })).toMatchObject({ code: "CSV_QUOTE_INVALID" });
    const latin1 = Buffer.from("a,b\n1,caf\xe9\n", "latin1");
    expect(await failure(latin1)).toMatchObject({
      code: "CSV_UTF8_INVALID",
      message: expect.stringContaining("line 2"),
    });
    expect(await failure(Buffer.from("\ufeffa,b\n", "utf16le"), { schema })).toMatchObject({
      code: "CSV_COLUMN_MISSING",
    });
    expect(await failure(Buffer.from("\ufeffa,b\n", "utf16le"), { schema, header: false })).toMatchObject({
      code: "TEXT_ENCODING",
    });
    expect(await failure("")).toMatchObject({ code: "CSV_EMPTY" });
    expect(await failure(`a\n"${"x".repeat(5000)}"\n`, { maxRecordBytes: 1000 })).toMatchObject({
      code: "RECORD_TOO_LONG",
    });
    expect(await failure("a\n1\n", { delimiter: "ab" })).toMatchObject({ code: "OPTION_INVALID" });
    const nested = [{ name: "a", type: types.list(types.int8) }];
    expect(await failure("a\n1\n", { schema: nested })).toMatchObject({ code: "CSV_TYPE_UNSUPPORTED" });
  });

  it("drops and counts bad lines where it is told to", async () => {
    const schema = [
      { name: "a", type: types.int32 },
      { name: "b", type: types.utf8 },
    ];
    const lines = ["a,b"];
    for (let i = 0; i < 3000; i++) lines.push(i % 7 === 3 ? `x${i},bad` : i % 11 === 5 ? `${i}` : `${i},v${i}`);
    const { rows, counts } = await read(`${lines.join("\n")}\n`, { schema, badLines: "drop" }, 500);
    const good = Array.from({ length: 3000 }, (_, i) => i).filter((i) => i % 7 !== 3 && i % 11 !== 5);
    expect(rows).toEqual(good.map((i) => ({ a: i, b: `v${i}` })));
    expect(counts).toEqual({ badLines: 3000 - good.length });
  });

  it("replaces what is not UTF-8 where it is told to", async () => {
    const text = Buffer.concat([Buffer.from("a,b\n1,ok\n2,caf"), Buffer.from([0xe9, 0xff]), Buffer.from("\n3,é\n")]);
    expect((await read(text, { invalidUtf8: "replace" })).rows.map((row) => row.b)).toEqual([
      "ok",
      "caf\ufffd\ufffd",
      "é",
    ]);
  });

  it("reads files with the same header together and refuses others", () =>
    withDirectory(async (directory) => {
      writeFileSync(join(directory, "1.csv"), "a,b\n1,2\n");
      writeFileSync(join(directory, "2.csv"), "a,b\n3,4\n");
      expect((await readSource(sourceOf(`${directory}/*.csv`))).rows).toEqual([
        { a: 1n, b: 2n },
        { a: 3n, b: 4n },
      ]);
      writeFileSync(join(directory, "3.csv"), "b,a\n5,6\n");
      expect(await failureOf(() => readSource(sourceOf(directory)))).toMatchObject({ code: "CSV_HEADER_MISMATCH" });
    }));
});
