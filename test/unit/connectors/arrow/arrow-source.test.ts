import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as arrow from "apache-arrow";
import pl from "nodejs-polars";
import { describe, expect, it } from "vitest";
import { decodeLz4Frame } from "../../../../src/connectors/arrow/arrow-codecs.ts";
import { arrowSink } from "../../../../src/connectors/arrow/arrow-sink.ts";
import { ArrowSource } from "../../../../src/connectors/arrow/arrow-source.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { failureOf, readSource, writeSink } from "../../../support/connectors.ts";
import { testHost, withDirectory } from "../../../support/host.ts";

const schema = Schema.of({
  id: types.int64,
  name: types.utf8,
  tags: types.list(types.float64),
  at: types.timestamp("ms"),
});
const rows = Array.from({ length: 2500 }, (_, i) => ({
  id: BigInt(i),
  name: i % 3 === 0 ? null : `name ${i}`,
  tags: i % 5 === 0 ? null : [i, null, i / 2],
  at: i * 1000,
}));

const sourceOf = (path: string) => new ArrowSource({ kind: "arrow", paths: path }, testHost());
const readBytes = (bytes: Uint8Array) =>
  withDirectory(async (directory) => {
    writeFileSync(join(directory, "in.arrow"), bytes);
    return await readSource(sourceOf(join(directory, "in.arrow")), 700);
  });

describe("Arrow IPC", () => {
  it.each(["out.arrow", "out.arrows"])("writes %s so that it reads back, here and in apache-arrow", (name) =>
    withDirectory(async (directory) => {
      const path = join(directory, name);
      await writeSink(arrowSink({ kind: "arrow", path }, testHost()), schema, rows, 600);
      const source = sourceOf(path);
      expect(source.schema.equals(schema)).toBe(true);
      expect((await readSource(source, 256)).rows).toEqual(rows);
      expect((await readSource(source.withColumns(["at", "name"]))).rows).toEqual(
        rows.map(({ at, name: n }) => ({ at, name: n })),
      );
      const table = arrow.tableFromIPC(readFileSync(path));
      expect(table.numRows).toBe(2500);
      expect(table.batches).toHaveLength(5);
      expect(table.getChild("name")?.get(1)).toBe("name 1");
    }),
  );

  it("writes an empty result with its schema", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "out.arrow");
      await writeSink(arrowSink({ kind: "arrow", path }, testHost()), schema, []);
      expect(sourceOf(path).schema.equals(schema)).toBe(true);
      expect((await readSource(sourceOf(path))).rows).toEqual([]);
    }));

  it("reads columns of nulls alone, and one without a name, as they were written", () =>
    withDirectory(async (directory) => {
      const odd = Schema.of({ "": types.int32, none: types.nullType, list: types.list(types.nullType) });
      const values = [
        { "": 1, none: null, list: [null] },
        { "": null, none: null, list: null },
      ];
      for (const name of ["out.arrow", "out.arrows"]) {
        const path = join(directory, name);
        await writeSink(arrowSink({ kind: "arrow", path }, testHost()), odd, values);
        expect(sourceOf(path).schema.equals(odd)).toBe(true);
        expect((await readSource(sourceOf(path))).rows).toEqual(values);
      }
    }));

  it("keeps dictionaries", async () => {
    const words = ["x", "y", null, "x", "zz"];
    const table = new arrow.Table({
      w: arrow.vectorFromArray(words, new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8())),
    });
    for (const format of ["file", "stream"] as const) {
      expect((await readBytes(arrow.tableToIPC(table, format))).rows.map((row) => row.w)).toEqual(words);
    }
  });

  it.each(["lz4", "zstd", "uncompressed"] as const)("reads what Polars writes with %s buffers", async (compression) => {
    const count = 5000;
    const frame = pl.DataFrame({
      a: Array.from({ length: count }, (_, i) => i % 7),
      b: Array.from({ length: count }, (_, i) => (i % 100 === 0 ? null : Math.sqrt(i))),
    });
    const { rows: read } = await readBytes(frame.writeIPC({ compression }));
    expect(read).toEqual(
      Array.from({ length: count }, (_, i) => ({ a: i % 7, b: i % 100 === 0 ? null : Math.sqrt(i) })),
    );
  });

  it("refuses LZ4 frames that are cut or copy from nowhere", () => {
    const frame = (block: number[]) =>
      Uint8Array.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0, block.length, 0, 0, 0, ...block, 0, 0, 0, 0]);
    expect([...decodeLz4Frame(frame([0x14, 65, 1, 0, 0x10, 66]))]).toEqual([...Array(9).fill(65), 66]);
    expect(() => decodeLz4Frame(frame([0x14, 65, 2, 0]))).toThrow(/before its output/);
    expect(() => decodeLz4Frame(frame([0xf0, 65]))).toThrow(/cut/);
    expect(() => decodeLz4Frame(frame([0x10, 65]).subarray(0, 12))).toThrow(/cut/);
    expect(() => decodeLz4Frame(Uint8Array.of(1, 2, 3))).toThrow(/no LZ4 frame/);
  });

  it("refuses truncated, damaged and other files, wherever they are cut", async () => {
    const table = arrow.tableFromArrays({
      a: Int32Array.from({ length: 100 }, (_, i) => i),
      s: Array(100).fill("text"),
    });
    const codeOf = async (bytes: Uint8Array) => (await failureOf(() => readBytes(bytes))).code;
    const file = arrow.tableToIPC(table, "file");
    const stream = arrow.tableToIPC(table, "stream");
    for (let length = 0; length < file.length; length += 13) {
      expect(await codeOf(file.subarray(0, length)), `file cut at ${length}`).toMatch(/^ARROW_(TRUNCATED|NOT_ARROW)$/);
    }
    for (let length = 1; length < stream.length - 9; length += 37) {
      // A stream without its end mark is complete at the end of any message.
      const result = await readBytes(stream.subarray(0, length)).catch((error: { code: string }) => error.code);
      if (typeof result === "string")
        expect(result, `stream cut at ${length}`).toMatch(/^ARROW_(TRUNCATED|NOT_ARROW)$/);
      else expect([0, 100]).toContain(result.rows.length);
    }
    expect(await codeOf(Buffer.from("a,b,c\n1,2,3\n"))).toBe("ARROW_NOT_ARROW");
    expect(await codeOf(new Uint8Array(0))).toBe("ARROW_NOT_ARROW");
  });

  it("answers any flipped byte with rows or a typed error", async () => {
    const table = arrow.tableFromArrays({ a: Int32Array.from({ length: 20 }, (_, i) => i), s: Array(20).fill("text") });
    const stream = arrow.tableToIPC(table, "stream");
    for (let at = 0; at < stream.length; at += 7) {
      const flipped = Uint8Array.from(stream);
      flipped[at] ^= 0x81;
      const result = await readBytes(flipped).catch((error: { code?: string }) => error.code ?? error);
      if (typeof result !== "object") expect(result, `byte ${at}`).toMatch(/^(ARROW_|COLUMN_)/);
      else expect(result, `byte ${at}`).toHaveProperty("rows");
    }
  });
});
