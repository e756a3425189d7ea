import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { functionNames } from "../../src/core/expressions/functions/registry.ts";
import * as api from "../../src/index.ts";
import { errorCodes, errorTable, staleMeanings } from "./error-codes.ts";
import { pages, pageText, ROOT } from "./examples.ts";

/** Names in code: `name`, `name(...)`, `"NAME"` or a call within a block. */
const mentions = (text: string, name: string): boolean => new RegExp(`(?<![\\w.])${name}(?![\\w])`).test(text);

/** The anchors that a page's headings get. */
const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- ]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );

describe("docs/expressions.md", () => {
  it("lists every function", () => {
    const text = pageText("docs/expressions.md");
    expect(functionNames().filter((name) => !mentions(text, name))).toEqual([]);
  });
});

describe("docs/dataset-guide.md", () => {
  it("shows every method of datasets", () => {
    const text = pageText("docs/dataset-guide.md");
    const prototypes = [api.DataSet.prototype, api.GroupedDataSet.prototype, api.ExecutionEnvironment.prototype];
    const methods = prototypes
      .flatMap((prototype) => Object.getOwnPropertyNames(prototype))
      // For libraries and connectors of one's own.
      .filter((name) => !["constructor", "plan", "fromSource", "output"].includes(name));
    expect(methods.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });
});

it("every name to call is somewhere in the pages", () => {
  const text = pages().map(pageText).join("\n");
  // Classes that users meet as results of calls, without naming them.
  const unnamed = ["Aggregation", "Expression", "GroupedDataSet", "NamedExpression"];
  const names = Object.keys(api).filter((name) => !unnamed.includes(name));
  expect(names.filter((name) => !mentions(text, name))).toEqual([]);
});

describe("docs/errors.md", () => {
  it("has every code of the sources; `npx tsx test/docs/write-error-table.ts` writes it", () => {
    const [, table] = /<!-- codes -->\n([\s\S]*)\n<!-- \/codes -->/.exec(pageText("docs/errors.md")) ?? [];
    expect(table).toBe(errorTable());
  });

  it("says of every code what happened and what to do", () => {
    const silent = errorCodes().filter(({ whatHappened, whatToDo }) => !/[a-z]/.test(whatHappened + whatToDo));
    expect(silent.map(({ code }) => code)).toEqual([]);
    expect(staleMeanings()).toEqual([]);
  });
});

describe("docs/dependencies.md", () => {
  it("gives a reason for every dependency, and for no other", () => {
    const manifest = JSON.parse(pageText("package.json")) as Record<string, Record<string, string>>;
    const listed = [...pageText("docs/dependencies.md").matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
    const used = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    expect([...listed].sort()).toEqual([...used].sort());
  });
});

describe.each([...pages(), "CHANGELOG.md", "CONTRIBUTING.md"])("%s", (page) => {
  const text = pageText(page);

  it("links to what exists", () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);
    const broken = links.filter((target) => {
      if (/^https?:/.test(target)) return false;
      const [path, anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      if (!existsSync(join(ROOT, file))) return true;
      return anchor !== undefined && !anchorsOf(pageText(file)).has(anchor);
    });
    expect(broken).toEqual([]);
  });
});
