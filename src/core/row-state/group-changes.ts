import type { AggregateSet } from "../aggregates/aggregate-set.ts";
import { GroupArray } from "../aggregates/group-array.ts";
import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import type { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { OperatorContext } from "../operator.ts";
import { Schema } from "../schema.ts";
import { SnapshotLineage } from "../state/snapshot-lineage.ts";
import { REMOVED_FIELD, type SnapshotWriter } from "../state-snapshot.ts";
import { bool } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { keyGroupColumn } from "./stream-rows.ts";

/** u32[count], ascending. */
export interface ChangedGroups {
  readonly groups: Block;
  readonly count: number;
}

/** Which groups of a table have changed since a snapshot; nothing is marked before the first one. */
export class GroupChanges {
  readonly #workspace: Workspace;
  readonly #lineage = new SnapshotLineage();
  readonly #marks: GroupArray;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.#marks = new GroupArray(workspace, 1);
  }

  get memoryBytes(): number {
    return this.#marks.byteLength;
  }

  /** The groups u32[count], of `groupCount`, change. */
  mark(groups: Address, count: number, groupCount: number): void {
    if (!this.#lineage.isTracking) return;
    this.#workspace.kernels.changesMark(groups, count, this.#marks.ensure(groupCount));
  }

  /**
   * A snapshot is taken: u32[count], the groups that have changed since the one that it builds on, which the caller owns;
   * undefined where all are to be written.
   */
  take({ number, changes }: SnapshotWriter, groupCount: number): ChangedGroups | undefined {
    // On one without a number none will build.
    if (number === undefined) return undefined;
    const { joins, isKnown } = this.#lineage.next(number, changes?.since);
    const groups = this.#workspace.allocate(groupCount * 4);
    const { kernels } = this.#workspace;
    const count = kernels.changesTake(this.#marks.ensure(groupCount), groupCount, joins, groups.address);
    if (isKnown) return { groups, count };
    groups.release();
    return undefined;
  }

  /** Groups are numbered anew: the next snapshot is written whole. */
  forget(): void {
    this.#lineage.forget();
    this.#marks.release();
  }

  release(): void {
    this.#marks.release();
  }
}

/**
 * Key groups, keys and states of groups that have changed, and whether they are gone: `counts`, which it takes over, int64
 * per group, says how many rows each has.
 */
export function changedRows(
  context: OperatorContext,
  { fields }: Schema,
  changed: ChangedGroups & {
    readonly table: GroupTable;
    readonly aggregates: AggregateSet;
    readonly counts: Column;
  },
): Batch {
  const { workspace } = context;
  const { table, aggregates, groups, count, counts } = changed;
  const keys = table.gatherKeys(groups.address, count);
  const states = aggregates.gatherStates(groups.address, count, table.groupCount);
  const removed = workspace.allocate(((count + 7) >>> 3) + 1);
  workspace.kernels.changesRemoved(counts.data, count, removed.address);
  counts.release();
  const marks = columnOf(workspace, bool, count, { data: removed });
  const columns = [keyGroupColumn(context, keys, count), ...keys, ...states, marks];
  return new Batch(new Schema([...fields, REMOVED_FIELD]), count, columns);
}
