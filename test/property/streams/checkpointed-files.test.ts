import fc from "fast-check";
import { expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import { type JobSnapshot, restartStrategies, StreamExecutionEnvironment } from "../../../src/index.ts";
import type { Fault } from "../../../src/testing/fault-plan.ts";
import type { SimulationMemories } from "../../../src/testing/faults/engine-shelf.ts";
import { Simulation } from "../../../src/testing/simulation.ts";
import { SimulatedCrashError } from "../../../src/testing/simulation-errors.ts";
import { cases, patienceMs } from "../../support/cases.ts";
import { assertKept } from "../../support/kept-cases.ts";
import { shareSimulatedWork } from "../../support/shared-simulations.ts";
import { expectAllSums, seenSums, sumIntoFiles } from "../../support/summed-files.ts";
import { withMemories } from "../../support/with-memories.ts";

shareSimulatedWork();

const CHECKPOINTS = "/checkpoints/sums";

const scenario = fc.record({
  count: fc.integer({ min: 0, max: 150 }),
  intervalMs: fc.integer({ min: 10, max: 400 }),
  minPauseMs: fc.integer({ min: 0, max: 100 }),
  timeoutMs: fc.integer({ min: 1, max: 300 }),
  /** How long it takes to store a checkpoint. */
  storeMs: fc.integer({ min: 0, max: 60 }),
  /** In how many checkpoints of a directory the job may find its state; undefined: the test keeps the newest. */
  retained: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  rollRows: fc.integer({ min: 1, max: 60 }),
  /** One per attempt in turn. */
  parallelisms: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
  /** When attempts are killed by the test itself. */
  killsMs: fc.array(fc.integer({ min: 1, max: 1500 }), { maxLength: 3, size: "max" }),
  tape: fc.array(fc.nat(63), { maxLength: 200, size: "max" }),
  faults: fc.array(
    fc.oneof(
      fc.record<Fault>({
        label: fc.constantFrom("disk.list", "disk.open-write", "disk.sync-directory", "disk.remove", "disk.read"),
        nth: fc.nat(20),
        kind: fc.constantFrom("crash", "kill"),
        path: fc.constant(CHECKPOINTS),
      }),
      fc.record<Fault>({
        label: fc.constantFrom(
          "checkpoint.taken",
          "checkpoint.stored",
          "checkpoint.complete",
          "checkpoint.committed",
          "checkpoint.final",
          "disk.write",
          "disk.sync",
          "disk.rename",
        ),
        nth: fc.nat(12),
        kind: fc.constantFrom("crash", "kill"),
      }),
    ),
    { maxLength: 3, size: "max" },
  ),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

/** A running sum per key, into files: state, a timer of the sink and the position of the source must agree. */
function environment(host: Host, given: Scenario, attempt: number, store: (snapshot: JobSnapshot) => void) {
  const { intervalMs, minPauseMs, timeoutMs, storeMs, retained, rollRows, parallelisms, count } = given;
  const settings = { minPauseMs, timeoutMs, tolerableFailures: 1000 };
  const env = StreamExecutionEnvironment.create({
    host,
    parallelism: parallelisms[attempt % parallelisms.length],
    maxParallelism: 16,
    batchRows: 7,
    bufferTimeoutMs: 1,
  });
  if (retained !== undefined) env.enableCheckpointing(intervalMs, { ...settings, directory: CHECKPOINTS, retained });
  else {
    env.enableCheckpointing(intervalMs, {
      ...settings,
      storeCheckpoint: async (snapshot, { signal }) => {
        // The last one has to come in time, or the job fails.
        const takesMs = snapshot.isFinal === true ? Math.min(storeMs, timeoutMs - 1) : storeMs;
        await new Promise<void>((resolve) => void host.scheduler.after(takesMs, resolve));
        host.crashPoint?.("checkpoint.stored");
        // One that has taken too long must not take the place of a newer one.
        if (!signal.aborted) store(snapshot);
      },
    });
  }
  // Whatever fails but the machine would be hidden.
  env.setRestartStrategy(restartStrategies.none());
  sumIntoFiles(env, { count, rollRows });
  return env;
}

const hasCheckpoints = ({ files }: Host): boolean =>
  files.stat(CHECKPOINTS) !== undefined && files.list(CHECKPOINTS).some((name) => name.startsWith("chk-"));

let restores = 0;

async function runWithRestarts(memories: SimulationMemories, given: Scenario): Promise<void> {
  const { tape, faults } = given;
  const simulation = new Simulation({ tape, faults, parallelism: 4, threadEntry: memories.threadEntry });
  let complete: JobSnapshot | undefined;
  for (let i = 0; ; i++) {
    expect(i).toBeLessThan(20);
    const killMs = given.killsMs[i];
    try {
      const isOver = await simulation.run(async (host) => {
        memories.provideFor(host);
        // Faults strike whoever looks at checkpoints, this test too.
        if (complete !== undefined || hasCheckpoints(host)) restores++;
        const env = environment(host, given, i, (snapshot) => {
          complete = snapshot;
        });
        const job = await env.executeAsync(complete === undefined ? {} : { restore: complete });
        if (killMs === undefined) {
          await job.result();
          return true;
        }
        const ended = job.result().then(() => true);
        const killed = new Promise<false>((resolve) => void host.scheduler.after(killMs, () => resolve(false)));
        return Promise.race([ended, killed]);
      });
      if (isOver) break;
      // The machine goes down in the middle of whatever it does.
      simulation.crash();
    } catch (thrown) {
      if (!(thrown instanceof SimulatedCrashError)) throw thrown;
    }
    const seen = seenSums(simulation.host.files).map(({ n }) => n);
    expect(new Set(seen).size).toBe(seen.length);
  }
  // What is visible lasts, and is what an undisturbed run writes.
  simulation.crash();
  expectAllSums(seenSums(simulation.host.files), given.count);
}

const RUNS = cases(60);

it(
  "files of a stream with checkpoints are those of an undisturbed run, wherever it is killed and restored",
  async () => {
    const law = (given: Scenario) => withMemories((memories) => runWithRestarts(memories, given));
    await assertKept("checkpointed-files", scenario, law, { numRuns: RUNS });
    expect(restores).toBeGreaterThan(RUNS / 10);
  },
  patienceMs(120_000),
);
