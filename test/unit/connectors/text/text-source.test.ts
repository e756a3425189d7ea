import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { textSink } from "../../../../src/connectors/text/text-sink.ts";
import { TextSource, type TextSourceSpec } from "../../../../src/connectors/text/text-source.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int64, utf8 } from "../../../../src/core/types.ts";
import { failureOf, readSource, writeSink } from "../../../support/connectors.ts";
import { testHost, withDirectory } from "../../../support/host.ts";

const read = (text: string | Uint8Array, options: Partial<TextSourceSpec> = {}) =>
  withDirectory(async (directory) => {
    writeFileSync(join(directory, "in.txt"), text);
    const { rows, counts } = await readSource(
      new TextSource({ kind: "text", paths: join(directory, "in.txt"), ...options }, testHost()),
      100,
    );
    return { lines: rows.map((row) => row.line), counts };
  });

describe("TextSource", () => {
  it("gives every line, empty ones and the last without a newline as well", async () => {
    expect((await read('a,"b\r\n\n é \nlast')).lines).toEqual(['a,"b', "", " é ", "last"]);
    expect((await read("")).lines).toEqual([]);
    expect((await read("\n")).lines).toEqual([""]);
    expect((await read("\ufeffx\n")).lines).toEqual(["x"]);
  });

  it("gives the same lines in any splits", async () => {
    const lines = Array.from({ length: 500 }, (_, i) => "x".repeat(i % 37));
    for (const splitBytes of [1, 7, 64, 1000]) {
      expect((await read(lines.join("\n"), { splitBytes })).lines).toEqual(
        lines.slice(0, lines[499] === "" ? 499 : 500),
      );
    }
  });

  it("refuses, drops or repairs lines that are not UTF-8", async () => {
    const bytes = Buffer.from("ok\ncaf\xe9\nend\n", "latin1");
    const failure = await failureOf(() => read(bytes));
    expect(failure).toMatchObject({ code: "TEXT_UTF8_INVALID", message: expect.stringContaining("line 2") });
    expect(await read(bytes, { badLines: "drop" })).toEqual({ lines: ["ok", "end"], counts: { badLines: 1 } });
    expect((await read(bytes, { invalidUtf8: "replace" })).lines).toEqual(["ok", "caf\ufffd", "end"]);
    expect((await failureOf(() => read("x".repeat(100), { maxRecordBytes: 50 }))).code).toBe("RECORD_TOO_LONG");
    expect((await read("x".repeat(100), { maxRecordBytes: 100 })).lines).toEqual(["x".repeat(100)]);
  });

  it("grows its buffer for long lines", async () => {
    const long = "y".repeat(5_000_000);
    expect((await read(`a\n${long}\nb\n`)).lines).toEqual(["a", long, "b"]);
  });
});

describe("text sink", () => {
  it("writes one column as lines", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "out.txt");
      await writeSink(textSink({ kind: "text", path }, testHost()), Schema.of({ n: int64 }), [{ n: 1n }, { n: null }]);
      expect(readFileSync(path, "utf8")).toBe("1\n\n");
      const two = Schema.of({ a: utf8, b: utf8 });
      const sink = textSink({ kind: "text", path: join(directory, "x.txt") }, testHost());
      expect((await failureOf(() => writeSink(sink, two, [{ a: "" }], 1, { end: "abort" }))).code).toBe("TEXT_COLUMNS");
    }));
});
