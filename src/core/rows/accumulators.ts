import { PlanError } from "../errors.ts";
import type { Json } from "../source.ts";

/**
 * A value that a job's functions add to and that is reported with the job's result. Each subtask has its own;
 * they are merged at the end, in no promised order.
 */
export interface Accumulator<V = unknown, R = unknown> {
  add(value: V): void;
  /** The result so far. */
  readonly value: R;
  /** What `merge` of another thread's accumulator of the same class needs. */
  state(): Json;
  merge(state: Json): void;
}

/** Counts in whole steps; exact to 2^53. */
export class IntCounter implements Accumulator<number, number> {
  value = 0;
  add(increment = 1): void {
    if (!Number.isSafeInteger(increment)) {
      throw new PlanError("ACCUMULATOR_VALUE", `${increment} is no integer.`, "Use a doubleCounter for fractions.");
    }
    this.value += increment;
  }
  state(): Json {
    return this.value;
  }
  merge(state: Json): void {
    this.value += state as number;
  }
}

/** Sums with Neumaier's compensation, so that the order of additions hardly matters. */
export class DoubleCounter implements Accumulator<number, number> {
  #sum = 0;
  #lost = 0;
  get value(): number {
    return this.#sum + this.#lost;
  }
  add(increment: number): void {
    const sum = this.#sum + increment;
    // Infinity - Infinity would turn the correction, and with it the sum, into NaN.
    if (Number.isFinite(sum)) {
      this.#lost +=
        Math.abs(this.#sum) >= Math.abs(increment) ? this.#sum - sum + increment : increment - sum + this.#sum;
    }
    this.#sum = sum;
  }
  state(): Json {
    return [encodeNumber(this.#sum), encodeNumber(this.#lost)];
  }
  merge(state: Json): void {
    const [sum, lost] = state as [Json, Json];
    this.add(decodeNumber(sum));
    this.#lost += decodeNumber(lost);
  }
}

abstract class Extremum implements Accumulator<number, number | null> {
  value: number | null = null;
  protected abstract better(a: number, b: number): number;
  add(value: number): void {
    this.value = this.value === null ? value : this.better(this.value, value);
  }
  state(): Json {
    return this.value === null ? null : encodeNumber(this.value);
  }
  merge(state: Json): void {
    if (state !== null) this.add(decodeNumber(state));
  }
}
/** The least number added, null where none was. */
export class Minimum extends Extremum {
  protected override better(a: number, b: number): number {
    return Math.min(a, b);
  }
}
/** The greatest number added, null where none was. */
export class Maximum extends Extremum {
  protected override better(a: number, b: number): number {
    return Math.max(a, b);
  }
}

/** The mean of the numbers added, null where none was. */
export class Average implements Accumulator<number, number | null> {
  readonly #sum = new DoubleCounter();
  #count = 0;
  get value(): number | null {
    return this.#count === 0 ? null : this.#sum.value / this.#count;
  }
  add(value: number): void {
    this.#sum.add(value);
    this.#count++;
  }
  state(): Json {
    return [this.#sum.state(), this.#count];
  }
  merge(state: Json): void {
    const [sum, count] = state as [Json, number];
    this.#sum.merge(sum);
    this.#count += count;
  }
}

/** How often each integer was added, as pairs in ascending order. */
export class Histogram implements Accumulator<number, readonly (readonly [number, number])[]> {
  readonly #counts = new Map<number, number>();
  get value(): readonly (readonly [number, number])[] {
    return [...this.#counts].sort((a, b) => a[0] - b[0]);
  }
  add(value: number): void {
    this.#addTimes(value, 1);
  }
  state(): Json {
    return this.value as Json;
  }
  merge(state: Json): void {
    for (const [value, count] of state as [number, number][]) this.#addTimes(value, count);
  }
  #addTimes(value: number, times: number): void {
    if (!Number.isSafeInteger(value)) {
      throw new PlanError(
        "ACCUMULATOR_VALUE",
        `${value} is no integer.`,
        "Round values before a histogram counts them.",
      );
    }
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + times);
  }
}

/** Everything added, as JSON; for few and small values. */
export class ListAccumulator<T extends Json = Json> implements Accumulator<T, readonly T[]> {
  readonly value: T[] = [];
  add(value: T): void {
    this.value.push(value);
  }
  state(): Json {
    return [...this.value];
  }
  merge(state: Json): void {
    this.value.push(...(state as readonly T[]));
  }
}

/** JSON has no Infinity and no NaN. */
const encodeNumber = (value: number): Json => (Number.isFinite(value) ? value : String(value));
const decodeNumber = (value: Json): number => Number(value);

/** The accumulators of one subtask, or of a whole job while they are merged. */
export class AccumulatorSet {
  readonly #accumulators = new Map<string, Accumulator>();
  readonly #unclaimed = new Map<string, Json[]>();
  readonly #leavesThread: boolean;

  /** `leavesThread`: what it holds is merged on another thread, which knows the built-in classes only. */
  constructor(leavesThread = false) {
    this.#leavesThread = leavesThread;
  }

  /**
   * The accumulator of that name, made on first use; ACCUMULATOR_CONFLICT where its name has another class,
   * ACCUMULATOR_NOT_PORTABLE for an own class on a thread whose values are merged elsewhere.
   */
  get<A extends Accumulator>(name: string, create: new () => A): A {
    const known = this.#accumulators.get(name);
    if (known === undefined) {
      if (this.#leavesThread && !Object.values<unknown>(BUILT_IN).includes(create)) {
        throw new PlanError(
          "ACCUMULATOR_NOT_PORTABLE",
          `The accumulator "${name}" is of the own class ${create.name}, whose values cannot be merged across threads.`,
          "Use a built-in accumulator, or run the job at parallelism 1.",
        );
      }
      const accumulator = new create();
      this.#accumulators.set(name, accumulator);
      for (const state of this.#unclaimed.get(name) ?? []) accumulator.merge(state);
      this.#unclaimed.delete(name);
      return accumulator;
    }
    if (known instanceof create) return known;
    throw new PlanError(
      "ACCUMULATOR_CONFLICT",
      `The accumulator "${name}" is a ${known.constructor.name} in one place and a ${create.name} in another.`,
      "Give one of them another name.",
    );
  }

  /** Built-in classes travel by name. An own class is merged once `get` names its class on the receiving side. */
  states(): AccumulatorState[] {
    return [...this.#accumulators].map(([name, accumulator]) => ({
      name,
      kind: accumulator.constructor.name,
      state: accumulator.state(),
    }));
  }

  /** What another set of the same thread holds, own classes too. */
  merge(other: AccumulatorSet): void {
    for (const [name, accumulator] of other.#accumulators) {
      this.get(name, accumulator.constructor as new () => Accumulator).merge(accumulator.state());
    }
    for (const [name, states] of other.#unclaimed) {
      this.#unclaimed.set(name, [...(this.#unclaimed.get(name) ?? []), ...states]);
    }
  }

  mergeStates(states: readonly AccumulatorState[]): void {
    for (const { name, kind, state } of states) {
      const known = this.#accumulators.get(name);
      if (known === undefined && !Object.hasOwn(BUILT_IN, kind)) {
        this.#unclaimed.set(name, [...(this.#unclaimed.get(name) ?? []), state]);
        continue;
      }
      // A known accumulator of another class is a conflict, which `get` reports.
      const create = Object.hasOwn(BUILT_IN, kind) ? BUILT_IN[kind] : (known?.constructor as new () => Accumulator);
      this.get(name, create).merge(state);
    }
  }

  /** Results by name. */
  values(): ReadonlyMap<string, unknown> {
    return new Map([...this.#accumulators].map(([name, accumulator]) => [name, accumulator.value]));
  }
}

/** An accumulator as plain data, for links between threads. */
export interface AccumulatorState {
  readonly name: string;
  readonly kind: string;
  readonly state: Json;
}

const BUILT_IN: Record<string, new () => Accumulator> = {
  IntCounter,
  DoubleCounter,
  Minimum,
  Maximum,
  Average,
  Histogram,
  ListAccumulator,
};
