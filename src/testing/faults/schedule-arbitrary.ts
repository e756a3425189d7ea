import type { Arbitrary } from "fast-check";
import type { Fault, FaultKind } from "../fault-plan.ts";
import type { FaultModel } from "./fault-model.ts";
import type { FaultSchedule, SplitDeal } from "./fault-schedule.ts";
import { CHECKPOINTS } from "./faulted-run.ts";

/** What of fast-check is needed: its default export has it too. */
type FastCheck = Omit<typeof import("fast-check"), "default">;

/** Moments at which it matters whether the machine goes down; those that are reached seldom stand here more often. */
export const CRASH_LABELS: readonly string[] = [
  "source.read",
  "source.read",
  "checkpoint.aligning",
  "checkpoint.aligning",
  "checkpoint.aligning",
  "checkpoint.aligning",
  "checkpoint.aligning",
  "checkpoint.aligning",
  "checkpoint.overtaking",
  "checkpoint.overtaking",
  "checkpoint.snapshot",
  "checkpoint.acknowledged",
  "checkpoint.subtask-finished",
  "checkpoint.subtask-finished",
  "checkpoint.taken",
  "checkpoint.complete",
  "checkpoint.notifying",
  "checkpoint.committed",
  "checkpoint.committed",
  "checkpoint.ending",
  "checkpoint.final",
  "restore.subtask",
  "restore.subtask",
  "restore.subtask",
  "restore.committing",
  "restore.committing",
  "restore.committing",
  "restore.committing",
  "sink.prepare",
  "sink.commit",
  "sink.committed",
  "sink.abort",
];
/** The same where jobs are stopped with savepoints: seldom reached. */
const STOP_LABELS: readonly string[] = Array.from({ length: 24 }, (_, i) =>
  i % 2 === 0 ? "savepoint.storing" : "savepoint.stopping",
);
const DISK_LABELS: readonly string[] = [
  "disk.open-write",
  "disk.write",
  "disk.sync",
  "disk.rename",
  "disk.sync-directory",
  "disk.remove",
  "disk.list",
  "disk.read",
];
const STARVED: readonly string[] = ["timer", "yield", "main", "thread-1", "thread-2"];
const TAPE_LENGTH = 120;

/** Schedules in which what a model allows goes wrong; simplest first, so that a counterexample shrinks to few faults. */
export function anySchedule(fc: FastCheck, model: FaultModel, ownLabels: readonly string[]): Arbitrary<FaultSchedule> {
  const [least, greatest] = model.rescale;
  return fc.record({
    tape: fc.oneof(
      fc.constant([]),
      fc.array(fc.nat(7), { maxLength: TAPE_LENGTH, size: "max" }),
      fc.array(fc.nat(63), { maxLength: TAPE_LENGTH, size: "max" }),
    ),
    starve: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.subarray([...STARVED], { maxLength: 2 }) },
    ),
    faults: fc
      .array(anyFault(fc, model, ownLabels), { maxLength: model.maxFaults, size: "max" })
      .map(withFewCrashes(model)),
    parallelism: fc.array(fc.integer({ min: least, max: greatest }), { minLength: 1, maxLength: 3, size: "max" }),
    threads: model.threads === 1 ? fc.constant(1) : fc.integer({ min: 1, max: model.threads }),
    chunks: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3, size: "max" }),
    delaysMs: fc.array(fc.constantFrom(0, 4, 15, 50), { minLength: 1, maxLength: 3, size: "max" }),
    checkpointMs: fc.constantFrom(20, 8, 50),
    alignedTimeoutMs: fc.constantFrom(undefined, undefined, 0, 5),
    retained: fc.constantFrom(2, 1),
    batchRows: fc.constantFrom(8192, 2),
    bufferTimeoutMs: fc.constantFrom(0, 1, 10),
  });
}

/** How rows lie in splits: in one at first, in several of which some may be empty, in none where there are no rows. */
export const anyDeal = (fc: FastCheck): Arbitrary<SplitDeal> =>
  fc.record({
    count: fc.constantFrom(1, 2, 3, 4, 0),
    deal: fc.array(fc.nat(3), { minLength: 1, maxLength: 4, size: "max" }),
  });

