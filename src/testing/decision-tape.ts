import { SeededRandom } from "./seeded-random.ts";

/**
 * Where every free decision of a simulation comes from: which ready action goes next, what a crash leaves of a write.
 * A tape is a plain array of small integers, so that a property-testing library can generate and shrink it. The
 * exhausted tape answers 0, which stands for the plainest choice: the oldest ready action, the unsynced write lost.
 */
export class DecisionTape {
  /** The decisions made so far, each below the number of choices it had: given as a tape, they replay this run. */
  readonly taken: number[] = [];
  readonly #next: () => number;

  private constructor(next: () => number) {
    this.#next = next;
  }

  static of(numbers: readonly number[]): DecisionTape {
    let at = 0;
    return new DecisionTape(() => (at < numbers.length ? numbers[at++] : 0));
  }

  /** A tape without end. */
  static seeded(seed: number): DecisionTape {
    const random = new SeededRandom(seed);
    return new DecisionTape(() => random.nextUint32());
  }

  /** A number from 0 to below `count`; where there is one choice only, nothing is taken from the tape. */
  choose(count: number): number {
    if (count <= 1) return 0;
    const choice = Math.abs(Math.trunc(this.#next())) % count;
    this.taken.push(choice);
    return choice;
  }
}
