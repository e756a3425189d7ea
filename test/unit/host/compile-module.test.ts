import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, it } from "vitest";
import { compileModule } from "../../../src/host/compile-module.ts";
import { testDirectory } from "../../support/temporary-directory.ts";

const directory = testDirectory();
const place = (name: string) => join(directory.path, name);
const FILES: Readonly<Record<string, string>> = {
  "job.ts": `import builtin from "fs";
    import type { Nothing } from "./nowhere.ts";
    import { own, Colour } from "./below/other.ts";
    import { shared } from "./shared.mjs";
    import { fromPackage } from "some-package";
    import cjs from "./old.cts";
    import data from "./data.json" with { type: "json" };
    const meta: Nothing = [import.meta.url, import.meta.filename, import.meta.dirname];
    export default { meta, own, green: Colour.Green, shared, fromPackage, cjs, data, hasFiles: builtin.existsSync("/") };`,
  "below/other.ts": "export enum Colour { Red, Green }\nexport const own: string = import.meta.url;",
  "shared.mjs": "export const shared = { isShared: true };",
  "old.cts": `const path = require("path"); module.exports = { name: path.basename(__filename) };`,
  "data.json": `{ "rows": 3 }`,
  "node_modules/some-package/package.json": `{ "type": "module", "exports": { "import": "./new.js", "require": "./old.cjs" } }`,
  "node_modules/some-package/new.js": `export const fromPackage = "by import";`,
  "node_modules/some-package/old.cjs": `exports.fromPackage = "by require";`,
  "throws.ts": "type A = 1;\n\nexport default (): never => {\n  throw new Error('here');\n};\n",
};

beforeAll(() => {
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(place(name)), { recursive: true });
    writeFileSync(place(name), text);
  }
  mkdirSync(place("out"));
});

const load = async (name: string) =>
  ((await import(/* @vite-ignore */ await compileModule(place(name), place("out")))) as { default: unknown }).default;

it("takes TypeScript in, and leaves packages, JavaScript and data where they are", async () => {
  const { shared, ...rest } = (await load("job.ts")) as { shared: object };
  expect(rest).toMatchObject({
    meta: [pathToFileURL(place("job.ts")).href, place("job.ts"), directory.path],
    own: pathToFileURL(place("below/other.ts")).href,
    green: 1,
    fromPackage: "by import",
    cjs: { name: "old.cts" },
    data: { rows: 3 },
    hasFiles: true,
  });
  // What others import is the same object.
  const direct = (await import(/* @vite-ignore */ pathToFileURL(place("shared.mjs")).href)) as { shared: object };
  expect(shared).toBe(direct.shared);
});

it("gives the same file for the same content, and another one for another", async () => {
  const first = await compileModule(place("throws.ts"), place("out"));
  expect(await compileModule(place("throws.ts"), place("out"))).toBe(first);
  writeFileSync(place("other.ts"), "export default 1;");
  const second = await compileModule(place("other.ts"), place("out"));
  writeFileSync(place("other.ts"), "export default 2;");
  expect(await compileModule(place("other.ts"), place("out"))).not.toBe(second);
});

it("knows the lines that the user wrote", async () => {
  process.setSourceMapsEnabled(true);
  const fail = (await load("throws.ts")) as () => never;
  const stack = () => {
    try {
      return fail();
    } catch (thrown) {
      return (thrown as Error).stack;
    }
  };
  expect(stack()).toMatch(/throws\.ts:4:9/);
});

it("fails with the place of what it cannot read or find", async () => {
  writeFileSync(place("wrong.ts"), "export default 1;\nconst = 2;");
  await expect(compileModule(place("wrong.ts"), place("out"))).rejects.toThrow(/wrong\.ts:2:6: ERROR/);
  writeFileSync(place("missing.ts"), `import "./missing-too.ts";`);
  await expect(compileModule(place("missing.ts"), place("out"))).rejects.toThrow(/missing-too/);
});
