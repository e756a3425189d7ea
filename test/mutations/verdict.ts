import { relative } from "node:path";
import { type Mutation, REPOSITORY } from "./mutation.ts";

/**
 * What became of a mutation. "found": a law was broken. "hung": no end came. "survived": all tests passed. "broken": it
 * failed in a way that says nothing of laws, as code that cannot run does. "unloaded": no test has loaded it.
 */
export type Verdict =
  | {
      readonly isFound: true;
      readonly kind: "found" | "hung";
      readonly test: string;
      /** Random cases up to the one that broke the law; absent where the test counts none. */
      readonly cases?: number;
    }
  | {
      readonly isFound: false;
      readonly kind: "hung" | "survived" | "broken" | "unloaded";
      readonly why: string;
    };

interface Run {
  /** JSON of vitest. */
  readonly report: string | undefined;
  readonly isLate: boolean;
  readonly isLoaded: boolean;
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Failures of JavaScript itself: such a mutation is none, since it could never have been written. */
const BROKEN = /(?:^|Got |Caused by: )(?:\w+: )?(?:TypeError|ReferenceError|SyntaxError)\b/m;
const TIMED_OUT = /Test timed out in/;
/** What broken laws say: of fast-check, of faults.check, and of `expect`. */
const LAW = /Property failed after|FaultCheckError|FAULT_CHECK|Found in case|AssertionError/;
const CASES = /Property failed after (\d+) tests|Found in case (\d+) of/;

export function verdictOf({ mayHang, foundBy }: Mutation, { report, isLate, isLoaded }: Run): Verdict {
  const hung = (test: string): Verdict =>
    mayHang ? { isFound: true, kind: "hung", test } : { isFound: false, kind: "hung", why: "no end came" };
  if (isLate) return hung(foundBy.join(", "));
  if (report === undefined) return { isFound: false, kind: "broken", why: "vitest wrote no report" };
  const { testResults } = JSON.parse(report) as Report;
  for (const { name, message, assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === "failed");
    if (failed === undefined) {
      const isOutside = message !== undefined && message !== "" && assertionResults.length === 0;
      if (isOutside) return { isFound: false, kind: "broken", why: firstLines(message) };
      continue;
    }
    const text = failed.failureMessages.join("\n");
    const test = `${relative(REPOSITORY, name).replace(/^test\//, "")}: ${failed.title}`;
    if (TIMED_OUT.test(text)) return hung(test);
    if (BROKEN.test(text) || !LAW.test(text)) return { isFound: false, kind: "broken", why: firstLines(text) };
    const [, ofProperty, ofCheck] = CASES.exec(text) ?? [];
    const cases = ofProperty ?? ofCheck;
    return { isFound: true, kind: "found", test, ...(cases === undefined ? {} : { cases: Number(cases) }) };
  }
  if (!isLoaded) return { isFound: false, kind: "unloaded", why: "no test loads what it changes" };
  return { isFound: false, kind: "survived", why: "all tests passed" };
}

const firstLines = (text: string): string => text.split("\n").slice(0, 6).join("\n    ");
