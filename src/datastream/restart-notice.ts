import { escapeControls } from "../core/escape-controls.ts";
import type { Host } from "../core/host.ts";
import type { JobFailure } from "../runtime/job-attempts.ts";

/**
 * A line on standard error for a failure that is restarted: whoever waits for the result would not hear of it. One that
 * ends the job is told by the result.
 */
export function tellOfRestart({ terminal }: Pick<Host, "terminal">, failure: JobFailure, jobName?: string): void {
  const { error, attempt, restartDelayMs } = failure;
  if (restartDelayMs === undefined) return;
  const seconds = (restartDelayMs / 1000).toFixed(1);
  const job = jobName === undefined ? "the job" : `the job "${escapeControls(jobName)}"`;
  const what = `${error.code}: ${escapeControls(error.message)}`;
  terminal?.stream.write(
    `millrace: attempt ${attempt} of ${job} failed; the next one begins in ${seconds} s. ${what}\n`,
  );
}
