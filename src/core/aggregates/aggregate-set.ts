import type { Column } from "../column.ts";
import { gatherColumn } from "../columns/gather.ts";
import { assert } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Field, Schema } from "../schema.ts";
import { type DataType, formatType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Accumulator, GroupedRows } from "./accumulator.ts";
import { CountAccumulator } from "./count.ts";
import { type AggregateSpec, type BoundAggregate, bindAggregate, bindRetractable } from "./spec.ts";
import { ValueCounts } from "./value-counts.ts";

/** One accumulator of a plan and where its inputs and states lie. */
interface Slot {
  readonly key: string;
  readonly inputs: readonly number[];
  readonly stateTypes: readonly DataType[];
  readonly create: (workspace: Workspace) => Accumulator;
}

/** Aggregates checked against a schema: result fields, partial-state fields, and the accumulators to make. */
export class AggregatePlan {
  readonly resultFields: readonly Field[];
  readonly bound: readonly BoundAggregate[];
  readonly slots: readonly Slot[];
  readonly #input: Schema;

  /** `takesBack`: rows may be taken back later. @throws {PlanError} as `bindAggregate`, RETRACTION_UNSUPPORTED */
  constructor(specs: readonly AggregateSpec[], inputSchema: Schema, takesBack = false) {
    this.#input = inputSchema;
    const bind = takesBack ? bindRetractable : bindAggregate;
    this.bound = specs.map((spec) => bind(spec, inputSchema));
    this.resultFields = specs.map((spec, i) => ({ name: spec.as, type: this.bound[i].type }));
    const slots = new Map<string, Slot>();
    for (const { accumulatorKey: key, inputs, stateTypes, createAccumulator } of this.bound) {
      if (!slots.has(key)) slots.set(key, { key, inputs, stateTypes, create: createAccumulator });
    }
    this.slots = [...slots.values()];
  }

  /** Whether sets of the plan are invertible. */
  isInvertible(workspace: Workspace): boolean {
    const set = new AggregateSet(workspace, this);
    set.release();
    return set.isInvertible;
  }

  /** Partial-state columns, all accumulators' in order; their names start with `prefix`. */
  stateFields(prefix: string): Field[] {
    return this.slots.flatMap(({ stateTypes }) => stateTypes).map((type, i) => ({ name: `${prefix}${i}`, type }));
  }

  /** The same by what they are, to be found again where other aggregates come and go. */
  keptFields(prefix: string): Field[] {
    return this.slots.flatMap((slot) => {
      const name = prefix + nameOf(slot, this.#input);
      return slot.stateTypes.map((type, i) => ({ name: i === 0 ? name : `${name} #${i + 1}`, type }));
    });
  }
}

/** Whose records depend on the type of what they add up. */
const TYPED = /^sum /;

/** "sum price: int32": what a slot keeps, wherever it and its input columns stand. */
function nameOf({ key, inputs }: Slot, { fields }: Schema): string {
  const positions = inputs.map((index) => ` ${index}`).join("");
  if (positions === "" || !key.endsWith(positions)) return key;
  const names = inputs.map((index) => fields[index].name).join(" ");
  const type = TYPED.test(key) ? `: ${formatType(fields[inputs[0]].type)}` : "";
  return `${key.slice(0, -positions.length)} ${names}${type}`;
}

/** The accumulators of all aggregates of an operator, indexed by group. */
export class AggregateSet {
  readonly #workspace: Workspace;
  readonly #plan: AggregatePlan;
  readonly #accumulators: readonly Accumulator[];
  readonly #accumulatorOf: readonly number[];

  constructor(workspace: Workspace, plan: AggregatePlan) {
    this.#workspace = workspace;
    this.#plan = plan;
    this.#accumulators = plan.slots.map(({ create }) => create(workspace));
    this.#accumulatorOf = plan.bound.map(({ accumulatorKey }) =>
      plan.slots.findIndex(({ key }) => key === accumulatorKey),
    );
  }

