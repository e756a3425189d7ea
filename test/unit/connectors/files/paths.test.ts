import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { expandBraces, segmentMatcher } from "../../../../src/connectors/files/glob.ts";
import { expandPaths } from "../../../../src/connectors/files/paths.ts";
import { failureOf } from "../../../support/connectors.ts";
import { testHost, withDirectory } from "../../../support/host.ts";

const { files } = testHost();

/** A directory with empty files at the given paths. */
const withFiles = (paths: readonly string[], use: (directory: string) => void | Promise<void>) =>
  withDirectory(async (directory) => {
    for (const path of paths) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), path);
    }
    await use(directory);
  });

const tree = [
  "a.csv",
  "b.csv",
  "c.txt",
  "x/a.csv",
  "x/y/d.csv",
  ".hidden.csv",
  "_tmp/e.csv",
  "_k=1/f.csv",
  "x/_SUCCESS",
];

describe("expandPaths", () => {
  const found = (directory: string, path: string | string[]) =>
    expandPaths(
      files,
      typeof path === "string" ? `${directory}/${path}` : path.map((one) => `${directory}/${one}`),
    ).map((file) => file.path.slice(directory.length + 1));

  it("reads files, directories, patterns, lists and URLs", () =>
    withFiles(tree, (directory) => {
      expect(found(directory, "a.csv")).toEqual(["a.csv"]);
      expect(found(directory, "x/")).toEqual(["x/a.csv", "x/y/d.csv"]);
      expect(found(directory, "*.csv")).toEqual(["a.csv", "b.csv"]);
      expect(found(directory, "**/*.csv")).toEqual(["_k=1/f.csv", "a.csv", "b.csv", "x/a.csv", "x/y/d.csv"]);
      expect(found(directory, "**")).toEqual(["_k=1/f.csv", "a.csv", "b.csv", "c.txt", "x/a.csv", "x/y/d.csv"]);
      expect(found(directory, "{b,a}.{csv,txt}")).toEqual(["a.csv", "b.csv"]);
      expect(found(directory, "[!a].csv")).toEqual(["b.csv"]);
      expect(found(directory, "?.txt")).toEqual(["c.txt"]);
      expect(found(directory, ".h*.csv")).toEqual([".hidden.csv"]);
      expect(found(directory, ["c.txt", "x", "c.txt"])).toEqual(["c.txt", "x/a.csv", "x/y/d.csv", "c.txt"]);
      expect(expandPaths(files, pathToFileURL(join(directory, "a.csv")).href)[0]).toMatchObject({ sizeBytes: 5 });
    }));

  it("takes a path that exists for what it says, whatever characters it has", () =>
    withFiles(["a[1].csv", "a1.csv"], (directory) => {
      expect(found(directory, "a[1].csv")).toEqual(["a[1].csv"]);
    }));

  it("says what is missing", () =>
    withFiles(["x/_SUCCESS"], async (directory) => {
      const codeOf = async (path: string | string[]) => (await failureOf(() => expandPaths(files, path))).code;
      expect(await codeOf(`${directory}/none.csv`)).toBe("FILE_NOT_FOUND");
      expect(await codeOf(`${directory}/*.csv`)).toBe("FILES_NONE_MATCH");
      expect(await codeOf(`${directory}/x`)).toBe("FILES_NONE_MATCH");
      expect(await codeOf([])).toBe("PATH_INVALID");
      const given = await failureOf(() => expandPaths(files, [`${directory}/x`, 5] as string[]));
      expect(given).toMatchObject({
        code: "PATH_INVALID",
        message: expect.stringContaining("What is given as a path is 5."),
      });
      expect(await codeOf("s3://bucket/key")).toBe("PATH_INVALID");
    }));
});

describe("glob patterns", () => {
  it("write out braces", () => {
    expect(expandBraces("a{b,c{d,e}}f")).toEqual(["abf", "acdf", "acef"]);
    expect(expandBraces("a{b}c{")).toEqual(["a{b}c{"]);
    expect(expandBraces("{,x}y")).toEqual(["y", "xy"]);
  });

  it("match segments", () => {
    expect(segmentMatcher("a*.c+v")("ab.c+v")).toBe(true);
    expect(segmentMatcher("a.csv")("axcsv")).toBe(false);
    expect(segmentMatcher("[a-c]?")("b😀")).toBe(true);
    expect(segmentMatcher("[]x")("[]x")).toBe(true);
  });
});
