import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { TextSource, type TextSourceSpec } from "../../../../src/connectors/text/text-source.ts";
import { failureOf, readSource } from "../../../support/connectors.ts";
import { testHost, withDirectory } from "../../../support/host.ts";

const lines = Array.from({ length: 6000 }, (_, i) => `line ${i} ${"é".repeat(i % 40)}`);
const text = Buffer.from(`${lines.join("\n")}\n`);
// A small frame of the zstd tool's own: "hello\nworld\n" with a checksum.
const zstdFrame = Buffer.from("28b52ffd040061000068656c6c6f0a776f726c640a", "hex");

const read = (name: string, bytes: Uint8Array, options: Partial<TextSourceSpec> = {}) =>
  withDirectory(async (directory) => {
    const path = join(directory, name);
    writeFileSync(path, bytes);
    const source = new TextSource({ kind: "text", paths: path, ...options }, testHost());
    return (await readSource(source, 1000)).rows.map((row) => row.line);
  });

describe("compressed text", () => {
  it("is read by its extension, or as the option says", async () => {
    const zipped = gzipSync(text);
    expect(await read("a.txt.gz", zipped)).toEqual(lines);
    expect(await read("a.bin", zipped, { compression: "gzip" })).toEqual(lines);
    expect((await read("a.gz", Buffer.from("plain\n"), { compression: "none" }))[0]).toBe("plain");
    expect(await read("empty.gz", gzipSync(""))).toEqual([]);
  });

  it("may have several members", async () => {
    const half = text.indexOf("\n", text.length / 2) + 1;
    expect(
      await read("a.gz", Buffer.concat([gzipSync(text.subarray(0, half)), gzipSync(text.subarray(half))])),
    ).toEqual(lines);
  });

  it.skipIf(spawnSync("zstd", ["--version"]).status !== 0)("reads what the zstd tool writes", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "a.txt");
      writeFileSync(path, text);
      for (const options of [["--no-check"], ["-12"]]) {
        spawnSync("zstd", ["-q", "-f", ...options, path]);
        const bytes = readFileSync(`${path}.zst`);
        expect(await read("b.zst", bytes)).toEqual(lines);
        expect(await read("b.zst", Buffer.concat([bytes, bytes]))).toEqual([...lines, ...lines]);
        const cut = await failureOf(() => read("b.zst", bytes.subarray(0, bytes.length / 2)));
        expect(cut.code).toBe("COMPRESSED_CORRUPT");
      }
    }),
  );

  it("is refused where it is cut, damaged or something else", async () => {
    const zipped = gzipSync(text);
    const codeOf = async (name: string, bytes: Uint8Array) => (await failureOf(() => read(name, bytes))).code;
    expect(await codeOf("a.gz", zipped.subarray(0, zipped.length / 2))).toBe("COMPRESSED_CORRUPT");
    expect(await codeOf("a.gz", zipped.subarray(0, 5))).toBe("COMPRESSED_CORRUPT");
    expect(await codeOf("a.gz", text)).toBe("COMPRESSED_CORRUPT");
    expect(await codeOf("a.zst", text)).toBe("COMPRESSED_CORRUPT");
    expect(await codeOf("a.zst", zstdFrame.subarray(0, 9))).toBe("COMPRESSED_CORRUPT");
    // A window of 3.75 TiB: refused before it is allocated.
    expect(await codeOf("a.zst", Buffer.from("28b52ffd00ff0000000000000000000000000000", "hex"))).toBe(
      "COMPRESSED_CORRUPT",
    );
    const flipped = Buffer.from(zipped);
    flipped[zipped.length >> 1] ^= 0xff;
    // Wrong bytes may come out before the checksum at the end is reached.
    expect(await codeOf("a.gz", flipped)).toMatch(/^(COMPRESSED_CORRUPT|TEXT_UTF8_INVALID)$/);
  });
});
