import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import type { Host, WorkerHandle } from "../../../src/core/host.ts";
import { nodeHost } from "../../../src/host/node-host.ts";
import { col, restartStrategies, StreamExecutionEnvironment, type StreamJob } from "../../../src/index.ts";
import { withDirectory } from "../../support/host.ts";
import { testDirectory } from "../../support/temporary-directory.ts";

const ROWS = 6000;
const folder = testDirectory();
afterAll(() => StreamExecutionEnvironment.shutdown());

/** The real host, whose threads a test can end. */
function watchedHost(): { host: Host; handles: WorkerHandle[] } {
  const host = nodeHost();
  const { threads } = host;
  const handles: WorkerHandle[] = [];
  const watched = {
    spawn: (init: unknown, transfer?: readonly unknown[]) => {
      const handle = threads.spawn(init, transfer);
      handles.push(handle);
      return handle;
    },
    createLink: () => threads.createLink(),
    open: (transferable: unknown) => threads.open(transferable),
  };
  return { host: { ...host, threads: watched }, handles };
}

const until = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; !holds(); i++) {
    expect(i).toBeLessThan(6000);
    await sleep(5);
  }
};

const isOnWithCheckpoint = (job: StreamJob, attempts: number) => () =>
  job.status === "RUNNING" && job.restarts === attempts && job.latestCheckpoint !== undefined;

describe("worker threads of a stream", () => {
  it("that end are replaced, and the output is that of an undisturbed run", () =>
    withDirectory(async (directory) => {
      const { host, handles } = watchedHost();
      const env = StreamExecutionEnvironment.create({ host, parallelism: 2, memoryBytes: 64 << 20 })
        .enableCheckpointing(20, { directory: join(directory, "checkpoints"), tolerableFailures: 100 })
        .setRestartStrategy(restartStrategies.fixedDelay({ attempts: 3, delayMs: 20 }));
      const out = join(directory, "out");
      env
        .fromGenerator({ n: col("n") }, { count: ROWS, rowsPerSecond: 4000, splitCount: 2 })
        .rebalance()
        .filter(col("n").gt(-1n))
        .writeToFiles(out, { format: "text", roll: { rows: 500 } });
      const job = await env.executeAsync();
      for (const victim of [0, 3, 4]) {
        await until(isOnWithCheckpoint(job, Math.floor(victim / 2)));
        await sleep(100);
        await handles[victim].terminate();
      }
      await job.result();
      expect(job.failures.map(({ error }) => error.code)).toEqual(["THREAD_DIED", "THREAD_DIED", "THREAD_DIED"]);
      expect(handles).toHaveLength(8);
      // They have ended, every one of them.
      await Promise.allSettled(handles.map(({ ended }) => ended));
      const names = readdirSync(out);
      expect(names.filter((name) => name.startsWith("."))).toEqual([]);
      const lines = names.flatMap((name) => readFileSync(join(out, name), "utf8").trimEnd().split("\n"));
      expect(lines.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: ROWS }, (_, n) => n));
      expect(folder.leftovers().filter((name) => name.includes("spill"))).toEqual([]);
    }));
});
