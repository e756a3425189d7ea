import { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { gatherColumn } from "../columns/gather.ts";
import { sliceColumn } from "../columns/slice.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { type DataType, int64, list, uint32 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Accumulator, GroupedRows } from "./accumulator.ts";
import { GroupArray } from "./group-array.ts";
import { ValueLog } from "./value-list.ts";

/**
 * How often each value occurs in a group, for aggregates of distinct values that rows may be taken back from: the least
 * and greatest value, counts and sums of distinct values. Nulls do not count. A result is computed from the values of a
 * group that are left. The partial state is the list of values and that of their counts.
 */
export class ValueCounts implements Accumulator {
  readonly stateTypes: readonly DataType[];
  readonly #workspace: Workspace;
  readonly #type: DataType;
  /** (group, value) to pair. */
  readonly #pairs: GroupTable;
  readonly #counts: GroupArray;
  /** Pairs by group: kernels/changelog.ts. */
  readonly #owners: GroupArray;
  readonly #heads: GroupArray;
  readonly #next: GroupArray;
  #groupCount = 0;

  constructor(workspace: Workspace, type: DataType) {
    this.stateTypes = [list(type), list(int64)];
    this.#workspace = workspace;
    this.#type = type;
    this.#pairs = new GroupTable(workspace, [uint32, type]);
    this.#counts = new GroupArray(workspace, 8);
    this.#owners = new GroupArray(workspace, 4);
    this.#heads = new GroupArray(workspace, 4);
    this.#next = new GroupArray(workspace, 4);
  }

  get memoryBytes(): number {
    const arrays = [this.#counts, this.#owners, this.#heads, this.#next];
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, this.#pairs.memoryBytes);
  }

  update(rows: GroupedRows, columns: readonly Column[]): void {
    this.#add(rows, columns, 1);
  }

  retract(rows: GroupedRows, columns: readonly Column[]): void {
    this.#add(rows, columns, -1);
  }

  merge({ groups, rowCount, groupCount }: GroupedRows, [lists, counts]: readonly Column[]): void {
    const first = rowCount === 0 ? 0 : this.#workspace.i32[lists.offsets >>> 2];
    const count = rowCount === 0 ? 0 : this.#workspace.i32[(lists.offsets >>> 2) + rowCount] - first;
    const owners = this.#workspace.allocate(count * 4);
    if (rowCount > 0) this.#workspace.kernels.aggExpand(groups, lists.offsets, rowCount, owners.address);
    const values = sliceColumn(this.#workspace, lists.children[0], first, count);
    const firstCount = rowCount === 0 ? 0 : this.#workspace.i32[counts.offsets >>> 2];
    const weights = sliceColumn(this.#workspace, counts.children[0], firstCount, count);
    const pairs = this.#assign(owners, values, count, groupCount);
    this.#workspace.kernels.changelogWeigh(pairs.address, count, weights.data, this.#counts.address);
    for (const owned of [pairs, weights, values, owners]) owned.release();
  }

  stateColumns(from: number, count: number): Column[] {
    const groups = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.groupSequence(from, count, groups.address);
    const logs = [new ValueLog(this.#workspace, this.#type), new ValueLog(this.#workspace, int64)];
    this.#withValues(groups.address, count, (places, values, pairs, size) => {
      const owners = this.#workspace.allocate(size * 4);
      const { kernels } = this.#workspace;
      kernels.copyBytes(owners.address, places.address, size * 4);
      const copy = this.#workspace.allocate(size * 4);
      kernels.copyBytes(copy.address, places.address, size * 4);
      const data = this.#workspace.allocate(size * 8);
      kernels.gather64(this.#counts.address, pairs.address, size, data.address);
      logs[0].append(owners, values.retain());
      logs[1].append(copy, columnOf(this.#workspace, int64, size, { data }));
    });
    groups.release();
    const columns = logs.map((log) => {
      const lists = log.lists(count);
      const column = sliceColumn(this.#workspace, lists, 0, count);
      return column;
    });
    for (const log of logs) log.release();
    return columns;
  }

  /** Feeds each distinct value that is left of the groups u32[count] to an accumulator, whose groups are 0..count-1. */
  feed(groups: Address, count: number, accumulator: Accumulator): void {
    this.#withValues(groups, count, (places, values, _, size) => {
      accumulator.update({ groups: places.address, rowCount: size, groupCount: count }, [values]);
    });
  }

  growthBytes(groupCount: number, rowCount: number): number {
    return this.#pairs.growthBytes(rowCount) + this.#heads.growthBytes(groupCount);
  }

  reset(): void {
    this.#pairs.reset();
    for (const array of [this.#counts, this.#owners, this.#heads, this.#next]) array.release();
    this.#groupCount = 0;
  }

  release(): void {
    this.#pairs.release();
    for (const array of [this.#counts, this.#owners, this.#heads, this.#next]) array.release();
  }

  #add({ groups, rowCount, groupCount }: GroupedRows, [column]: readonly Column[], sign: number): void {
    this.#heads.ensure(groupCount);
    this.#groupCount = Math.max(this.#groupCount, groupCount);
    if (rowCount === 0 || column.nullCount === rowCount) return;
    const present = this.#workspace.allocate((rowCount + 1) * 4);
    const { kernels } = this.#workspace;
    const count = kernels.aggPresentRows(column.validity, rowCount, present.address);
    const owners = this.#workspace.allocate(count * 4);
    kernels.gather32(groups, present.address, count, owners.address);
    const values = gatherColumn(this.#workspace, column, present.address, count);
    const pairs = this.#assign(owners, values, count, groupCount);
    kernels.changelogCount(pairs.address, count, sign, this.#counts.address);
    for (const owned of [pairs, values, owners, present]) owned.release();
  }

  /** u32 pair of each row; new pairs are chained to their groups. The caller owns the block. */
  #assign(owners: Block, values: Column, count: number, groupCount: number): Block {
    const before = this.#pairs.groupCount;
    const ownerColumn = new Column(uint32, count, { data: owners.address }, [owners.retain()]);
    const pairs = this.#pairs.assign([ownerColumn, values], count);
    ownerColumn.release();
    const after = this.#pairs.groupCount;
    this.#groupCount = Math.max(this.#groupCount, groupCount);
    for (const array of [this.#owners, this.#next, this.#counts]) array.ensure(after);
    this.#heads.ensure(this.#groupCount);
    if (after > before) {
      const [ownersOfPairs, valuesOfPairs] = this.#pairs.keyColumns(before, after - before);
      const { kernels } = this.#workspace;
      kernels.copyBytes(this.#owners.address + before * 4, ownersOfPairs.data, (after - before) * 4);
      kernels.changelogChain(this.#owners.address, before, after, this.#heads.address, this.#next.address);
      ownersOfPairs.release();
      valuesOfPairs.release();
    }
    return pairs;
  }

  #withValues(
    groups: Address,
    count: number,
    use: (places: Block, values: Column, pairs: Block, size: number) => void,
  ): void {
    this.#groupCount = Math.max(this.#groupCount, 1);
    const heads = this.#heads.ensure(this.#groupCount);
    const { kernels } = this.#workspace;
    const [next, counts] = [this.#next.address, this.#counts.address];
    const size = kernels.changelogEntries(groups, count, heads, next, counts, 0, 0);
    const places = this.#workspace.allocate(size * 4 + 4);
    const pairs = this.#workspace.allocate(size * 4 + 4);
    this.#workspace.kernels.changelogEntries(groups, count, heads, next, counts, places.address, pairs.address);
    const [owners, encoded] = this.#pairs.gatherKeys(pairs.address, size);
    const values = decodeDictionary(this.#workspace, encoded);
    encoded.release();
    try {
      use(places, values, pairs, size);
    } finally {
      for (const owned of [owners, values, places, pairs]) owned.release();
    }
  }
}
