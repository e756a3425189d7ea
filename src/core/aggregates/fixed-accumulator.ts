import type { Column } from "../column.ts";
import { allocateBitmap, columnOf } from "../columns/allocate.ts";
import { assert } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { binary, type DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Accumulator, GroupedRows } from "./accumulator.ts";
import { GroupArray } from "./group-array.ts";

/** Merges records u8[length][stride] at `states` into those of their groups. */
export type MergeKernel = (groups: Address, states: Address, length: number, state: Address) => void;

/**
 * An accumulator whose state is one record of fixed size per group (layouts: kernels/aggregate-*.ts).
 * Its partial state is a binary column of these records.
 */
export abstract class FixedAccumulator implements Accumulator {
  readonly stateTypes: readonly DataType[] = [binary];
  protected readonly workspace: Workspace;
  protected records: GroupArray;
  readonly #mergeRecords: MergeKernel;
  readonly #unmergeRecords: MergeKernel | undefined;

  /** `unmerge` takes back exactly what `merge` added; absent where it cannot. */
  protected constructor(workspace: Workspace, stride: number, merge: MergeKernel, unmerge?: MergeKernel) {
    this.workspace = workspace;
    this.records = new GroupArray(workspace, stride);
    this.#mergeRecords = merge;
    this.#unmergeRecords = unmerge;
  }

  get memoryBytes(): number {
    return this.records.byteLength;
  }

  get isInvertible(): boolean {
    return this.#unmergeRecords !== undefined;
  }

  abstract update(rows: GroupedRows, columns: readonly Column[]): void;

  merge(rows: GroupedRows, states: readonly Column[]): void {
    this.mergeFrom(rows, states, 0, 1);
  }

  mergeFrom(
    { groups, rowCount, groupCount }: GroupedRows,
    [states]: readonly Column[],
    from: number,
    sign: 1 | -1,
  ): void {
    const state = this.records.ensure(groupCount);
    if (rowCount === 0) return;
    const take = sign > 0 ? this.#mergeRecords : this.#unmergeRecords;
    assert(take !== undefined, "the aggregate is invertible");
    take(groups, states.data + this.workspace.i32[(states.offsets >>> 2) + from], rowCount, state);
  }

  copyGroups(from: Accumulator, groups: Address, count: number, at: number): void {
    assert(from instanceof FixedAccumulator, "both are of one aggregate");
    const { stride } = this.records;
    const out = this.records.ensure(at + count) + at * stride;
    this.workspace.kernels.sessionGatherRecords(from.recordsFrom(0, 0), stride, groups, count, out);
  }

  stateColumns(from: number, count: number): Column[] {
    const data = this.workspace.allocate(count * this.records.stride + 16);
    this.workspace.kernels.copyBytes(data.address, this.recordsFrom(from, count), count * this.records.stride);
    return [this.#recordColumn(data, count)];
  }

  gatherStates(groups: Address, count: number): Column[] {
    const { stride } = this.records;
    const data = this.workspace.allocate(count * stride + 16);
    this.workspace.kernels.sessionGatherRecords(this.recordsFrom(0, 0), stride, groups, count, data.address);
    return [this.#recordColumn(data, count)];
  }

  #recordColumn(data: Block, count: number): Column {
    const { stride } = this.records;
    const offsets = this.workspace.allocate((count + 1) * 4);
    this.workspace.kernels.fillSteps32(stride, count + 1, offsets.address);
    return columnOf(this.workspace, binary, count, { data, offsets });
  }

  withGroups<T>(groups: Address, count: number, read: () => T): T {
    const all = this.records;
    this.records = all.gather(groups, count);
    try {
      return read();
    } finally {
      this.records.release();
      this.records = all;
    }
  }

  growthBytes(groupCount: number): number {
    return this.records.growthBytes(groupCount);
  }

  reserve(groupCount: number): void {
    this.records.reserve(groupCount);
  }

  reset(): void {
    this.records.release();
  }

  release(): void {
    this.records.release();
  }

  /** Records of groups [from, from + count), which exist also where no row reached them. */
  protected recordsFrom(from: number, count: number): Address {
    return this.records.ensure(from + count) + from * this.records.stride;
  }

  /** A fixed-width column that a kernel fills, with its validity. */
  protected resultColumn(
    type: DataType,
    width: number,
    count: number,
    fill: (out: Address, validity: Address) => void,
  ): Column {
    const data = this.workspace.allocate(count * width);
    const validity = allocateBitmap(this.workspace, count);
    fill(data.address, validity.address);
    return columnOf(this.workspace, type, count, { data, validity });
  }
}
