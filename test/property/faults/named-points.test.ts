import { expect, it } from "vitest";
import { faults } from "../../../src/testing/faults/faults.ts";
import { counting, countingInputs as inputs } from "../../support/counting-job.ts";
import { FAULTED_RUNS } from "../../support/faulted-runs.ts";
import { checkKept } from "../../support/kept-cases.ts";

/** Of notes on reliability: where a crash is known to have hurt other engines. */
const POINTS: Readonly<Record<string, string>> = {
  "source.read": "between reading rows and storing where the source stands",
  "checkpoint.aligning": "between the barriers of one operator",
  "checkpoint.overtaking": "before a barrier passes that has overtaken rows",
  "checkpoint.snapshot": "while state is taken",
  "checkpoint.acknowledged": "when a subtask has answered, and others have not",
  "checkpoint.taken": "between the last answer and the first byte that is stored",
  "disk.write": "while it is stored",
  "disk.sync": "between write and sync",
  "disk.rename": "between sync and rename",
  "disk.sync-directory": "between rename and the sync of the directory",
  "checkpoint.complete": "between storing and the first notice",
  "checkpoint.notifying": "between the notices of two subtasks",
  "sink.commit": "before a commit",
  "sink.committed": "between a commit and its answer",
  "checkpoint.committed": "behind all commits",
  "restore.committing": "during a restore, before what it commits",
  "restore.subtask": "during a restore, between subtasks",
  "checkpoint.ending": "between the end of the input and the last checkpoint",
  "checkpoint.final": "between the last checkpoint and its commits",
  "checkpoint.subtask-finished": "in a checkpoint that finds a subtask finished",
};

it("crashes at every named moment lose and repeat nothing, and each is reached in 1 of 100 runs", async () => {
  const report = await checkKept("named-points", counting("sink"), {
    inputs,
    faults: [faults.crashes(3), faults.rescale(1, 4)],
    runs: FAULTED_RUNS.namedPoints,
    seed: 20_261_123,
  });
  const rare = (counts: Readonly<Record<string, number>>, least: number) =>
    Object.keys(POINTS).flatMap((label) => {
      const share = (counts[label] ?? 0) / report.runs;
      return share < least ? [`${label}: ${POINTS[label]}, ${share}`] : [];
    });
  expect(rare(report.reached, 0.01)).toEqual([]);
  // Crashes right there; some moments come in few runs only.
  expect(rare(report.struck, 0.004)).toEqual([]);
}, 3_600_000);
