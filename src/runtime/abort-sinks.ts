import { asEngineError, type EngineError, ExternalError } from "../core/errors.ts";
import type { Sink } from "../core/sink.ts";
import type { SinkResult } from "./messages.ts";
import type { SinkCommits } from "./sink-commits.ts";

/** Every sink is aborted, whatever another one does; a failure to clean up is told together with what led to it. */
export async function abortSinks(
  sinks: readonly (readonly [number, Sink])[],
  prepared: readonly SinkResult[],
  commits: SinkCommits,
  error: EngineError,
): Promise<void> {
  const failures: unknown[] = [];
  for (const [id, sink] of sinks) {
    try {
      await sink.abort(committablesOf(prepared, id), commits.kept(id));
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length === 0) return;
  const reasons = failures.map((failure) => asEngineError(failure).message).join(" ");
  throw new ExternalError(
    "SINK_ABORT_FAILED",
    false,
    `The job failed (${error.message}), and its unfinished output could not be removed: ${reasons}`,
    "Remove the hidden files beside the target by hand, then see to the first failure.",
    { cause: error },
  );
}

const committablesOf = (results: readonly SinkResult[], sink: number) =>
  results.filter((result) => result.sink === sink).map((result) => result.committable);
