import fc from "fast-check";
import { expect, it } from "vitest";
import type { Host, HostFiles } from "../../../src/core/host.ts";
import {
  type FailoverStrategy,
  restartStrategies,
  StreamExecutionEnvironment,
  type StreamJob,
} from "../../../src/index.ts";
import { DecisionTape } from "../../../src/testing/decision-tape.ts";
import type { Fault } from "../../../src/testing/fault-plan.ts";
import type { SimulationMemories } from "../../../src/testing/faults/engine-shelf.ts";
import { SimulatedFiles } from "../../../src/testing/simulated-files.ts";
import { Simulation } from "../../../src/testing/simulation.ts";
import { SimulatedCrashError } from "../../../src/testing/simulation-errors.ts";
import { cases, patienceMs } from "../../support/cases.ts";
import { shareSimulatedWork } from "../../support/shared-simulations.ts";
import { expectAllSums, hiddenNames, seenSums, sumIntoFiles } from "../../support/summed-files.ts";
import { withMemories } from "../../support/with-memories.ts";

shareSimulatedWork();

const CHECKPOINTS = "/checkpoints/sums";
const ENDLESS = Number.POSITIVE_INFINITY;

/** Strategies as a function of how often they may start a job again. */
const strategy = fc.oneof(
  fc.record({ delayMs: fc.nat(500) }).map(
    ({ delayMs }) =>
      (attempts: number) =>
        restartStrategies.fixedDelay({ attempts, delayMs }),
  ),
  fc
    .record({
      initialDelayMs: fc.integer({ min: 1, max: 300 }),
      multiplier: fc.constantFrom(1, 1.5, 3),
      jitter: fc.constantFrom(0, 0.3, 1),
      resetAfterMs: fc.constant(1e6),
    })
    .map(
      (options) => (attempts: number) => restartStrategies.exponentialDelay({ ...options, maxDelayMs: 1000, attempts }),
    ),
);

const DISK = ["disk.open-write", "disk.write", "disk.sync", "disk.rename", "disk.sync-directory", "disk.list"] as const;
const MOMENTS = ["checkpoint.taken", "checkpoint.complete", "checkpoint.committed", "checkpoint.final"] as const;

/** What breaks an attempt, and the process where a directory brings it back. */
const fault = fc.oneof(
  // Before what a complete checkpoint holds is committed: the next attempt must find it.
  fc.record<Fault>({ label: fc.constant("checkpoint.complete"), nth: fc.nat(8), kind: fc.constant("io-error") }),
  fc.record<Fault>({ label: fc.constantFrom(...DISK, ...MOMENTS), nth: fc.nat(40), kind: fc.constant("io-error") }),
  fc.record<Fault>({
    label: fc.constantFrom(...DISK),
    nth: fc.nat(20),
    kind: fc.constantFrom("io-error", "sync-lost", "disk-full"),
    path: fc.constant(CHECKPOINTS),
  }),
  fc.record<Fault>({
    label: fc.constant("link.send"),
    nth: fc.nat(60),
    kind: fc.constant("thread-dies"),
    path: fc.constant("thread-"),
  }),
  fc.record<Fault>({
    label: fc.constant("link.send"),
    nth: fc.nat(200),
    kind: fc.constant("delay"),
    amount: fc.integer({ min: 1, max: 3000 }),
  }),
  fc.record<Fault>({
    label: fc.constantFrom(...DISK, ...MOMENTS),
    nth: fc.nat(40),
    kind: fc.constantFrom("crash", "kill"),
  }),
);

