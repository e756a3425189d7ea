import { expect, it } from "vitest";
import { faults } from "../../../src/testing/faults/faults.ts";
import { counting, fewOrders } from "../../support/counting-job.ts";
import { FAULTED_RUNS, LEAST_FAULTED_RUNS } from "../../support/faulted-runs.ts";
import { checkKept } from "../../support/kept-cases.ts";

const RUNS = FAULTED_RUNS.whateverFails;

it("nothing is lost or repeated, whatever fails, in many short runs", async () => {
  const report = await checkKept("whatever-fails", counting("sink"), {
    inputs: fewOrders,
    faults: faults.all({ rescale: [1, 2] }),
    runs: RUNS,
    seed: 20_261_124,
  });
  expect(report.runs).toBe(RUNS);
  expect(report.restartedRuns).toBeGreaterThan(RUNS / 5);
}, 21_600_000);

it("all laws of faults together have as many runs as is promised", () => {
  const { failingDisks } = FAULTED_RUNS;
  const total = Object.values(FAULTED_RUNS).reduce((sum, runs) => sum + runs, failingDisks);
  expect(total).toBeGreaterThanOrEqual(LEAST_FAULTED_RUNS);
});
