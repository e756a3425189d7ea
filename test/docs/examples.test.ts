import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { format } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ExecutionEnvironment } from "../../src/index.ts";
import { type Example, examplesOf, outputMatches, pages, pageText, ROOT } from "./examples.ts";
import { writeExampleFiles } from "./prelude.ts";

const examples = pages().map((page) => [page, examplesOf(page)] as const);
/** Inside the repository, so that imports of dependencies resolve. */
const codeDirectory = join(ROOT, ".cache", "docs-examples");
/** Call sites in output name the file, so it has a name that a reader might choose. */
const codeFile = (example: Example) => join(codeDirectory, example.id, "job.ts");
const home = process.cwd();
let dataDirectory: string;

beforeAll(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), "millrace-docs-"));
  writeExampleFiles(dataDirectory);
  rmSync(codeDirectory, { recursive: true, force: true });
  mkdirSync(codeDirectory, { recursive: true });
  for (const example of examples.flatMap(([, each]) => each)) {
    const file = codeFile(example);
    const sourceOf = (entry: string) => `from "${relative(dirname(file), join(ROOT, "src", entry))}"`;
    const code = example.code
      .replaceAll(`from "millrace"`, sourceOf("index.ts"))
      .replaceAll(`from "millrace/testing"`, sourceOf("testing.ts"))
      // What an example leaves there goes with the tests.
      .replaceAll(`"/tmp/`, `"${dataDirectory}/`);
    mkdirSync(dirname(file));
    writeFileSync(file, `${code}\nexport {};\n`);
  }
  const config = {
    extends: "../../tsconfig.json",
    compilerOptions: { noEmit: true, rootDir: "../.." },
    include: ["*/job.ts", "../../src/**/*.d.ts"],
  };
  writeFileSync(join(codeDirectory, "tsconfig.json"), JSON.stringify(config));
  process.chdir(dataDirectory);
});

afterAll(async () => {
  process.chdir(home);
  rmSync(dataDirectory, { recursive: true, force: true });
  await ExecutionEnvironment.shutdown();
});

it("examples compile", () => {
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  try {
    execFileSync(process.execPath, [compiler, "-p", codeDirectory], { encoding: "utf8", cwd: codeDirectory });
  } catch (failure) {
    expect.fail(String((failure as { stdout?: unknown }).stdout));
  }
});

/** What a program prints. */
async function outputOf(path: string): Promise<string> {
  const lines: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...values: unknown[]) => {
    lines.push(format(...values));
  });
  try {
    await import(/* @vite-ignore */ path);
  } finally {
    log.mockRestore();
  }
  return lines.join("\n");
}

it("README.md shows what the quickstart prints", async () => {
  const [, shown = ""] = /^```text\n([\s\S]*?)^```$/m.exec(pageText("README.md")) ?? [];
  const printed = await outputOf(join(ROOT, "examples/quickstart.ts"));
  if (!outputMatches(printed, shown)) expect(printed).toBe(shown);
});

it("examples write to a directory of the tests alone", () => {
  for (const example of examples.flatMap(([, each]) => each)) {
    const code = readFileSync(codeFile(example), "utf8").replaceAll(dataDirectory, "");
    expect(code, example.title).not.toMatch(/["'`]\/tmp\b|tmpdir\(/);
  }
});

describe.each(examples.filter(([, all]) => all.some((each) => each.runs)))("examples of %s", (_, all) => {
  it.each(all.filter((example) => example.runs))("$title", async (example) => {
    const printed = await outputOf(codeFile(example));
    const { output } = example;
    if (output !== undefined && !outputMatches(printed, output)) expect(printed).toBe(output);
  });
});
