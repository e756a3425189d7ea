import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import { restartStrategies, StreamExecutionEnvironment } from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

/** A job that fails with its last row, so often. */
function failing(failures: number, host?: Host): StreamExecutionEnvironment {
  let left = failures;
  const env = StreamExecutionEnvironment.create(host === undefined ? {} : { host });
  env.fromCollection([{ n: 1 }, { n: 2 }, { n: 3 }]).forEach(({ n }) => {
    if (n === 3 && left-- > 0) throw new Error("no luck");
  });
  return env;
}

describe("the name of a job", () => {
  it("is in its handle and its result", async () => {
    const job = await failing(0).executeAsync({ jobName: "luck" });
    expect(job.name).toBe("luck");
    expect(await job.result()).toMatchObject({ jobName: "luck" });
  });

  it("is left out where it has none", async () => {
    const job = await failing(0).executeAsync();
    expect(job.name).toBeUndefined();
    expect(await job.result()).not.toHaveProperty("jobName");
    await expect(failing(1).execute()).rejects.not.toHaveProperty("jobName");
  });

  it("is in the error with which it ends", async () => {
    await expect(failing(1).execute({ jobName: "luck" })).rejects.toMatchObject({
      code: "USER_FUNCTION_FAILED",
      jobName: "luck",
    });
  });

  it("is in failures that are restarted, and in what is said of them", () =>
    new Simulation().run(async (host) => {
      const lines: string[] = [];
      const terminal = { stream: { write: (text: string) => lines.push(text) } };
      const env = failing(1, { ...host, terminal } as never);
      env.setRestartStrategy(restartStrategies.fixedDelay({ attempts: 1, delayMs: 1_000 }));
      const job = await env.executeAsync({ jobName: "luck\n" });
      await job.result();
      expect(job.failures.map(({ error }) => error.jobName)).toEqual(["luck\n"]);
      expect(lines.join("")).toContain('millrace: attempt 1 of the job "luck\\n" failed; ');
    }));

  it.each(["", 5, null])("is a text: not %j", async (jobName) => {
    await expect(failing(0).execute({ jobName: jobName as never })).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining("jobName"),
    });
  });
});
