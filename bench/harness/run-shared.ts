/** Runs a suite with all engines in this process, alternating them within every round. */
import { difference } from "./compare.ts";
import { measureOnce } from "./measure.ts";
import type { Outcome } from "./outcome.ts";
import { askedCases, askedEngines } from "./selection.ts";
import type { BenchCase, BenchOptions, Session, Suite } from "./suite.ts";
import type { Summary } from "./summary.ts";

/** A failed engine is dropped for the case; the others go on. */
export async function runShared(suite: Suite, options: BenchOptions): Promise<Outcome[]> {
  const oracle = await suite.oracle(options);
  const sessions = new Map<string, Session>();
  const outcomes: Outcome[] = [];
  try {
    for (const engine of askedEngines(suite, options)) {
      process.stderr.write(`${suite.name}: opening ${engine}\n`);
      const open = suite.contenders[engine];
      if (open !== undefined) sessions.set(engine, await open(options));
    }
    for (const question of askedCases(suite, options)) {
      process.stderr.write(`${suite.name}: ${question.name}\n`);
      outcomes.push(...(await runCase(suite, question, await oracle.expect(question), sessions, options)));
    }
  } finally {
    for (const session of sessions.values()) await session.close();
    await oracle.close();
  }
  return outcomes;
}

async function runCase(
  suite: Suite,
  question: BenchCase,
  expected: Summary,
  sessions: ReadonlyMap<string, Session>,
  { rounds, warmUp }: BenchOptions,
): Promise<Outcome[]> {
  const able = [...sessions].filter(([, session]) => session.supports(question));
  const times = new Map<string, number[]>(able.map(([engine]) => [engine, []]));
  const cpuTimes = new Map<string, number[]>(able.map(([engine]) => [engine, []]));
  const failures = new Map<string, string>();
  const shape = { columns: expected.columns, sampleBy: question.sampleBy ?? null };
  // The first of the rounds that are not timed checks the answers; all let just-in-time compilers finish.
  for (let round = 1 - warmUp; round <= rounds; round++) {
    for (const [engine, session] of round % 2 === 0 ? able : [...able].reverse()) {
      if (failures.has(engine)) continue;
      try {
        const { ms, cpuMs, summary } = await measureOnce(session, question, round === 1 - warmUp ? shape : null);
        const wrong = summary === null ? null : difference(expected, summary, question.orderBy);
        if (wrong !== null) throw new Error(`wrong answer: ${wrong}`);
        if (round <= 0) continue;
        times.get(engine)?.push(ms);
        cpuTimes.get(engine)?.push(cpuMs);
      } catch (error) {
        failures.set(engine, error instanceof Error ? error.message : String(error));
      }
    }
  }
  return able.map(([engine]) => {
    const failure = failures.get(engine);
    const common = { suite: suite.name, question, engine };
    if (failure !== undefined) return { ...common, times: [], cpuTimes: [], failure };
    return { ...common, times: times.get(engine) ?? [], cpuTimes: cpuTimes.get(engine) ?? [] };
  });
}
