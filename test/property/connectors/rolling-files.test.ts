import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { GeneratorSource } from "../../../src/connectors/generator/generator-source.ts";
import { type RollingFileSinkSpec, rollingSink } from "../../../src/connectors/rolling/rolling-file-sink.ts";
import { textFormat } from "../../../src/connectors/text/text-sink.ts";
import type { Host } from "../../../src/core/host.ts";
import type { JobSnapshot } from "../../../src/core/job-snapshot.ts";
import { loadEngine } from "../../../src/testing/engine-thread.ts";
import type { Fault } from "../../../src/testing/fault-plan.ts";
import { Simulation } from "../../../src/testing/simulation.ts";
import { SimulatedCrashError } from "../../../src/testing/simulation-errors.ts";
import { runStream } from "../../support/stream-job.ts";
import { visibleNumbers } from "../../support/visible-lines.ts";

beforeAll(loadEngine);

const LABELS = [
  "checkpoint.taken",
  "checkpoint.stored",
  "checkpoint.complete",
  "checkpoint.committed",
  "checkpoint.final",
  "disk.open-write",
  "disk.write",
  "disk.sync",
  "disk.rename",
  "disk.make-directory",
  "disk.sync-directory",
  "disk.remove",
  "disk.stat",
  "disk.list",
];

const faults = fc.array(
  fc.record<Fault>({
    label: fc.constantFrom(...LABELS),
    nth: fc.nat(12),
    kind: fc.constantFrom("crash", "kill", "crash", "io-error"),
  }),
  { maxLength: 5, size: "max" },
);

const scenario = fc.record({
  count: fc.integer({ min: 0, max: 120 }),
  rollRows: fc.integer({ min: 1, max: 60 }),
  checkpointEveryMs: fc.integer({ min: 20, max: 400 }),
  /** Of source and sink, one per attempt in turn. */
  parallelisms: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
  isChained: fc.boolean(),
  tape: fc.array(fc.nat(63), { maxLength: 200, size: "max" }),
  faults,
});

const isFault = (thrown: unknown): boolean =>
  thrown instanceof SimulatedCrashError ||
  ["FILE_IO", "SINK_ABORT_FAILED"].includes((thrown as { code?: string }).code ?? "");

/** All visible numbers; a fault that strikes while the test itself looks means another look. */
function look(simulation: Simulation): number[] {
  for (;;) {
    try {
      return visibleNumbers(simulation.host.files, "/data/out");
    } catch (thrown) {
      if (!isFault(thrown)) throw thrown;
    }
  }
}

const struck = new Map<string, number>();

async function runWithRestarts(given: typeof scenario extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  const { count, rollRows, checkpointEveryMs, parallelisms, isChained } = given;
  const simulation = new Simulation({ tape: given.tape, faults: given.faults });
  let complete: JobSnapshot | undefined;
  const attempt = (host: Host, parallelism: number) => {
    const source = new GeneratorSource({
      kind: "generator",
      count,
      rowsPerSecond: 100,
      splitCount: 2,
      expressions: [{ name: "n", expression: { kind: "column", name: "n" } }],
    });
    const spec: RollingFileSinkSpec = { kind: "rolling-text", path: "/data/out", roll: { rows: rollRows } };
    const sink = rollingSink(textFormat)(spec, host);
    return runStream(
      host,
      {
        source,
        sink,
        sourceParallelism: parallelism,
        hasCheckpoints: true,
        ...(isChained ? {} : { sinkParallelism: 2 }),
      },
      {
        batchRows: 7,
        checkpointEveryMs,
        ...(complete === undefined ? {} : { restore: complete }),
        storeCheckpoint: async (snapshot) => {
          await new Promise<void>((resolve) => void host.scheduler.after(5, resolve));
          host.crashPoint?.("checkpoint.stored");
          complete = snapshot;
        },
      },
    );
  };
  for (let i = 0; ; i++) {
    expect(i).toBeLessThan(20);
    const parallelism = parallelisms[i % parallelisms.length];
    try {
      await simulation.run((host) => attempt(host, parallelism));
      break;
    } catch (thrown) {
      if (!isFault(thrown)) throw thrown;
    }
    // At no time is a row seen twice.
    const seen = look(simulation);
    expect(new Set(seen).size).toBe(seen.length);
  }
  for (const { label } of simulation.struck) struck.set(label, (struck.get(label) ?? 0) + 1);
  const { files } = simulation.host;
  if (given.faults.length === 0 && files.stat("/data/out") !== undefined) {
    expect(files.list("/data/out").filter((name) => name.startsWith("."))).toEqual([]);
  }
  // What is visible lasts.
  simulation.crash();
  expect(look(simulation)).toEqual(Array.from({ length: count }, (_, n) => n));
}

const RUNS = process.env.MILLRACE_DEEP === "1" ? 3000 : 100;

it("rolling files hold each row exactly once, wherever the job crashes and whatever it is restored at", async () => {
  await fc.assert(fc.asyncProperty(scenario, runWithRestarts), { numRuns: RUNS });
  // The faults do strike where it matters.
  for (const label of ["checkpoint.stored", "checkpoint.complete", "disk.rename", "disk.sync"]) {
    expect(struck.get(label) ?? 0, label).toBeGreaterThan(0);
  }
}, 120_000);
