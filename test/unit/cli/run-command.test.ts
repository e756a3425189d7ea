import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseArguments } from "../../../src/cli/command-line.ts";
import { parseRun, runCommand } from "../../../src/cli/run-command.ts";
import { dataSetJob, runDataSetModule, runJobModule } from "../../../src/index.ts";
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
    [["a.ts", "--parallelism", "two"], '"two"'],
    [["a.ts", "--parallelism"], "without a value"],
    [["a.ts", "--memory", "much"], '"much"'],
    [["a.ts", "--job-name"], "takes a name"],
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
    const named = await run([path, "--job-name", "twelve", "--", "--upTo", "12"]);
    expect(named.said).toMatch(/^The job "twelve" finished after \d+\.\d s\.\nrows: 12$/);
  });

  it("tells what went wrong, where, and by which cause", async () => {
    const path = moduleWith(
      "failing",
      `export default (env) => env.fromSequence(0, 9)
         .map(() => { throw new Error("no luck"); }, { schema: Schema.of({ x: types.int64 }) })
         .forEach(() => undefined);`,
    );
    const { code, said } = await run([path, "--job-name", "luck"]);
    expect(code).toBe(1);
    expect(said).toMatch(/^USER_FUNCTION_FAILED: A function passed to map at failing\.ts/);
    expect(said).toMatch(/^ {2}of the job "luck"$/m);
    expect(said).toContain("Caused by Error: no luck");
  });

  it("runs the jobs of a module of datasets, and what it wrote and did not execute", async () => {
    const out = join(directory.path, "squares.csv");
    const path = moduleWith(
      "datasets",
      `import { dataSetJob } from ${JSON.stringify(engine)};
       export default dataSetJob(async (env, { upTo, to }) => {
         if (env.parallelism !== 1 || env.memoryBytes !== 2 ** 26) throw new Error("other options");
         const numbers = env.sequence(0, Number(upTo));
         if (await numbers.count() !== Number(upTo)) throw new Error("other rows");
         numbers
           .map({ map: (row, runtime) => { runtime.intCounter("rows").add(1); return { square: Number(row.value) ** 2 }; } })
           .writeCsv(to);
       });`,
    );
    const { code, said } = await run([path, "--parallelism=1", "--memory", "64m", "--", "--upTo", "3", "--to", out]);
    expect(said).toMatch(/^2 jobs finished after \d+\.\d s\.\nrows: 3$/);
    expect(code).toBe(0);
    expect(readFileSync(out, "utf8")).toBe("square\n0\n1\n4\n");
  });

  it("tells what went wrong in a module of datasets, and refuses options that are not its own", async () => {
    const body = (text: string) =>
      `import { dataSetJob } from ${JSON.stringify(engine)};\nexport default dataSetJob(${text});`;
    const missing = moduleWith("missing", body('(env) => env.readCsv("nowhere.csv").show()'));
    const failed = await run([missing]);
    expect([failed.code, failed.said]).toEqual([1, expect.stringMatching(/^FILE_NOT_FOUND: /)]);
    const own = moduleWith("own", body('() => { throw new Error("no luck"); }'));
    expect(await run([own])).toEqual({ code: 1, said: expect.stringContaining("Caused by Error: no luck") });
    expect((await run([own, "--runtime-mode", "BATCH"])).code).toBe(2);
    const stream = moduleWith("stream", "export default (env) => env.fromSequence(0, 9).blackhole();");
    expect(await run([stream, "--memory", "1g"])).toEqual({ code: 2, said: expect.stringContaining("--memory") });
    await expect(runDataSetModule(stream)).rejects.toMatchObject({ code: "JOB_MODULE_INVALID" });
    await expect(runJobModule(own)).rejects.toMatchObject({ code: "JOB_MODULE_INVALID" });
    await expect(runDataSetModule(own, { memory: 1 } as never)).rejects.toMatchObject({ code: "OPTION_UNKNOWN" });
    expect(() => dataSetJob(undefined as never)).toThrow(expect.objectContaining({ code: "FUNCTION_INVALID" }));
  });

  it("cancels a job of datasets when the user interrupts", async () => {
    const path = moduleWith(
      "long",
      `import { dataSetJob } from ${JSON.stringify(engine)};
       export default dataSetJob((env) => env.sequence(0, 1e12).filter(() => false).count());`,
    );
    const { code, said } = await run([path, "--parallelism", "1"], (callback) => void setTimeout(callback, 1500));
    expect(said).toBe("The job was cancelled.");
    expect(code).toBe(130);
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
      said: 'COMMAND_INVALID: No job module was given. See "millrace --help" for the commands.',
    });
  });
});