const scenario = fc.record({
  count: fc.integer({ min: 1, max: 120 }),
  intervalMs: fc.integer({ min: 10, max: 400 }),
  hasDirectory: fc.boolean(),
  parallelism: fc.integer({ min: 1, max: 3 }),
  rollRows: fc.integer({ min: 1, max: 60 }),
  /** Sums that have nothing to do with each other, and whether each is started again by itself. */
  regions: fc.constantFrom(1, 1, 2, 3),
  failover: fc.constantFrom<FailoverStrategy>("region", "full"),
  strategy,
  /** Rows that fail, each so often as it stands there. */
  bad: fc.array(fc.nat(120), { maxLength: 5, size: "max" }),
  /** When worker threads end, whatever they do. */
  deathsMs: fc.array(fc.nat(1500), { maxLength: 3, size: "max" }),
  faults: fc.array(fault, { maxLength: 6, size: "max" }),
  tape: fc.array(fc.nat(63), { maxLength: 200, size: "max" }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

function environment(
  host: Host,
  { parallelism, intervalMs, hasDirectory, failover }: Scenario,
): StreamExecutionEnvironment {
  return StreamExecutionEnvironment.create({
    host,
    parallelism,
    maxParallelism: 16,
    batchRows: 7,
    bufferTimeoutMs: 1,
  })
    .setFailoverStrategy(failover)
    .enableCheckpointing(intervalMs, {
      timeoutMs: 20_000,
      tolerableFailures: 1,
      ...(hasDirectory ? { directory: CHECKPOINTS } : {}),
    });
}

/** The disk as somebody else sees it, to whom nothing happens. */
function outsideFiles({ disk, host }: Simulation): HostFiles {
  return new SimulatedFiles(disk, DecisionTape.of([]), host.processes, () => undefined);
}

/** Looks at the output again and again: no row twice, and what was there stays. */
function watchOutput(simulation: Simulation, host: Host, problems: string[], region: number): () => void {
  const files = outsideFiles(simulation);
  let before: readonly number[] = [];
  let cancel: () => void = () => undefined;
  const look = (): void => {
    const seen = seenSums(files, region).map(({ n }) => n);
    if (new Set(seen).size < seen.length) problems.push(`rows twice in ${seen}`);
    if (!before.every((n) => seen.includes(n))) problems.push(`${before} before ${seen}`);
    before = seen;
    cancel = host.scheduler.after(40, look);
  };
  look();
  return () => cancel();
}

const isDeath = ({ kind }: Fault): boolean => kind === "crash" || kind === "kill";

function killNewest(simulation: Simulation): void {
  const newest = simulation.threads().at(-1);
  if (newest !== undefined) simulation.killThread(newest);
}

const found = { restarts: 0, ofRegions: 0, fromCheckpoint: 0, deaths: 0, crashes: 0 };

async function runToItsEnd(memories: SimulationMemories, given: Scenario): Promise<void> {
  const { count, bad, hasDirectory } = given;
  const regions = Array.from({ length: given.regions }, (_, region) => region);
  // Without a directory nothing brings a process back.
  const faults = given.faults.filter((each) => hasDirectory || !isDeath(each));
  const { tape } = given;
  const simulation = new Simulation({ tape, faults, parallelism: 4, threadEntry: memories.threadEntry });
  const left = [...bad];
  const onRow = (n: number): void => {
    const at = left.indexOf(n);
    if (at < 0) return;
    left.splice(at, 1);
    throw new Error(`row ${n} is bad`);
  };
  const problems: string[] = [];
  for (let process = 0; ; process++) {
    expect(process).toBeLessThan(10);
    try {
      await simulation.run(async (host) => {
        memories.provideFor(host);
        const watches = regions.map((region) => watchOutput(simulation, host, problems, region));
        for (const atMs of given.deathsMs) host.scheduler.after(atMs, () => killNewest(simulation));
        const env = environment(host, given).setRestartStrategy(given.strategy(ENDLESS));
        for (const region of regions) sumIntoFiles(env, given, onRow, region);
        const job = await env.executeAsync();
        await job.result();
        for (const stopWatching of watches) stopWatching();
        tally(job);
        // What a process leaves that dies before its first checkpoint is of no later one's family.
        if (simulation.struck.some(isDeath)) return;
        for (const region of regions) expect(hiddenNames(outsideFiles(simulation), region)).toEqual([]);
      });
      break;
    } catch (thrown) {
      if (!(thrown instanceof SimulatedCrashError)) throw thrown;
      found.crashes++;
    }
  }
  expect(problems).toEqual([]);
  // Whoever fails gives back all memory, too.
  expect(simulation.hits.get("job.leaked")).toBeUndefined();
  expect(simulation.threads()).toEqual([]);
  // What is visible lasts, and is what an undisturbed run writes.
  simulation.crash();
  for (const region of regions) expectAllSums(seenSums(outsideFiles(simulation), region), count);
}

function tally(job: StreamJob): void {
  found.restarts += job.restarts;
  for (const { error, restoredCheckpointId, region } of job.failures) {
    if (region !== undefined) found.ofRegions++;
    if (restoredCheckpointId !== null && restoredCheckpointId !== undefined) found.fromCheckpoint++;
    if (error.code === "THREAD_DIED" || error.code === "SIMULATED_CRASH") found.deaths++;
  }
}

const RUNS = cases(50);

it(
  "files are those of an undisturbed run, whatever fails and is restarted, and however often",
  async () => {
    await fc.assert(
      fc.asyncProperty(scenario, (given) => withMemories((memories) => runToItsEnd(memories, given))),
      { numRuns: RUNS },
    );
    expect(found.restarts).toBeGreaterThan(RUNS);
    expect(found.ofRegions).toBeGreaterThan(RUNS / 5);
    expect(found.fromCheckpoint).toBeGreaterThan(RUNS / 4);
    expect(found.deaths).toBeGreaterThan(RUNS / 20);
    expect(found.crashes).toBeGreaterThan(RUNS / 20);
  },
  patienceMs(120_000),
);

/** Where a process dies, or a checkpoint fails, between what one region has done and what the others have. */
const momentOfRegions = fc.oneof(
  fc.record<Fault>({
    label: fc.constantFrom(...MOMENTS),
    nth: fc.nat(12),
    kind: fc.constantFrom("crash", "kill", "io-error"),
  }),
  fc.record<Fault>({
    label: fc.constantFrom("disk.write", "disk.rename", "disk.sync-directory"),
    nth: fc.nat(60),
    kind: fc.constantFrom("crash", "kill", "io-error"),
    path: fc.constant(CHECKPOINTS),
  }),
);

const apart = fc
  .record({
    given: scenario,
    regions: fc.constantFrom(2, 3),
    moments: fc.array(momentOfRegions, { minLength: 1, maxLength: 4, size: "max" }),
    intervalMs: fc.integer({ min: 10, max: 120 }),
  })
  .map(({ given, regions, moments, intervalMs }): Scenario => {
    const faults = [...moments, ...given.faults.slice(0, 2)];
    return { ...given, regions, failover: "region", hasDirectory: true, intervalMs, faults };
  });

it(
  "regions that go on by themselves go on together in another process, whenever the one before has died",
  async () => {
    await fc.assert(
      fc.asyncProperty(apart, (given) => withMemories((memories) => runToItsEnd(memories, given))),
      { numRuns: cases(40) },
    );
  },
  patienceMs(120_000),
);

it(
  "a job whose input is bad ends with its error, behind so many attempts without progress as were promised",
  async () => {
    const attempts = fc.integer({ min: 1, max: 6 });
    const law = fc.asyncProperty(scenario, attempts, fc.nat(119), async (given, promised, poison) => {
      const simulation = new Simulation({ tape: given.tape, parallelism: 4 });
      await simulation.run(async (host) => {
        const env = environment(host, given).setRestartStrategy(given.strategy(promised));
        sumIntoFiles(env, { ...given, count: 120 }, (n) => {
          if (n === poison) throw new Error(`row ${n} is bad`);
        });
        const job = await env.executeAsync();
        await expect(job.result()).rejects.toMatchObject({ code: "USER_FUNCTION_FAILED" });
        expect(job.status).toBe("FAILED");
        expect(job.restarts).toBeGreaterThanOrEqual(promised);
        // The last ones began at the same checkpoint, and made no other.
        const from = job.failures.slice(0, -1).map(({ restoredCheckpointId }) => restoredCheckpointId);
        expect(new Set(from.slice(-promised)).size).toBe(1);
        expect(from.length).toBe(Math.min(15, job.restarts));
        if (from.length > promised && job.restarts < 15) {
          const before = job.restarts === promised ? undefined : from.at(-promised - 1);
          expect(before).not.toBe(from.at(-1));
        }
        const seen = seenSums(outsideFiles(simulation)).map(({ n }) => n);
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen).not.toContain(poison);
      });
    });
    await fc.assert(law, { numRuns: cases(15) });
  },
  patienceMs(120_000),
);

it(
  "a job that gets on is started again however often it fails",
  async () => {
    const law = fc.asyncProperty(scenario, fc.integer({ min: 1, max: 2 }), async (given, promised) => {
      const simulation = new Simulation({ tape: given.tape, parallelism: 4 });
      await simulation.run(async (host) => {
        // Between two bad rows there is time for some checkpoints.
        const often = { ...given, intervalMs: 10 + (given.intervalMs % 60) };
        const env = environment(host, often).setRestartStrategy(given.strategy(promised));
        const bad = new Set([30, 60, 90, 119]);
        sumIntoFiles(env, { ...given, count: 120 }, (n) => {
          if (bad.delete(n)) throw new Error(`row ${n} is bad`);
        });
        const job = await env.executeAsync();
        await job.result();
        expect(job.restarts).toBe(4);
      });
      expectAllSums(seenSums(outsideFiles(simulation)), 120);
    });
    await fc.assert(law, { numRuns: cases(8) });
  },
  patienceMs(60_000),
);
