import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { allMutations, mutated, parseMutation, REPOSITORY } from "./mutation.ts";
import { verdictOf } from "./verdict.ts";

describe("mutations", () => {
  it("fit the sources of today, each with tests that are there: what is stale is written anew", () => {
    const mutations = allMutations();
    expect(mutations.length).toBeGreaterThanOrEqual(30);
    for (const mutation of mutations) {
      for (const { file } of mutation.edits) {
        const text = readFileSync(join(REPOSITORY, file), "utf8");
        expect(mutated(mutation, file, text), mutation.name).not.toBe(text);
      }
      for (const file of mutation.foundBy) expect(existsSync(join(REPOSITORY, file)), file).toBe(true);
    }
  });

  const HEAD = "bug: some\nlaw: a1\nfound-by: test/a.test.ts\n";
  const one = parseMutation("one", `${HEAD}\n--- src/a.ts\n kept\n-old\n+new\n`);

  it("replace lines that stand there exactly once, and are refused where they do not", () => {
    expect(mutated(one, "src/a.ts", "first\nkept\nold\nlast\n")).toBe("first\nkept\nnew\nlast\n");
    expect(mutated(one, "src/b.ts", "kept\nold\n")).toBe("kept\nold\n");
    for (const text of ["kept\n", "kept\nold\nkept\nold\n"])
      expect(() => mutated(one, "src/a.ts", text)).toThrow("stale");
    expect(() => parseMutation("two", HEAD)).toThrow("no edit");
    expect(() => parseMutation("two", `${HEAD}\n--- src/a.ts\n same\n`)).toThrow("replaces nothing");
  });

  it("are found by broken laws, and by nothing else", () => {
    const failing = (...failureMessages: string[]) => ({
      report: JSON.stringify({
        testResults: [
          { name: "test/a.test.ts", assertionResults: [{ status: "failed", title: "law", failureMessages }] },
        ],
      }),
      isLate: false,
      isLoaded: true,
    });
    expect(verdictOf(one, failing("Error: Property failed after 7 tests\nGot Error: rows twice"))).toMatchObject({
      kind: "found",
      cases: 7,
    });
    for (const text of [
      "TypeError: x is no function",
      "Error: Property failed after 1 tests\nGot TypeError: x",
      "Error",
    ]) {
      expect(verdictOf(one, failing(text)).kind, text).toBe("broken");
    }
    expect(verdictOf(one, failing("Error: Test timed out in 60000ms."))).toMatchObject({
      kind: "hung",
      isFound: false,
    });
    expect(verdictOf({ ...one, mayHang: true }, { ...failing(), isLate: true }).isFound).toBe(true);
    const passed = { report: JSON.stringify({ testResults: [] }), isLate: false };
    expect(verdictOf(one, { ...passed, isLoaded: true }).kind).toBe("survived");
    expect(verdictOf(one, { ...passed, isLoaded: false }).kind).toBe("unloaded");
  });
});
