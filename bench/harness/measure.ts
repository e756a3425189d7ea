/** Times one engine on one case. */
import type { BenchCase, Session } from "./suite.ts";
import type { AnswerShape, Summary } from "./summary.ts";

declare const gc: (() => void) | undefined;

/** Runs once; reads the answer back if `shape` is given. */
export async function measureOnce(
  session: Session,
  question: BenchCase,
  shape: AnswerShape | null,
): Promise<{ ms: number; summary: Summary | null }> {
  await session.prepare?.();
  // Garbage of the engine before must not be collected on this one's time.
  if (typeof gc === "function") gc();
  const start = performance.now();
  const finished = await session.run(question);
  const ms = performance.now() - start;
  try {
    return { ms, summary: shape === null ? null : await finished.summary(shape) };
  } finally {
    await finished.release?.();
  }
}