function anyFault(fc: FastCheck, model: FaultModel, ownLabels: readonly string[]): Arbitrary<Fault> {
  const labels = [...CRASH_LABELS, ...(model.stops ? STOP_LABELS : []), ...ownLabels];
  const anywhere = fc.constantFrom(...labels);
  const nth = fc.oneof(fc.constant(0), fc.nat(2), fc.nat(8));
  const at = (kinds: readonly FaultKind[], where: Arbitrary<string> = anywhere, when: Arbitrary<number> = nth) =>
    fc.record<Fault>({ label: where, nth: when, kind: fc.constantFrom(...kinds) });
  const choices: { readonly weight: number; readonly arbitrary: Arbitrary<Fault> }[] = [];
  const add = (isOn: boolean, weight: number, arbitrary: Arbitrary<Fault>) => {
    if (isOn) choices.push({ weight, arbitrary });
  };
  const diskLabel = fc.constantFrom(...DISK_LABELS);
  const diskNth = fc.oneof(fc.nat(5), fc.nat(40));
  const ofCheckpoints = fc.constant(CHECKPOINTS);
  const isCrashing = model.maxCrashes > 0;
  add(isCrashing, 6, at(["crash", "kill"]));
  add(
    isCrashing,
    3,
    fc.record<Fault>(
      { label: diskLabel, nth: diskNth, kind: fc.constantFrom("crash", "kill"), path: ofCheckpoints },
      { requiredKeys: ["label", "nth", "kind"] },
    ),
  );
  add(
    model.disk,
    2,
    fc.record<Fault>({
      label: diskLabel,
      nth: diskNth,
      kind: fc.constantFrom("io-error", "disk-full", "sync-lost", "bit-flip"),
      amount: fc.nat(64),
    }),
  );
  add(model.rot, 1, ofAmount(fc, "attempt.start", ["rot"], fc.nat(0xffff), fc.integer({ min: 1, max: 2 })));
  add(model.sinkUnknownOutcome, 3, ofAmount(fc, "sink.commit", SINK_KINDS, fc.nat(6), fc.nat(3)));
  add(
    model.clockJumps,
    1,
    fc.record<Fault>({ label: anywhere, nth, kind: fc.constant("clock-jump"), amount: anyJump(fc) }),
  );
  add(model.zombies, 2, at(["zombie"]));
  add(model.cancels, 1, at(["cancel"]));
  // While rows still come: a job that ends before is not stopped.
  add(model.stops, 2, at(["stop"], fc.oneof(fc.constant("source.read"), anywhere), fc.nat(4)));
  add(model.threads > 1, 2, ofAmount(fc, "link.send", ["delay", "cut"], fc.nat(50), fc.nat(30)));
  add(model.threads > 1, 1, at(["thread-dies"]));
  return choices.length === 0 ? fc.constant({ label: "none", nth: 0, kind: "crash" }) : fc.oneof(...choices);
}

const SINK_KINDS: readonly FaultKind[] = ["ack-lost", "rejected", "refused", "slow", "late"];

const ofAmount = (
  fc: FastCheck,
  label: string,
  kinds: readonly FaultKind[],
  amount: Arbitrary<number>,
  nth: Arbitrary<number>,
): Arbitrary<Fault> => fc.record<Fault>({ label: fc.constant(label), nth, kind: fc.constantFrom(...kinds), amount });

const anyJump = (fc: FastCheck): Arbitrary<number> => fc.constantFrom(1000, -1000, 3_600_000, -3_600_000, 50, -50);

/** Leaves out crashes beyond those that the model allows. */
const withFewCrashes =
  ({ maxCrashes }: FaultModel) =>
  (faults: readonly Fault[]): Fault[] => {
    let crashes = 0;
    return faults.filter(({ kind }) => (kind !== "crash" && kind !== "kill") || ++crashes <= maxCrashes);
  };