  get memoryBytes(): number {
    return this.#accumulators.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  }

  /** Whether this is so of all accumulators. */
  get isAssociative(): boolean {
    return this.#accumulators.every(({ isAssociative = false }) => isAssociative);
  }

  /** Whether this is so of all accumulators. */
  get isInvertible(): boolean {
    return this.#accumulators.every(({ isInvertible = false }) => isInvertible);
  }

  growthBytes(groupCount: number, rowCount: number): number {
    return this.#accumulators.reduce((sum, accumulator) => sum + accumulator.growthBytes(groupCount, rowCount), 0);
  }

  /** Takes rows in; `columns` are all input columns. */
  update(rows: GroupedRows, columns: readonly Column[]): void {
    this.#accumulators.forEach((accumulator, i) => {
      accumulator.update(
        rows,
        this.#plan.slots[i].inputs.map((input) => columns[input]),
      );
    });
  }

  /** Takes rows back that were taken in before; every accumulator can do so. */
  retract(rows: GroupedRows, columns: readonly Column[]): void {
    this.#accumulators.forEach((accumulator, i) => {
      assert(accumulator.retract !== undefined, "the aggregate can take rows back");
      accumulator.retract(
        rows,
        this.#plan.slots[i].inputs.map((input) => columns[input]),
      );
    });
  }

  /** Results of the groups u32[count] at `groups`, of `groupCount`; the caller owns the columns. */
  resultsOf(groups: Address, count: number, groupCount: number): Column[] {
    return this.#plan.bound.map((_, i) => this.resultOf(i, groups, count, groupCount));
  }

  /** One column of `resultsOf`. */
  resultOf(aggregate: number, groups: Address, count: number, groupCount: number): Column {
    const bound = this.#plan.bound[aggregate];
    const accumulator = this.#accumulators[this.#accumulatorOf[aggregate]];
    if (accumulator instanceof ValueCounts) return this.#distinctResults(bound, accumulator, groups, count);
    if (accumulator.withGroups !== undefined) {
      return accumulator.withGroups(groups, count, () => bound.read(accumulator, 0, count));
    }
    const all = bound.read(accumulator, 0, groupCount);
    const some = gatherColumn(this.#workspace, all, groups, count);
    all.release();
    return some;
  }

  #distinctResults(bound: BoundAggregate, counts: ValueCounts, groups: Address, count: number): Column {
    const accumulator = bound.createResult?.(this.#workspace);
    assert(accumulator !== undefined, "an aggregate of value counts says how its result is computed");
    try {
      counts.feed(groups, count, accumulator);
      return bound.read(accumulator, 0, count);
    } finally {
      accumulator.release();
    }
  }

  /** Takes partial states in, columns as in `stateFields`. */
  merge(rows: GroupedRows, states: readonly Column[]): void {
    this.#each(states, (accumulator, own) => accumulator.merge(rows, own));
  }

  /** Merges the states from row `from` of the columns on, or takes them back; all accumulators are invertible. */
  mergeFrom(rows: GroupedRows, states: readonly Column[], from: number, sign: 1 | -1): void {
    this.#each(states, (accumulator, own) => {
      assert(accumulator.mergeFrom !== undefined, "the aggregate can take states back");
      accumulator.mergeFrom(rows, own, from, sign);
    });
  }

  /**
   * Writes those of groups [0, groupCount) that have rows to `out`, room for u32[groupCount + 1]; returns how many. The
   * first aggregate counts rows.
   */
  selectPresent(groupCount: number, out: Address): number {
    const [rows] = this.#accumulators;
    assert(rows instanceof CountAccumulator, "the first aggregate counts rows");
    return rows.selectPresent(groupCount, out);
  }

  /** Groups [at, at + count), which are new, become the groups u32[count] at `groups` of a set of the same plan, all invertible. */
  copyGroups(from: AggregateSet, groups: Address, count: number, at: number): void {
    this.#accumulators.forEach((accumulator, i) => {
      assert(accumulator.copyGroups !== undefined, "the aggregate can copy groups");
      accumulator.copyGroups(from.#accumulators[i], groups, count, at);
    });
  }

  /** Hands each accumulator its state columns. */
  #each(states: readonly Column[], take: (accumulator: Accumulator, own: readonly Column[]) => void): void {
    let first = 0;
    for (const accumulator of this.#accumulators) {
      const width = accumulator.stateTypes.length;
      take(accumulator, states.slice(first, first + width));
      first += width;
    }
  }

  /** Partial states of groups [from, from + count); the caller owns the columns. */
  stateColumns(from: number, count: number): Column[] {
    return this.#accumulators.flatMap((accumulator) => accumulator.stateColumns(from, count));
  }

  /** Whether `gatherStates` reads these groups alone. */
  get gathersStates(): boolean {
    return this.#accumulators.every((one) => one.gatherStates !== undefined || one.withGroups !== undefined);
  }

  /** Partial states of the groups u32[count] at `groups`, of `groupCount` in all; the caller owns the columns. */
  gatherStates(groups: Address, count: number, groupCount: number): Column[] {
    return this.#accumulators.flatMap((accumulator) => {
      if (accumulator.gatherStates !== undefined) return accumulator.gatherStates(groups, count);
      if (accumulator.withGroups !== undefined) {
        return accumulator.withGroups(groups, count, () => accumulator.stateColumns(0, count));
      }
      const all = accumulator.stateColumns(0, groupCount);
      const chosen = all.map((column) => gatherColumn(this.#workspace, column, groups, count));
      for (const column of all) column.release();
      return chosen;
    });
  }

  /** Results of groups [from, from + count), one column per aggregate; the caller owns the columns. */
  results(from: number, count: number): Column[] {
    return this.#plan.bound.map((bound, i) => bound.read(this.#accumulators[this.#accumulatorOf[i]], from, count));
  }

  /** So many groups are expected. */
  reserve(groupCount: number): void {
    for (const accumulator of this.#accumulators) accumulator.reserve?.(groupCount);
  }

  reset(): void {
    for (const accumulator of this.#accumulators) accumulator.reset();
  }

  release(): void {
    for (const accumulator of this.#accumulators) accumulator.release();
  }
}
