/** Which engines and cases of a suite the command line asks for. */
import type { BenchCase, BenchOptions, Suite } from "./suite.ts";

export function askedEngines(suite: Suite, { engines, flink }: BenchOptions): string[] {
  return Object.keys(suite.contenders).filter((engine) =>
    engine.startsWith("flink") ? flink : engines === null || engines.includes(engine),
  );
}

export function askedCases(suite: Suite, options: BenchOptions): BenchCase[] {
  return suite.cases(options).filter(({ name }) => options.cases === null || options.cases.includes(name));
}
