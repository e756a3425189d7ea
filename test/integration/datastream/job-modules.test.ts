import { afterEach, beforeEach, describe, expect, it } from "vitest";
// Compiled, as its users have it: the modules import "millrace", which is this on every thread.
import {
  type EngineError,
  type JobModuleOptions,
  runJobModule,
  StreamExecutionEnvironment,
  startJobModule,
} from "../../../dist/index.js";
import { loadEngine, Simulation } from "../../../dist/testing.js";

const moduleOf = (name: string) => new URL(`../../fixtures/modules/${name}.ts`, import.meta.url);

interface Total {
  readonly key: string;
  readonly total: bigint;
  readonly inMain: boolean;
}

let rows: object[];
beforeEach(() => {
  rows = [];
  globalThis.jobModuleRows = rows;
});
afterEach(() => {
  globalThis.jobModuleRows = undefined;
});

const sorted = () => (rows as Total[]).toSorted((a, b) => a.key.localeCompare(b.key));

/** What the module totals.ts must give for so many ticks. */
function expectedTotals(ticks: number): { key: string; total: bigint }[] {
  const totals = new Map<string, bigint>();
  for (let i = 0; i < ticks; i++) totals.set(`k${i % 7}`, (totals.get(`k${i % 7}`) ?? 0n) + 2n * BigInt(i));
  return [...totals].map(([key, total]) => ({ key, total })).sort((a, b) => a.key.localeCompare(b.key));
}

describe("a job module", () => {
  it("merges accumulators of own classes on one thread, and refuses them on workers instead of losing them", async () => {
    const { accumulators } = await runJobModule(moduleOf("own-accumulator"), { parallelism: 1 });
    expect(accumulators.longest).toBe(2);
    await expect(runJobModule(moduleOf("own-accumulator"), { parallelism: 2 })).rejects.toThrow(/own class Longest/);
  });

  it.each([1, 2, 3])("runs functions, sources, state and timers on workers, at parallelism %d", async (parallelism) => {
    const { accumulators } = await runJobModule(moduleOf("totals"), {
      parallelism,
      args: { splits: 4, perSplit: 500 },
    });
    const isAlone = parallelism === 1;
    expect(sorted()).toEqual(expectedTotals(2000).map((row) => ({ ...row, inMain: isAlone })));
    const subtasks = Array.from({ length: parallelism }, (_, i) => i);
    expect(accumulators.mapped).toBe(2000);
    expect([...(accumulators[isAlone ? "maps on main" : "maps on workers"] as number[])].sort()).toEqual(subtasks);
    expect(Object.keys(accumulators)).toHaveLength(2);
  });

  it("runs on the threads of a job before it, unless that failed or they were ended", async () => {
    await StreamExecutionEnvironment.shutdown();
    const run = async (fails = false) => {
      const { accumulators } = await runJobModule(moduleOf("threads"), { parallelism: 2, args: { fails } });
      return { threads: (accumulators.threads as number[]).toSorted((a, b) => a - b), runs: accumulators.runs };
    };
    const first = await run();
    expect(first.runs).toEqual([1, 1]);
    expect(await run()).toEqual({ threads: first.threads, runs: [2, 2] });
    await expect(run(true)).rejects.toThrow("as it was told");
    const afterFailure = await run();
    expect(afterFailure.runs).toEqual([1, 1]);
    expect(afterFailure.threads).not.toEqual(first.threads);
    await StreamExecutionEnvironment.shutdown();
    expect((await run()).threads).not.toEqual(afterFailure.threads);
  });

  it("runs steps of different slot sharing groups on different threads", async () => {
    const { accumulators } = await runJobModule(moduleOf("slot-groups"), { parallelism: 2 });
    const [first, second] = ["first", "second"].map((name) => new Set(accumulators[name] as number[]));
    expect([first.size, second.size]).toEqual([1, 1]);
    expect(first).not.toEqual(second);
    expect(rows).toHaveLength(999);
  });

  it("goes on from a snapshot at another parallelism, and gives every row once", async () => {
    const args = { splits: 4, perSplit: 2000 };
    const module = moduleOf("totals");
    const job = await startJobModule(module, { parallelism: 2, args: { ...args, everyMs: 5, batchRows: 20 } });
    while (!job.metrics.some(({ rowsOut }) => rowsOut > 100)) await new Promise((resolve) => setTimeout(resolve, 10));
    const snapshot = await job.snapshot();
    await job.cancel();
    expect(job.status).toBe("CANCELED");
    expect(rows).toEqual([]);
    const { accumulators } = await runJobModule(module, { parallelism: 3, args, restore: snapshot });
    expect(sorted()).toEqual(expectedTotals(8000).map((row) => ({ ...row, inMain: false })));
    expect(accumulators.mapped).toBeLessThan(8000);
  });

  it.each([1, 2])("may run its job itself, with inferred columns, at parallelism %d", async (parallelism) => {
    await runJobModule(moduleOf("own-execute"), { parallelism });
    const last = (parity: string) => rows.findLast((row) => (row as { parity: string }).parity === parity);
    expect(last("even")).toEqual({ parity: "even", total: 2450n, inMain: parallelism === 1 });
    expect(last("odd")).toEqual({ parity: "odd", total: 2500n, inMain: parallelism === 1 });
    expect(rows).toHaveLength(100);
  });

  it("runs on a simulated machine", async () => {
    await loadEngine();
    const args = { splits: 3, perSplit: 100 };
    const expected = expectedTotals(300).map((row) => ({ ...row, inMain: true }));
    // The first run imports the module.
    for (const seed of [1, 2, 3]) {
      rows.length = 0;
      const { accumulators } = await new Simulation({ seed }).run((host) =>
        runJobModule(moduleOf("totals"), { parallelism: 2, host, args }),
      );
      expect(sorted()).toEqual(expected);
      expect(accumulators.mapped).toBe(300);
    }
  });
});

