import { END_OF_TIME_MS, START_OF_TIME_MS } from "../core/time/time.ts";
import type { AlignmentSlots } from "./messages.ts";

/**
 * The watermarks of all source subtasks that wait for each other, in memory that their threads share: one slot of an
 * int64 array per subtask. A reader that is further ahead than the limit pauses until the slowest has come closer.
 */
export class AlignmentGroup {
  readonly #watermarks: BigInt64Array;
  readonly #slot: number;
  readonly #maxDriftMs: number;

  constructor(watermarks: BigInt64Array, slot: number, maxDriftMs: number) {
    this.#watermarks = watermarks;
    this.#slot = slot;
    this.#maxDriftMs = maxDriftMs;
  }

  /** Of a subtask of a source, with what the job was deployed with. */
  static at(
    { watermarks, firstSlots }: AlignmentSlots,
    vertex: number,
    subtask: number,
    maxDriftMs: number,
  ): AlignmentGroup {
    return new AlignmentGroup(new BigInt64Array(watermarks), (firstSlots[vertex] ?? 0) + subtask, maxDriftMs);
  }

  static newBuffer(subtaskCount: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(subtaskCount * 8);
    new BigInt64Array(buffer).fill(BigInt(START_OF_TIME_MS));
    return buffer;
  }

  report(watermarkMs: number): void {
    Atomics.store(this.#watermarks, this.#slot, BigInt(watermarkMs));
  }

  /** Idle and finished subtasks hold nobody back. */
  leave(): void {
    this.report(END_OF_TIME_MS);
  }

  /** A split whose watermark is beyond this is not read. Before every subtask has a watermark, nobody waits. */
  get limitMs(): number {
    let least = END_OF_TIME_MS;
    for (let i = 0; i < this.#watermarks.length; i++) {
      least = Math.min(least, Number(Atomics.load(this.#watermarks, i)));
    }
    return least === START_OF_TIME_MS ? END_OF_TIME_MS : least + this.#maxDriftMs;
  }
}
