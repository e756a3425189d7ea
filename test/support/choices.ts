/** A stream of small numbers that fast-check shrinks towards zero; every choice of a plan is one of them. */
export class Choices {
  readonly #numbers: readonly number[];
  #next = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  below(count: number): number {
    // Few numbers go round: a step must not run into zeros alone.
    return (this.#numbers[this.#next++ % this.#numbers.length] ?? 0) % Math.max(1, count);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  some<T>(values: readonly T[]): T[] {
    return values.filter(() => this.below(2) === 1);
  }
}
