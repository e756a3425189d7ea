import { type FaultCase, type FaultSchedule, type InputRows, PLAIN_SCHEDULE } from "./fault-schedule.ts";
import type { Failure } from "./judgement.ts";

/** Attempts to make one case smaller. */
const MOST_TRIES = 400;
/** Longer ones could be longer than a split may be idle. */
const LONGEST_DELAY_MS = 32;

/**
 * A failing case that is smaller than fast-check gets it: what of the schedule does not matter becomes plain, and rows
 * are left out in ever smaller runs. `isPossible`: whether an input may have these rows.
 */
export async function smallerCase(
  failure: Failure,
  isPossible: (input: string, rows: readonly object[]) => boolean,
  judge: (given: FaultCase) => Promise<Failure | undefined>,
): Promise<Failure> {
  let smallest = failure;
  let tries = 0;
  const take = async (given: FaultCase): Promise<boolean> => {
    if (tries++ >= MOST_TRIES) return false;
    const found = await judge(given);
    if (found === undefined || found.isOwnError !== failure.isOwnError) return false;
    smallest = found;
    return true;
  };
  for (const name of Object.keys(PLAIN_SCHEDULE) as (keyof FaultSchedule)[]) {
    if (name === "faults") continue;
    const { schedule } = smallest.given;
    await take({ ...smallest.given, schedule: { ...schedule, [name]: PLAIN_SCHEDULE[name] } });
  }
  const fewerFaults = async () => {
    for (let i = smallest.given.schedule.faults.length - 1; i >= 0; i--) {
      const { schedule } = smallest.given;
      await take({ ...smallest.given, schedule: { ...schedule, faults: schedule.faults.filter((_, at) => at !== i) } });
    }
  };
  const soonerFaults = async () => {
    for (let i = 0; i < smallest.given.schedule.faults.length; i++) {
      const { nth } = smallest.given.schedule.faults[i];
      for (const sooner of new Set([0, nth >> 1, nth - 1])) {
        if (sooner < 0 || sooner >= nth) continue;
        const { schedule } = smallest.given;
        const faults = schedule.faults.map((fault, at) => (at === i ? { ...fault, nth: sooner } : fault));
        if (await take({ ...smallest.given, schedule: { ...schedule, faults } })) break;
      }
    }
  };
  const fewerRows = async (name: string) => {
    for (let size = smallest.given.inputs[name].length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < smallest.given.inputs[name].length; ) {
        const rows = smallest.given.inputs[name];
        const fewer = [...rows.slice(0, at), ...rows.slice(at + size)];
        const inputs: InputRows = { ...smallest.given.inputs, [name]: fewer };
        if (!isPossible(name, fewer) || !(await take({ ...smallest.given, inputs }))) at += size;
      }
    }
  };
  // Rows that come one by one, and late, let the same time pass with fewer of them.
  const slowerRows = async () => {
    const { schedule } = smallest.given;
    if (schedule.chunks.some((rows) => rows !== 1))
      await take({ ...smallest.given, schedule: { ...schedule, chunks: [1] } });
    for (;;) {
      const { schedule } = smallest.given;
      const delaysMs = schedule.delaysMs.map((ms) => 2 * ms);
      const isSlow = delaysMs.every((ms) => ms === 0) || delaysMs.some((ms) => ms > LONGEST_DELAY_MS);
      if (isSlow || !(await take({ ...smallest.given, schedule: { ...schedule, delaysMs } }))) break;
    }
  };
  await slowerRows();
  // With fewer rows a fault may come sooner, and then again fewer rows do.
  for (let before: FaultCase | undefined; before !== smallest.given && tries < MOST_TRIES; ) {
    before = smallest.given;
    await fewerFaults();
    await soonerFaults();
    for (const name of Object.keys(failure.given.inputs)) await fewerRows(name);
  }
  return smallest;
}
