import fc from "fast-check";
import { expect, it } from "vitest";
import { Schema, types, valueState } from "../../../src/index.ts";
import type { FaultJob } from "../../../src/testing/faults/fault-check.ts";
import { faults } from "../../../src/testing/faults/faults.ts";

const orders = Schema.of({ id: types.int64, customer: types.utf8 });
const order = fc.record({ id: fc.bigInt(0n, 99n), customer: fc.constantFrom("a", "b", "c", null) });
const inputs = { orders: { schema: orders, rows: fc.array(order, { maxLength: 14, size: "max" }) } };
const count = valueState("count", types.int64);

/** A count per key, behind an exchange. */
const counting: FaultJob<typeof inputs> = (environment, { orders }, outputs) => {
  const counts = environment
    .fromSource(orders)
    .uid("orders")
    .keyBy("customer")
    .process(
      {
        processElement({ customer }, { state }, out) {
          const next = (state(count).get() ?? 0n) + 1n;
          state(count).set(next);
          out.collect({ customer, count: next });
        },
      },
      { schema: Schema.of({ customer: types.utf8, count: types.int64 }) },
    )
    .uid("counts");
  counts.addSink(outputs.sink("counts"), { uid: "sink" });
};

/** Of notes on reliability: where a crash is known to have hurt other engines. */
const POINTS: Readonly<Record<string, string>> = {
  "source.read": "between reading rows and storing where the source stands",
  "checkpoint.aligning": "between the barriers of one operator",
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

const RUNS = process.env.MILLRACE_DEEP === "1" ? 100_000 : 1500;

it("crashes at every named moment lose and repeat nothing, and each is reached in 1 of 100 runs", async () => {
  const report = await faults.check(counting, {
    inputs,
    faults: [faults.crashes(3), faults.rescale(1, 4)],
    runs: RUNS,
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
