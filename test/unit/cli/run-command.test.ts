import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseArguments, parseRun, runCommand } from "../../../src/cli/run-command.ts";
import { testDirectory } from "../../support/temporary-directory.ts";

describe("arguments", () => {
  it("are names with values, names alone, and the rest", () => {
    expect(parseArguments(["--port", "9000", "--verbose", "--to=a=b", "in.txt", "--last"])).toEqual({
      port: "9000",
      verbose: true,
      to: "a=b",
      last: true,
      _: ["in.txt"],
    });
  });

  it("of the job stand behind --, those of the engine before it", () => {
    expect(parseRun(["job.ts", "--parallelism", "2", "--runtime-mode=batch", "--", "--port", "9"])).toEqual({
      module: "job.ts",
      options: { parallelism: 2, runtimeMode: "BATCH", args: { port: "9", _: [] } },
    });
  });

  it.each([
    [[], "No job module"],
    [["a.ts", "b.ts"], "2 job modules"],
    [["a.ts", "--threads", "2"], "--threads"],
  ])("are refused: %j", (argv, message) => {
    expect(() => parseRun(argv)).toThrow(expect.objectContaining({ code: "COMMAND_INVALID" }));
    expect(() => parseRun(argv)).toThrow(message);
  });
});

describe("millrace run", () => {
  const directory = testDirectory();
  const engine = fileURLToPath(new URL("../../../src/index.ts", import.meta.url));

  function moduleWith(name: string, body: string): string {
    mkdirSync(directory.path, { recursive: true });
    const path = join(directory.path, `${name}.ts`);
    writeFileSync(path, `import { Schema, types } from ${JSON.stringify(engine)};\n${body}`);
    return path;
  }

  async function run(argv: readonly string[], interrupt?: (callback: () => void) => void) {
    const lines: string[] = [];
    const code = await runCommand(argv, {
      printError: (line) => lines.push(line),
      onInterrupt: (callback) => {
        interrupt?.(callback);
        return () => undefined;
      },
    });
    return { code, said: lines.join("\n") };
  }

  it("runs the job with its arguments", async () => {
    const path = moduleWith(
      "counting",
      `export default (env, args) => env.fromSequence(0, Number(args.upTo))
         .map({ map: (row, runtime) => { runtime.intCounter("rows").add(1); return { x: row.value }; } },
              { schema: Schema.of({ x: types.int64 }) })
         .forEach(() => undefined);`,
    );
    const { code, said } = await run([path, "--", "--upTo", "12"]);
    expect(said).toMatch(/^The job finished after \d+\.\d s\.\nrows: 12$/);
    expect(code).toBe(0);
  });

  it("tells what went wrong, where, and by which cause", async () => {
    const path = moduleWith(
      "failing",
      `export default (env) => env.fromSequence(0, 9)
         .map(() => { throw new Error("no luck"); }, { schema: Schema.of({ x: types.int64 }) })
         .forEach(() => undefined);`,
    );
    const { code, said } = await run([path]);
    expect(code).toBe(1);
    expect(said).toMatch(/^USER_FUNCTION_FAILED: A function passed to map at failing\.ts/);
    expect(said).toContain("Caused by Error: no luck");
  });

  it("cancels the job when the user interrupts", async () => {
    const path = moduleWith("endless", "export default (env) => env.fromSequence(0, 1e10).forEach(() => undefined);");
    const { code, said } = await run([path], (callback) => void setTimeout(callback, 30));
    expect(said).toBe("The job was cancelled.");
    expect(code).toBe(130);
  });

  it("gives 2 for a command that it does not understand", async () => {
    expect(await run([])).toEqual({
      code: 2,
      said: 'COMMAND_INVALID: No job module was given. See "millrace run --help" for the command.',
    });
  });
});