describe("a job module that is wrong", () => {
  const failureOf = (name: string, options: JobModuleOptions = {}): Promise<EngineError> =>
    runJobModule(moduleOf(name), { parallelism: 2, ...options }).then(
      () => {
        throw new Error("It should have failed");
      },
      (thrown: EngineError) => thrown,
    );
  const faulty = (fault: string) => failureOf("faulty", { args: { fault } });

  it("is told by name where there is no such file", async () => {
    const failure = await failureOf("nowhere");
    expect(failure).toMatchObject({ name: "PlanError", code: "JOB_MODULE_NOT_FOUND" });
    expect(failure.message).toContain("nowhere.ts");
  });

  it("is told where its default export is no function", async () => {
    expect(await failureOf("no-function")).toMatchObject({ code: "JOB_MODULE_INVALID" });
  });

  it("is told with the cause where an import of it fails", async () => {
    const failure = await failureOf("broken-import");
    expect(failure).toMatchObject({ code: "JOB_MODULE_FAILED", cause: { name: "Error" } });
    expect(failure.message).toContain("not-there");
  });

  it.each(["throws", "throws on workers"])("is told with the cause where it %s", async (fault) => {
    const failure = await faulty(fault);
    expect(failure).toMatchObject({ name: "PlanError", code: "JOB_MODULE_FAILED", cause: { name: "TypeError" } });
    expect(failure.message).toContain("TypeError: no such thing");
    expect((failure.cause as Error).stack).toMatch(/faulty\.ts:\d+/);
  });

  it("keeps an error of the engine", async () => {
    expect(await faulty("throws an error of the engine")).toMatchObject({ name: "PlanError", code: "MINE" });
  });

  it.each(["other steps on workers", "nothing on workers"])("is not deterministic with %s", async (fault) => {
    const failure = await faulty(fault);
    expect(failure).toMatchObject({ name: "PlanError", code: "JOB_MODULE_NOT_DETERMINISTIC" });
    expect(failure.message).toContain("faulty.ts");
  });

  it("runs one job only", async () => {
    expect(await faulty("two jobs")).toMatchObject({ code: "JOB_MODULE_SECOND_JOB" });
  });

  it("does not run itself where it is imported to be planned", async () => {
    expect(await failureOf("nested")).toMatchObject({ code: "JOB_MODULE_NESTED" });
  });

  it("can be cancelled while a worker does not get to its plan", async () => {
    const job = await startJobModule(moduleOf("faulty"), {
      parallelism: 2,
      args: { fault: "never ends on workers" },
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await job.cancel();
    expect(job.status).toBe("CANCELED");
  });

  it("has the function's own error, with its class, place and cause, from a worker as from one thread", async () => {
    for (const parallelism of [1, 2]) {
      const failure = await failureOf("faulty", { parallelism, args: { fault: "function throws" } });
      expect(failure).toMatchObject({ name: "UserFunctionError", code: "USER_FUNCTION_FAILED", origin: "user" });
      expect(failure.operator).toMatch(/^map at faulty\.ts:28:\d+$/);
      expect(failure.message).toMatch(/map at faulty\.ts:28:\d+ .*RangeError: 777 is too much/);
      const cause = failure.cause as Error;
      expect(cause).toBeInstanceOf(RangeError);
      expect(cause.stack).toMatch(/faulty\.ts:30:\d+/);
    }
  });

  it("is told of a thread that its code ended", async () => {
    expect(await faulty("thread dies")).toMatchObject({ name: "ExternalError", code: "THREAD_DIED" });
  });

  it("is told of an error in it that nobody caught", async () => {
    const failure = await faulty("stray error");
    expect(failure).toMatchObject({ name: "ExternalError", code: "THREAD_DIED", cause: { name: "Error" } });
    expect(failure.message).toContain("nobody caught me");
  });

  it.each([
    ["a date", { since: new Date(0) }, "args.since is an object of class Date"],
    ["a function", [() => 1], "args[0] is a function"],
    ["a bigint", { a: { b: 1n } }, "args.a.b is a bigint"],
    ["undefined", { a: undefined }, "args.a is undefined"],
    ["infinity", Number.POSITIVE_INFINITY, "args is Infinity"],
  ])("refuses %s in its arguments", async (_, args, message) => {
    const failure = await failureOf("totals", { args: args as never });
    expect(failure).toMatchObject({ name: "PlanError", code: "OPTION_INVALID" });
    expect(failure.message).toContain(message);
  });

  it("refuses arguments that contain themselves, unknown options, and what is no module", async () => {
    const circle: { self?: object } = {};
    circle.self = circle;
    expect((await failureOf("totals", { args: circle as never })).message).toContain("args.self contains itself");
    expect(await failureOf("totals", { arguments: 1 } as never)).toMatchObject({ code: "OPTION_UNKNOWN" });
    await expect(runJobModule(42 as never)).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});
