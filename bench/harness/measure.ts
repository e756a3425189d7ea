/** Times one engine on one case. */
import type { BenchCase, Session } from "./suite.ts";
import type { AnswerShape, Summary } from "./summary.ts";

declare const gc: ((options: { readonly type: "minor" }) => void) | undefined;

export interface Measured {
  readonly ms: number;
  /** Of all threads of this process; the Flink peer runs in another one. */
  readonly cpuMs: number;
}

/** Runs once; reads the answer back if `shape` is given. */
export async function measureOnce(
  session: Session,
  question: BenchCase,
  shape: AnswerShape | null,
): Promise<Measured & { summary: Summary | null }> {
  await session.prepare?.();
  // Garbage of the engine before must not be collected on this one's time. A full collection would also throw compiled
  // code away: TPC-H Q4 took 400 ms of processor time after one, where a program that nobody disturbs takes 200.
  if (typeof gc === "function") gc({ type: "minor" });
  const startCpu = process.cpuUsage();
  const start = performance.now();
  const finished = await session.run(question);
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(startCpu);
  const cpuMs = finished.cpuMs ?? (user + system) / 1000;
  try {
    return { ms, cpuMs, summary: shape === null ? null : await finished.summary(shape) };
  } finally {
    await finished.release?.();
  }
}
