import { describe, expect, it } from "vitest";
import { layerOf } from "./layers.ts";
import { type OutsideUse, outsideUses } from "./outside-world.ts";
import { engineFiles, parseFile } from "./source-files.ts";

/** These layers are the outside world's side of the engine. */
const OUTSIDE_LAYERS = ["host", "cluster", "web", "cli"];

/** What some files may use nevertheless: pure computation that Node happens to keep in such a module. */
const EXCEPTIONS: readonly { path: string; what: string; reason: string }[] = [
  { path: "src/connectors/parquet/codecs.ts", what: "node:zlib", reason: "gzip and brotli pages: bytes to bytes" },
  { path: "src/connectors/files/text-output.ts", what: "node:zlib", reason: "compressed text files: bytes to bytes" },
  {
    path: "src/core/expressions/functions/hash.ts",
    what: "node:crypto",
    reason: "md5 and sha of values: bytes to bytes",
  },
  { path: "src/connectors/files/byte-input.ts", what: "node:zlib", reason: "compressed text files: bytes to bytes" },
  {
    path: "src/connectors/files/byte-input.ts",
    what: "node:stream",
    reason: "drives the decompressor over given bytes",
  },
  { path: "src/connectors/files/sample.ts", what: "node:zlib", reason: "the first bytes of a compressed file" },
  {
    path: "src/testing/event-loop-turn.ts",
    what: "setImmediate",
    reason: "between two simulated actions all promises settle, and only the real event loop knows when",
  },
  {
    path: "src/testing/event-loop-turn.ts",
    what: "setTimeout",
    reason: "waits for imports and the like while virtual time stands still",
  },
  { path: "src/connectors/files/paths.ts", what: "node:url", reason: "file URLs as paths: text to text" },
];

const isAllowed = ({ path, what }: OutsideUse): boolean =>
  EXCEPTIONS.some((exception) => exception.path === path && exception.what === what);

describe("the outside world", () => {
  it("comes in through the Host alone: no clock, randomness, timer, file, network or thread elsewhere", () => {
    const wrong = engineFiles()
      .filter(({ path }) => !OUTSIDE_LAYERS.includes(layerOf(path) ?? ""))
      .flatMap(outsideUses)
      .filter((use) => !isAllowed(use))
      .map(({ path, line, what }) => `${path}:${line} uses ${what}: take it from the Host (src/core/host.ts)`);
    expect(wrong).toEqual([]);
  });

  it("is let in by no exception that nobody needs", () => {
    const uses = engineFiles().flatMap(outsideUses);
    const unused = EXCEPTIONS.filter(({ path, what }) => !uses.some((use) => use.path === path && use.what === what));
    expect(unused).toEqual([]);
  });

  it("is recognised in code, not in names, comments or types", () => {
    const whats = (text: string) => outsideUses(parseFile("src/core/probe.ts", text)).map(({ what }) => what);
    expect(whats("const t = Date.now() + performance.now();")).toEqual(["Date.now", "performance"]);
    expect(whats("const now = new Date(); const then = new Date(0);")).toEqual(["new Date()"]);
    expect(whats("setTimeout(f, 1); globalThis.setImmediate(f); const r = Math.random();")).toEqual([
      "setTimeout",
      "setImmediate",
      "Math.random",
    ]);
    expect(whats(`import * as fs from "node:fs"; import { Worker } from "worker_threads";`)).toEqual([
      "node:fs",
      "worker_threads",
    ]);
    expect(whats(`const late = await import("node:net"); export { x } from "node:os";`)).toEqual([
      "node:net",
      "node:os",
    ]);
    expect(whats("if (process.env.DEBUG) f(crypto.randomUUID());")).toEqual(["process", "crypto"]);
    expect(
      whats("// Date.now()\nconst a = { process: 1 }; a.process; x instanceof Date; class B { crypto = 1 }"),
    ).toEqual([]);
    expect(whats("function f(value: Date): Date { return new Date(value); }")).toEqual([]);
  });
});
