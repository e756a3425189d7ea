import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { StateBackend } from "../../../src/datastream/state-backends.ts";
import { loadEngine } from "../../../src/testing/engine-thread.ts";
import type { FaultJob } from "../../../src/testing/faults/fault-check.ts";
import { faultKinds } from "../../../src/testing/faults/fault-model.ts";
import { faults } from "../../../src/testing/faults/faults.ts";
import { withSharedWork } from "../../../src/testing/faults/shared-work.ts";
import { counting, countingInputs as inputs } from "../../support/counting-job.ts";
import { anyFaultedProgram, checkProgram } from "../../support/faulted-programs.ts";
import { FAULTED_RUNS } from "../../support/faulted-runs.ts";
import { checkKept } from "../../support/kept-cases.ts";

beforeAll(loadEngine);

/** Next to nothing of it stays in memory. */
const onDisk = StateBackend.of({ kind: "disk", memoryBytes: 1, directory: "/tmp/state" });

it("state on disk loses and repeats nothing where the disk fails or the process crashes", async () => {
  const inMemory = counting("sink");
  let leftovers: string[] = [];
  const job: FaultJob<typeof inputs> = (environment, streams, outputs) => {
    // What an attempt of a process that is alive has left would be there when the next one begins.
    const { files } = environment.context.host;
    leftovers = files.stat("/tmp/state") === undefined ? [] : files.list("/tmp/state");
    environment.setStateBackend(onDisk);
    return inMemory(environment, streams, outputs);
  };
  const report = await checkKept("state-on-disk", job, {
    inputs,
    faults: [faults.disk(6), faults.crashes(1), faults.rescale(1, 3)],
    runs: FAULTED_RUNS.failingDisks,
    seed: 20_261_125,
  });
  expect(report.struck["disk.read"]).toBeGreaterThan(0);
  expect(report.struck["disk.write"]).toBeGreaterThan(report.runs / 50);
  expect(report.restartedRuns).toBeGreaterThan(report.runs / 5);
  // Those of one crash at most.
  expect(leftovers.length).toBeLessThan(3);
}, 3_600_000);

it("random programs with state on disk give what they give undisturbed with state in memory", async () => {
  let restarts = 0;
  await withSharedWork(() =>
    fc.assert(
      fc.asyncProperty(anyFaultedProgram(faultKinds.all()), ([program, schedule]) =>
        checkProgram(
          program,
          schedule,
          ({ attempts }) => {
            restarts += attempts.length - 1;
          },
          onDisk,
        ),
      ),
      { numRuns: FAULTED_RUNS.randomPrograms },
    ),
  );
  expect(restarts).toBeGreaterThan(FAULTED_RUNS.randomPrograms / 20);
}, 3_600_000);
