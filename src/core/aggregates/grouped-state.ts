import type { Column } from "../column.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { KeyTableOptions } from "../groups/key-table.ts";
import type { Block } from "../memory/block.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { type AggregatePlan, AggregateSet } from "./aggregate-set.ts";

/** Groups and their aggregates. Without key columns all rows are one group, which exists from the start. */
export class GroupedState {
  readonly #workspace: Workspace;
  readonly #table: GroupTable | undefined;
  readonly #aggregates: AggregateSet;

  constructor(workspace: Workspace, keyTypes: readonly DataType[], plan: AggregatePlan, options: KeyTableOptions = {}) {
    this.#workspace = workspace;
    this.#table = keyTypes.length === 0 ? undefined : new GroupTable(workspace, keyTypes, options);
    this.#aggregates = new AggregateSet(workspace, plan);
  }

  get groupCount(): number {
    return this.#table?.groupCount ?? 1;
  }

  get memoryBytes(): number {
    return (this.#table?.memoryBytes ?? 0) + this.#aggregates.memoryBytes;
  }

  /** Bytes that it may take on top for `rowCount` more rows. */
  growthBytes(rowCount: number): number {
    return (
      (this.#table?.growthBytes(rowCount) ?? 0) +
      this.#aggregates.growthBytes(this.groupCount + (this.#table === undefined ? 0 : rowCount), rowCount)
    );
  }

  /** Takes rows in; `columns` are all columns of the input. */
  update(keys: readonly Column[], columns: readonly Column[], rowCount: number): void {
    const groups = this.#assign(keys, rowCount);
    const isWhole = this.#table === undefined;
    this.#aggregates.update({ groups: groups.address, rowCount, groupCount: this.groupCount, isWhole }, columns);
    groups.release();
  }

  /** Takes partial states in. */
  merge(keys: readonly Column[], states: readonly Column[], rowCount: number): void {
    const groups = this.#assign(keys, rowCount);
    this.#aggregates.merge({ groups: groups.address, rowCount, groupCount: this.groupCount }, states);
    groups.release();
  }

  /** Keys and results of groups [from, from + count); the caller owns the columns. */
  results(from: number, count: number): Column[] {
    return [...(this.#table?.keyColumns(from, count) ?? []), ...this.#aggregates.results(from, count)];
  }

  /** Keys and partial states of groups [from, from + count); the caller owns the columns. */
  states(from: number, count: number): Column[] {
    return [...(this.#table?.keyColumns(from, count) ?? []), ...this.#aggregates.stateColumns(from, count)];
  }

  /** Every row as a partial state of its own, next to its keys; nothing is kept. Only while there are no groups. */
  statesOfRows(keys: readonly Column[], columns: readonly Column[], rowCount: number): Column[] {
    const groups = this.#workspace.allocate(rowCount * 4);
    this.#workspace.kernels.groupSequence(0, rowCount, groups.address);
    this.#aggregates.update({ groups: groups.address, rowCount, groupCount: rowCount }, columns);
    groups.release();
    const states = this.#aggregates.stateColumns(0, rowCount);
    this.#aggregates.reset();
    return [...keys.map((key) => key.retain()), ...states];
  }

  reset(): void {
    this.#table?.reset();
    this.#aggregates.reset();
  }

  release(): void {
    this.#table?.release();
    this.#aggregates.release();
  }

  #assign(keys: readonly Column[], rowCount: number): Block {
    if (this.#table !== undefined) return this.#table.assign(keys, rowCount);
    return this.#workspace.allocateZeroed(rowCount * 4);
  }
}
