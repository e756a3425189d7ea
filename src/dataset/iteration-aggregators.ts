/**
 * A value that one superstep of an iteration computes and the next one reads. `aggregate` folds values in, in any
 * order; `reset` runs before each superstep.
 */
export interface IterationAggregator<T, R = T> {
  aggregate(value: T): void;
  result(): R;
  reset(): void;
}

/** Sum of whole numbers. */
export class LongSumAggregator implements IterationAggregator<bigint | number, bigint> {
  #sum = 0n;

  aggregate(value: bigint | number): void {
    this.#sum += BigInt(value);
  }

  result(): bigint {
    return this.#sum;
  }

  reset(): void {
    this.#sum = 0n;
  }
}

/** Sum of floating point numbers. */
export class DoubleSumAggregator implements IterationAggregator<number> {
  #sum = 0;

  aggregate(value: number): void {
    this.#sum += value;
  }

  result(): number {
    return this.#sum;
  }

  reset(): void {
    this.#sum = 0;
  }
}

/** Whether an iteration has converged, asked after each superstep with the value that an aggregator then has. */
export type ConvergenceCriterion<R> = (superstep: number, value: R) => boolean;

/** Converged once a sum of whole numbers is zero. */
export const longZeroConvergence: ConvergenceCriterion<bigint> = (_, value) => value === 0n;

/** Converged once a sum is zero. */
export const doubleZeroConvergence: ConvergenceCriterion<number> = (_, value) => value === 0;
