import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { format } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ExecutionEnvironment } from "../../src/index.ts";
import { type Example, examplesOf, outputMatches, pages, ROOT } from "./examples.ts";
import { writeExampleFiles } from "./prelude.ts";

const examples = pages().map((page) => [page, examplesOf(page)] as const);
/** Inside the repository, so that imports of dependencies resolve. */
const codeDirectory = join(ROOT, ".cache", "docs-examples");
const codeFile = (example: Example) => join(codeDirectory, `${example.id}.ts`);
const home = process.cwd();
let dataDirectory: string;

beforeAll(() => {
  rmSync(codeDirectory, { recursive: true, force: true });
  mkdirSync(codeDirectory, { recursive: true });
  const sources = relative(codeDirectory, join(ROOT, "src/index.ts"));
  for (const example of examples.flatMap(([, each]) => each)) {
    writeFileSync(
      codeFile(example),
      `${example.code.replaceAll(`from "millrace"`, `from "${sources}"`)}\nexport {};\n`,
    );
  }
  const config = {
    extends: "../../tsconfig.json",
    compilerOptions: { noEmit: true, rootDir: "../.." },
    include: ["*.ts", "../../src/**/*.d.ts"],
  };
  writeFileSync(join(codeDirectory, "tsconfig.json"), JSON.stringify(config));
  dataDirectory = mkdtempSync(join(tmpdir(), "millrace-docs-"));
  writeExampleFiles(dataDirectory);
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

describe.each(examples.filter(([, all]) => all.some((each) => each.runs)))("examples of %s", (_, all) => {
  it.each(all.filter((example) => example.runs))("$title", async (example) => {
    const lines: string[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((...values: unknown[]) => {
      lines.push(format(...values));
    });
    try {
      await import(/* @vite-ignore */ codeFile(example));
    } finally {
      log.mockRestore();
    }
    const { output } = example;
    const printed = lines.join("\n");
    if (output !== undefined && !outputMatches(printed, output)) expect(printed).toBe(output);
  });
});
