import { expect, it } from "vitest";
import { faults } from "../../../src/testing/faults/faults.ts";
import { counting, countingInputs as inputs } from "../../support/counting-job.ts";
import { FAULTED_RUNS } from "../../support/faulted-runs.ts";
import { checkKept } from "../../support/kept-cases.ts";

/** Where a crash tears stopping and going on apart. */
const POINTS: Readonly<Record<string, string>> = {
  "savepoint.storing": "between the checkpoint and the savepoint, which are the same",
  "savepoint.stopping": "between the complete savepoint and the end of the job",
};

it("jobs that are stopped with savepoints, also in the middle of a crash, lose and repeat nothing", async () => {
  const report = await checkKept("stopped-jobs", counting("sink"), {
    inputs,
    faults: [faults.stops(4), faults.crashes(2), faults.rescale(1, 4)],
    runs: FAULTED_RUNS.stoppedJobs,
    seed: 20_261_125,
  });
  for (const [label, where] of Object.entries(POINTS)) {
    expect((report.reached[label] ?? 0) / report.runs, where).toBeGreaterThanOrEqual(0.01);
    expect(report.struck[label], where).toBeGreaterThan(0);
  }
}, 3_600_000);
