import { appendFileSync } from "node:fs";
import { relative } from "node:path";
import fc from "fast-check";
import { expect } from "vitest";

/** What scripts/test.mjs reads when all tests are over: one line of JSON per law. */
export interface LawCount {
  readonly file: string;
  readonly law: string;
  /** Random cases that were run, without those that a precondition left out. */
  readonly cases: number;
  readonly seed: number;
}

// Writes down how many cases each law got, so that the run tells what it has shown.
const path = process.env.MILLRACE_LAW_COUNTS;
if (path !== undefined) {
  fc.configureGlobal({
    ...fc.readConfigureGlobal(),
    reporter: (details) => {
      const { testPath = "", currentTestName = "" } = expect.getState();
      const file = relative(process.cwd(), testPath);
      const count: LawCount = { file, law: currentTestName, cases: details.numRuns, seed: details.seed };
      appendFileSync(path, `${JSON.stringify(count)}\n`);
      if (!details.failed) return;
      const { errorInstance: cause } = details;
      throw new Error(`${fc.defaultReportMessage(details)}\n\nThe smallest case failed with:\n${chainText(cause)}`, {
        cause,
      });
    },
  });
}

/** An error with what led to it: runners print the causes of an error, but not everywhere and not to the end. */
function chainText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  const text = stack?.includes(message) === true ? stack : `${name}: ${message}\n${stack ?? ""}`;
  return cause === undefined ? text : `${text}\ncaused by: ${chainText(cause)}`;
}
