import { type EngineError, JobCancelledError, PlanError } from "../core/errors.ts";

/**
 * Failures behind which a job is not started again, whatever its restart strategy says, by their codes. Beside these:
 * every PlanError, since the program that is wrong would be run again as it is, and a cancellation, which is what the
 * caller wanted. All others may be over when the job is started again; a strategy sees to it that it ends some time.
 */
const NEVER_AGAIN: Readonly<Record<string, string>> = {
  CHECKPOINT_FENCED: "another run of the job goes on from its last checkpoint, and this one would take that from it",
  CHECKPOINT_CORRUPT: "what the job has to go on from is damaged, and to go back behind it would write output twice",
  CHECKPOINT_VERSION: "what the job has to go on from is of a newer Millrace than this one",
  POSTGRES_FENCED: "another run of the job writes to the table, and this one would take that from it",
  POSTGRES_STAGING_LOST: "rows of a complete checkpoint are gone from the database, and to go on would lose them",
  JOB_NOT_STOPPED: "something of the failed attempt still runs, and could write while the next one does",
};

/** Why a job is not started again behind this failure; undefined where its restart strategy decides. */
export function whyNotRestarted(error: EngineError): string | undefined {
  if (error instanceof PlanError) return "the program itself is wrong";
  if (error instanceof JobCancelledError) return "the caller has cancelled the job";
  // What the job failed with in the first place decides: what an abort leaves is hidden, and removed by a later attempt.
  if (error.code === "SINK_ABORT_FAILED") return whyOfCause(error);
  return NEVER_AGAIN[error.code];
}

function whyOfCause({ cause }: EngineError): string | undefined {
  return cause instanceof Error && "code" in cause ? whyNotRestarted(cause as EngineError) : undefined;
}
