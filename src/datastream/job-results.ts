import type { JobResult } from "../api/job-result.ts";
import { assert } from "../core/errors.ts";
import type { AccumulatorSet } from "../core/rows/accumulators.ts";
import type { JobOutcome } from "../runtime/engine.ts";

/** The result of a job; where its regions ran by themselves, of all of them. */
export function jobResult(
  outcomes: readonly JobOutcome[],
  accumulatorsOf: (jobId: string) => AccumulatorSet,
): JobResult {
  const [first] = outcomes;
  assert(first !== undefined, "a job has a part that runs");
  const { jobId } = first;
  const accumulators = accumulatorsOf(jobId);
  for (const outcome of outcomes) {
    if (outcome !== first) accumulators.merge(accumulatorsOf(outcome.jobId));
    accumulators.mergeStates(outcome.accumulators);
  }
  return {
    jobId,
    durationMs: Math.max(...outcomes.map(({ durationMs }) => durationMs)),
    metrics: outcomes.flatMap(({ metrics }) => metrics).sort((a, b) => a.vertex - b.vertex),
    accumulators: Object.fromEntries(accumulators.values()),
  };
}
