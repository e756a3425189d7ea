import { expect, it } from "vitest";
import { faults } from "../../../src/testing/faults/faults.ts";
import { counting, countingInputs as inputs } from "../../support/counting-job.ts";
import { FAULTED_RUNS } from "../../support/faulted-runs.ts";
import { checkKept } from "../../support/kept-cases.ts";

it("checkpoints and commits that fail, or whose outcome is unknown, lose and repeat nothing", async () => {
  const report = await checkKept("failing-disks", counting("sink"), {
    inputs,
    faults: [faults.disk(4), faults.sinkUnknownOutcome(), faults.crashes(1), faults.rescale(1, 4)],
    runs: FAULTED_RUNS.failingDisks,
    seed: 20_261_123,
  });
  expect(report.struck["disk.write"]).toBeGreaterThan(report.runs / 50);
  expect(report.struck["sink.commit"]).toBeGreaterThan(report.runs / 50);
}, 3_600_000);

it("files that are prepared are there for whoever goes on, wherever the power goes", async () => {
  const report = await checkKept("crashed-files", counting("files"), {
    inputs,
    faults: [faults.crashes(3), faults.rescale(1, 4)],
    runs: FAULTED_RUNS.failingDisks,
    seed: 20_261_123,
  });
  expect(report.struck["checkpoint.complete"]).toBeGreaterThan(report.runs / 200);
}, 3_600_000);
