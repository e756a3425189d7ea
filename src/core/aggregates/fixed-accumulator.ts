import type { Column } from "../column.ts";
import { allocateBitmap, columnOf } from "../columns/allocate.ts";
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

  protected constructor(workspace: Workspace, stride: number, merge: MergeKernel) {
    this.workspace = workspace;
    this.records = new GroupArray(workspace, stride);
    this.#mergeRecords = merge;
  }

  get memoryBytes(): number {
    return this.records.byteLength;
  }

  abstract update(rows: GroupedRows, columns: readonly Column[]): void;

  merge({ groups, rowCount, groupCount }: GroupedRows, [states]: readonly Column[]): void {
    const state = this.records.ensure(groupCount);
    if (rowCount === 0) return;
    const first = states.data + this.workspace.i32[states.offsets >>> 2];
    this.#mergeRecords(groups, first, rowCount, state);
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
    const { i32 } = this.workspace;
    for (let i = 0; i <= count; i++) i32[(offsets.address >>> 2) + i] = i * stride;
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
