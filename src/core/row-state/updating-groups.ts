import { type AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import { GroupArray } from "../aggregates/group-array.ts";
import type { Column } from "../column.ts";
import { gatherColumn } from "../columns/gather.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { OperatorContext } from "../operator.ts";
import { snapshotRows } from "../state-snapshot.ts";
import type { DataType } from "../types.ts";
import { GroupChanges } from "./group-changes.ts";
import { GroupPlaces } from "./group-places.ts";
import type { KeyTimes } from "./key-times.ts";

export interface UpdatingGroupsOptions {
  readonly keyTypes: readonly DataType[];
  /** Its last aggregate counts rows. */
  readonly plan: AggregatePlan;
  /** Rows may be taken back. */
  readonly takesBack: boolean;
  /** When keys expire; absent where they do not. */
  readonly times?: KeyTimes;
}

/** Groups that have rows, of `size` groups from `from` on: u32[count] at `rows`, counted from `from`. */
interface LivingGroups {
  readonly rows: Block;
  readonly count: number;
  readonly from: number;
  readonly size: number;
}

/** Keys with their accumulators, one group each; without key columns one group, which is there from the start. */
export class UpdatingGroups {
  readonly #context: OperatorContext;
  readonly #options: UpdatingGroupsOptions;
  readonly table: GroupTable | undefined;
  readonly aggregates: AggregateSet;
  /** u8 per group: scratch of `changelogTouched`. */
  readonly flags: GroupArray;
  /** Where keys expire: accumulators are by place then, and else by group. */
  readonly places: GroupPlaces | undefined;
  /** Undefined where keys expire: all of them are written with each snapshot then. */
  readonly changes: GroupChanges | undefined;

  constructor(context: OperatorContext, options: UpdatingGroupsOptions) {
    const { workspace } = context;
    const { keyTypes, plan, takesBack, times } = options;
    this.#context = context;
    this.#options = options;
    this.table = keyTypes.length === 0 ? undefined : new GroupTable(workspace, keyTypes);
    this.aggregates = new AggregateSet(workspace, plan);
    this.flags = new GroupArray(workspace, 1);
    this.places = times && new GroupPlaces(workspace, times, takesBack);
    this.changes = times === undefined && keyTypes.length > 0 ? new GroupChanges(workspace) : undefined;
  }

  get groupCount(): number {
    return this.table?.groupCount ?? 1;
  }

  /** Accumulators, of groups or places. */
  get count(): number {
    return this.places?.count ?? this.groupCount;
  }

  get memoryBytes(): number {
    const marks = this.flags.byteLength + (this.places?.memoryBytes ?? 0) + (this.changes?.memoryBytes ?? 0);
    return (this.table?.memoryBytes ?? 0) + this.aggregates.memoryBytes + marks;
  }

  /** u32[rowCount]: the group of each row; the caller owns the block. */
  assign(keys: readonly Column[], rowCount: number): Block {
    return this.table?.assign(keys, rowCount) ?? this.#context.workspace.allocateZeroed(rowCount * 4);
  }

  /** Keys of groups, or of places, u32[count]; the caller owns the columns. */
  keysAt(groups: Address, count: number): Column[] {
    if (this.table === undefined || this.places === undefined) return this.table?.gatherKeys(groups, count) ?? [];
    const owners = this.places.ownersOf(groups, count);
    const keys = this.table.gatherKeys(owners.address, count);
    owners.release();
    return keys;
  }

  /** int64[count]: how many rows groups, or places, u32[count] have; the caller owns the column. */
  rowsOf(groups: Address, count: number): Column {
    return this.aggregates.resultOf(this.#options.plan.bound.length - 1, groups, count, this.count);
  }

  /** Groups, or places, with rows, in pieces of up to `limit`. Blocks are borrowed. */
  *living(limit: number): Generator<LivingGroups, void, void> {
    const { workspace } = this.#context;
    const total = this.count;
    for (let from = 0; from < total; from += limit) {
      const size = Math.min(limit, total - from);
      const numbers = workspace.allocate(size * 4);
      workspace.kernels.groupSequence(from, size, numbers.address);
      const counts = this.aggregates.resultOf(this.#options.plan.bound.length - 1, numbers.address, size, total);
      const rows = workspace.allocate(size * 4 + 4);
      const count =
        this.places?.living(from, size, counts.data, rows.address) ??
        workspace.kernels.changelogLiving(counts.data, size, rows.address);
      numbers.release();
      counts.release();
      try {
        if (count > 0) yield { rows, count, from, size };
      } finally {
        rows.release();
      }
    }
  }

  /** Keys and states of groups with rows and, where keys expire, when each was renewed; the columns are the caller's. */
  *states(): Generator<{ columns: Column[]; count: number }, void, void> {
    const { workspace, batchRows } = this.#context;
    const { table, aggregates, places } = this;
    for (const { rows, count, from, size } of this.living(snapshotRows(batchRows))) {
      const states = aggregates.stateColumns(from, size);
      const all = [...(places === undefined ? (table?.keyColumns(from, size) ?? []) : []), ...states];
      const columns = all.map((column) => gatherColumn(workspace, column, rows.address, count));
      for (const column of all) column.release();
      if (places === undefined) yield { columns, count };
      else {
        const numbers = workspace.allocate(size * 4);
        const at = workspace.allocate(count * 4);
        workspace.kernels.groupSequence(from, size, numbers.address);
        workspace.kernels.gather32(numbers.address, rows.address, count, at.address);
        const owners = places.ownersOf(at.address, count);
        const keys = table?.gatherKeys(owners.address, count) ?? [];
        const times = places.times.of(owners.address, count);
        for (const owned of [numbers, at, owners]) owned.release();
        yield { columns: [...keys, ...columns, times], count };
      }
    }
  }

  /** So many groups are expected. */
  reserve(groupCount: number): void {
    this.table?.reserve(groupCount);
    if (this.places === undefined) this.aggregates.reserve(groupCount);
  }

  /** Takes in columns of `states`, which it borrows. */
  merge(columns: readonly Column[], rowCount: number): void {
    const { table, aggregates, places } = this;
    const width = this.#options.keyTypes.length;
    const known = table?.groupCount ?? places?.count ?? 1;
    const groups = this.assign(columns.slice(0, width), rowCount);
    const { groupCount } = this;
    const states = columns.slice(width);
    const times = states[this.#options.plan.stateFields("").length] as Column | undefined;
    const at = places?.restore(groups.address, known, groupCount, rowCount, times) ?? groups.retain();
    aggregates.merge({ groups: at.address, rowCount, groupCount: this.count }, states);
    if (places?.takesBack === true) {
      const rows = this.rowsOf(at.address, rowCount);
      places.restoreRows(at.address, rows);
      rows.release();
    }
    groups.release();
    at.release();
  }

  /** The same without groups that have no rows, under other numbers; these groups are to be released. */
  compacted(): UpdatingGroups {
    const times = this.places?.times.renumbered();
    const fresh = new UpdatingGroups(this.#context, { ...this.#options, ...(times === undefined ? {} : { times }) });
    for (const { columns, count } of this.states()) {
      fresh.merge(columns, count);
      for (const column of columns) column.release();
    }
    return fresh;
  }

  release(): void {
    for (const owned of [this.table, this.aggregates, this.flags, this.places, this.changes]) owned?.release();
  }
}
