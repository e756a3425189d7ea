/** Runs a suite with a fresh process per case, engine and round. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type ChildReport, type ChildTask, slowMs } from "./child-protocol.ts";
import { difference } from "./compare.ts";
import { median, type Outcome } from "./outcome.ts";
import { askedCases, askedEngines } from "./selection.ts";
import type { BenchCase, BenchOptions, Suite } from "./suite.ts";
import type { Summary } from "./summary.ts";

/** The expected answers come from a DuckDB in this process; the engines run elsewhere, one at a time. */
export async function runIsolated(suite: Suite, options: BenchOptions): Promise<Outcome[]> {
  const oracle = await suite.oracle(options);
  const expected: [BenchCase, Summary][] = [];
  try {
    for (const question of askedCases(suite, options)) expected.push([question, await oracle.expect(question)]);
  } finally {
    await oracle.close();
  }
  const outcomes: Outcome[] = [];
  for (const [question, answer] of expected) {
    process.stderr.write(`${suite.name}: ${question.name}\n`);
    outcomes.push(...(await runCase(suite, question, answer, options)));
  }
  return outcomes;
}

async function runCase(
  suite: Suite,
  question: BenchCase,
  expected: Summary,
  options: BenchOptions,
): Promise<Outcome[]> {
  const engines = askedEngines(suite, options);
  const reports = new Map<string, ChildReport[]>(engines.map((engine) => [engine, []]));
  const failures = new Map<string, string>();
  const shape = { columns: expected.columns, sampleBy: question.sampleBy ?? null };
  for (let round = 0; round < options.rounds; round++) {
    for (const engine of round % 2 === 0 ? engines : [...engines].reverse()) {
      // A slow library is not asked twice: its time differs from the baseline by factors, not by per cents.
      const isSlow = reports.get(engine)?.some(({ coldMs }) => coldMs > slowMs) ?? false;
      if (failures.has(engine) || isSlow) continue;
      try {
        const report = await runChild({ suite: suite.name, engine, question: question.name, options, shape });
        const wrong = difference(expected, report.summary, question.orderBy);
        if (wrong !== null) throw new Error(`wrong answer: ${wrong}`);
        reports.get(engine)?.push(report);
      } catch (error) {
        failures.set(engine, error instanceof Error ? error.message : String(error));
      }
    }
  }
  return engines.map((engine) => {
    const common = { suite: suite.name, question, engine };
    const failure = failures.get(engine);
    if (failure !== undefined) return { ...common, times: [], cpuTimes: [], failure };
    const done = reports.get(engine) ?? [];
    return {
      ...common,
      times: done.map(({ warmMs }) => warmMs),
      cpuTimes: done.map(({ cpuMs }) => cpuMs),
      coldMs: median(done.map(({ coldMs }) => coldMs)),
      peakRssMiB: median(done.map(({ peakRssMiB }) => peakRssMiB)),
    };
  });
}

function runChild(task: ChildTask): Promise<ChildReport> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL("child.ts", import.meta.url)), {
      // Without --expose-gc: the process belongs to one engine, whose garbage is collected on its own time.
      execArgv: ["--import", "tsx"],
    });
    child.once("message", (message: { report?: ChildReport; failure?: string }) => {
      if (message.report === undefined) reject(new Error(message.failure));
      else resolve(message.report);
    });
    child.once("error", reject);
    // After a report this rejection changes nothing.
    child.once("exit", (code, signal) => reject(new Error(`the process ended with ${signal ?? code}`)));
    child.send(task);
  });
}
