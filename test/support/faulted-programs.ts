import fc from "fast-check";
import type { StateBackend } from "../../src/datastream/state-backends.ts";
import type { FaultModel } from "../../src/testing/faults/fault-model.ts";
import { type FaultCase, type FaultSchedule, PLAIN_SCHEDULE } from "../../src/testing/faults/fault-schedule.ts";
import type { CheckedJob, RunRecord } from "../../src/testing/faults/faulted-run.ts";
import { judge, whatIsExpected } from "../../src/testing/faults/judgement.ts";
import { anySchedule } from "../../src/testing/faults/schedule-arbitrary.ts";
import { anyProgram, meaningOf, type Program } from "./stream-dag/program.ts";
import { buildProgram } from "./stream-dag/run-program.ts";

/** Programs that multiply their rows beyond this are left out. */
const MOST_ROWS = 200;

/** A random program of the API as a job of the fault kit. */
function jobOf(program: Program, schedule: FaultSchedule, state?: StateBackend): CheckedJob {
  return {
    schemas: {},
    build: (environment, _, outputs) => {
      const { host } = environment.context;
      if (state !== undefined) environment.setStateBackend(state);
      const { chunks, delaysMs } = schedule;
      const onRead = () => host.crashPoint?.("source.read");
      // Shorter than the time after which a split counts as idle: rows that come later than that may be late.
      const reading = { cuts: chunks, delaysMs: delaysMs.map((each) => Math.min(each, 7)), napMs: 20, onRead };
      const { sunk, ends } = buildProgram(program, environment, { reading, isPlaced: true, host });
      for (const [name, stream] of [...sunk, ...ends])
        (stream as (typeof ends)[0][1]).addSink(outputs.sink(name), { uid: name });
    },
  };
}

/** A program and how it is run. */
export const anyFaultedProgram = (model: FaultModel): fc.Arbitrary<[Program, FaultSchedule]> =>
  fc.tuple(anyProgram, anySchedule(fc, model, []));

/** Throws where a faulted run of a program, with this state backend, gives something else than one in which nothing fails. */
export async function checkProgram(
  program: Program,
  schedule: FaultSchedule,
  onRecord: (record: RunRecord) => void,
  state?: StateBackend,
): Promise<void> {
  fc.pre(meaningOf(program).mostRows <= MOST_ROWS);
  const given: FaultCase = { inputs: {}, splits: { count: 1, deal: [] }, schedule };
  const expected = await whatIsExpected(jobOf(program, PLAIN_SCHEDULE), given, undefined);
  const failure = await judge(jobOf(program, schedule, state), given, expected, onRecord);
  if (failure === undefined) return;
  const differences = failure.differences.map((each) => JSON.stringify(each)).join("\n");
  throw new Error(`${failure.what}\n${differences}\nschedule ${JSON.stringify(schedule)}`, { cause: failure.error });
}
