import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { FaultCheckOptions, FaultInput, FaultJob } from "../../src/testing/faults/fault-check.ts";
import { FaultCheckError } from "../../src/testing/faults/fault-check-error.ts";
import { faults } from "../../src/testing/faults/faults.ts";
import type { FaultReport } from "../../src/testing/faults/statistics.ts";

/*
 * Counterexamples of laws whose cases are plain data. Each is a file test/regressions/LAW/NAME.json, with what it shows
 * and the case itself, and runs before the random ones, for ever: seeds die with the next change of an arbitrary.
 */

interface KeptCase {
  readonly name: string;
  readonly shows: string;
  readonly given: unknown;
}

const FOLDER = join(import.meta.dirname, "..", "regressions");

/** Of one law, in the order of their names. */
export function keptCases(law: string): KeptCase[] {
  const folder = join(FOLDER, law);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const kept = JSON.parse(readFileSync(join(folder, name), "utf8")) as Omit<KeptCase, "name">;
      if (typeof kept.shows !== "string" || kept.given === undefined) throw new Error(`${law}/${name} is no kept case`);
      return { ...kept, name };
    });
}

/** `fc.assert` of a law over plain data, those of its cases that are kept first. A failure tells how to keep it. */
export async function assertKept<T>(
  law: string,
  anyCase: fc.Arbitrary<T>,
  run: (given: T) => Promise<void>,
  { numRuns }: { readonly numRuns: number },
): Promise<void> {
  const examples = keptCases(law).map(({ given }): [T] => [given as T]);
  const told = async (given: T): Promise<void> => {
    try {
      await run(given);
    } catch (thrown) {
      throw withAdvice(thrown, law, given);
    }
  };
  await fc.assert(fc.asyncProperty(anyCase, told), { numRuns: numRuns + examples.length, examples });
}

/** `faults.check`, with the cases that are kept before the random ones. A failure tells how to keep it. */
export async function checkKept<const I extends { readonly [name: string]: FaultInput }>(
  law: string,
  job: FaultJob<I>,
  options: FaultCheckOptions<I>,
): Promise<FaultReport> {
  try {
    for (const { given } of keptCases(law)) await faults.check(job, { ...options, replay: JSON.stringify(given) });
    const report = await faults.check(job, options);
    if (report.runs !== options.runs) throw new Error(`${law}: ${report.runs} runs instead of ${options.runs}`);
    return report;
  } catch (thrown) {
    throw thrown instanceof FaultCheckError ? withAdvice(thrown, law, JSON.parse(thrown.replay)) : thrown;
  }
}

function withAdvice(thrown: unknown, law: string, given: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const file = JSON.stringify({ shows: "what it shows, in a sentence", given });
  thrown.message += `\nTo keep this case, once the smallest is found, write to test/regressions/${law}/NAME.json:\n${file}`;
  return thrown;
}
