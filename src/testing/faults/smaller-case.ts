import { type FaultCase, type FaultSchedule, type InputRows, PLAIN_SCHEDULE } from "./fault-schedule.ts";
import type { Failure } from "./judgement.ts";

/** Attempts to make one case smaller. */
const MOST_TRIES = 400;

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
  for (let i = smallest.given.schedule.faults.length - 1; i >= 0; i--) {
    const { schedule } = smallest.given;
    await take({ ...smallest.given, schedule: { ...schedule, faults: schedule.faults.filter((_, at) => at !== i) } });
  }
  for (let i = 0; i < smallest.given.schedule.faults.length; i++) {
    const { schedule } = smallest.given;
    if (schedule.faults[i].nth === 0) continue;
    const sooner = schedule.faults.map((fault, at) => (at === i ? { ...fault, nth: 0 } : fault));
    await take({ ...smallest.given, schedule: { ...schedule, faults: sooner } });
  }
  for (const name of Object.keys(failure.given.inputs)) {
    for (let size = smallest.given.inputs[name].length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < smallest.given.inputs[name].length; ) {
        const rows = smallest.given.inputs[name];
        const fewer = [...rows.slice(0, at), ...rows.slice(at + size)];
        const inputs: InputRows = { ...smallest.given.inputs, [name]: fewer };
        if (!isPossible(name, fewer) || !(await take({ ...smallest.given, inputs }))) at += size;
      }
    }
  }
  return smallest;
}
