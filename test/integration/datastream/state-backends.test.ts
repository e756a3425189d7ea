import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
// Compiled, as its users have it: the modules import "millrace", which is this on every thread.
import {
  restartStrategies,
  runJobModule,
  Schema,
  StreamExecutionEnvironment,
  startJobModule,
  stateBackends,
  types,
  valueState,
} from "../../../dist/index.js";
import { withDirectory } from "../../support/host.ts";
import { testDirectory } from "../../support/temporary-directory.ts";

const folder = testDirectory();
afterAll(() => StreamExecutionEnvironment.shutdown());

const module = new URL("../../fixtures/modules/counts-on-disk.ts", import.meta.url);
const KEYS = 20_000;
const PASSES = 3;

describe("state on disk", () => {
  it.each([1, 2])("is complete, and leaves no files, at parallelism %d", (parallelism) =>
    withDirectory(async (path) => {
      const directory = join(path, "state");
      const args = { directory, keys: KEYS, passes: PASSES, failsAt: 0 };
      const job = await startJobModule(module, { parallelism, args });
      let mostFiles = 0;
      const watch = setInterval(() => {
        if (existsSync(directory)) mostFiles = Math.max(mostFiles, readdirSync(directory, { recursive: true }).length);
      }, 5);
      const { accumulators } = await job.result().finally(() => clearInterval(watch));
      expect(accumulators.complete).toBe(KEYS);
      expect(mostFiles).toBeGreaterThan(2);
      expect(readdirSync(directory)).toEqual([]);
    }),
  );

  it.each([1, 2])("leaves no files behind a failure, or a cancellation, at parallelism %d", (parallelism) =>
    withDirectory(async (path) => {
      const directory = join(path, "state");
      const args = { directory, keys: KEYS, passes: PASSES, failsAt: 2 };
      await expect(runJobModule(module, { parallelism, args })).rejects.toThrow("as it was told");
      expect(readdirSync(directory)).toEqual([]);
      const job = await startJobModule(module, { parallelism, args: { ...args, passes: 1000, failsAt: 0 } });
      while (readdirSync(directory, { recursive: true }).length < 3)
        await new Promise((resolve) => setTimeout(resolve, 5));
      await job.cancel();
      expect(readdirSync(directory)).toEqual([]);
    }),
  );

  it("goes on behind failures from its checkpoints, also where these are of what has changed", () =>
    withDirectory(async (path) => {
      const env = StreamExecutionEnvironment.create({ batchRows: 500 })
        .setStateBackend(stateBackends.disk({ memoryBytes: 2 ** 20, directory: join(path, "state") }))
        .enableCheckpointing(20, { directory: join(path, "checkpoints") })
        .setRestartStrategy(restartStrategies.fixedDelay({ attempts: 3, delayMs: 10 }));
      const note = valueState("note", types.utf8);
      let failures = 0;
      let seen = 0;
      const counts = new Map<string, number>();
      env
        .fromSequence(0, KEYS * PASSES)
        .map(({ value }) => ({ key: `key ${Number(value) % KEYS}` }), { schema: Schema.of({ key: types.utf8 }) })
        .keyBy("key")
        .process(
          {
            processElement({ key }, context) {
              if (++seen % 25_000 === 0 && failures < 3) {
                failures++;
                throw new RangeError("now and then");
              }
              const state = context.state(note);
              const count = Number(state.get()?.split(" ")[1] ?? 0) + 1;
              state.set(`${"x".repeat(300)} ${count}`);
              counts.set(key as string, count);
            },
          },
          { schema: Schema.of({ key: types.utf8 }) },
        )
        .forEach(() => {});
      const job = await env.executeAsync();
      await job.result();
      expect(failures).toBeGreaterThan(1);
      expect(job.restarts).toBe(failures);
      expect(counts.size).toBe(KEYS);
      expect([...counts.values()].filter((count) => count !== PASSES)).toEqual([]);
      expect(readdirSync(join(path, "state"))).toEqual([]);
    }));

  it("takes sensible settings alone", () => {
    expect(() => stateBackends.disk({ memoryBytes: 1000 })).toThrow("memoryBytes");
    expect(() => stateBackends.disk({ directory: "" })).toThrow("directory");
    expect(() => stateBackends.disk({ blockCache: 3 } as never)).toThrow("blockCache");
    expect(() => StreamExecutionEnvironment.create().setStateBackend("disk" as never)).toThrow("stateBackends");
  });
});

it("leaves nothing where the system has temporary files", () =>
  expect(folder.leftovers().filter((name) => name.startsWith("millrace-spill-"))).toEqual([]));
