import { PlanError } from "../core/errors.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import { WATERMARK_TABLE } from "./chain-watermarks.ts";
import type { JobGraph } from "./job-graph.ts";

/**
 * Before anything of a job runs that goes on from a checkpoint: whether that is a checkpoint of this job. `directory`,
 * where it was found, is for messages; one that was given to the job has none.
 * @throws {PlanError} MAX_PARALLELISM_CHANGED, STATE_NOT_IN_JOB
 */
export function checkRestore(graph: JobGraph, snapshot: JobSnapshot, directory?: string): void {
  const where = directory === undefined ? "" : ` in "${directory}"`;
  const { stream } = graph;
  if (stream !== undefined && stream.maxParallelism !== snapshot.maxParallelism) {
    throw new PlanError(
      "MAX_PARALLELISM_CHANGED",
      `The job has a maxParallelism of ${stream.maxParallelism}, and its checkpoint${where} one of ${snapshot.maxParallelism}.`,
      `Set maxParallelism to ${snapshot.maxParallelism}: it is fixed for the life of the state.`,
    );
  }
  const known = new Set<string | undefined>();
  for (const { source, operators, sink } of graph.vertices) {
    known.add(source?.stream?.uid).add(sink?.uid);
    for (const { uid } of operators) known.add(uid);
  }
  for (const [uid, { tables }] of Object.entries(snapshot.operators)) {
    // Steps without state come and go with the parallelism.
    if (known.has(uid) || Object.keys(tables).every((name) => name === WATERMARK_TABLE)) continue;
    throw new PlanError(
      "STATE_NOT_IN_JOB",
      `The checkpoint${where} has state of "${uid}", and no step of the job has this uid.`,
      "Give sources, sinks and steps with state a uid that stays the same when the program changes; or begin anew, without this checkpoint.",
    );
  }
}
