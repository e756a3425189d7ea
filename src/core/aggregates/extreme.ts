import type { Column } from "../column.ts";
import { allocateBitmap, columnOf } from "../columns/allocate.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { type DataType, isVariableLength } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Accumulator, GroupedRows } from "./accumulator.ts";
import { GroupArray } from "./group-array.ts";
import { hasOrderWords, orderWords, valuesOfWords } from "./order-words.ts";

/**
 * The least or greatest value of a column that is not null: strings by their bytes, false before true, NaN above
 * infinity, -0 as 0. Its partial state is the value itself.
 */
export class ExtremeAccumulator implements Accumulator {
  readonly stateTypes: readonly DataType[];
  readonly isAssociative = true;
  readonly #workspace: Workspace;
  readonly #type: DataType;
  readonly #isMax: boolean;
  #records: GroupArray;
  #arena: StringArena | undefined;
  #groupCount = 0;

  constructor(workspace: Workspace, type: DataType, isMax: boolean) {
    this.stateTypes = [type];
    this.#workspace = workspace;
    this.#type = type;
    this.#isMax = isMax;
    this.#records = new GroupArray(workspace, type.kind === "decimal" ? 24 : 16);
  }

  get memoryBytes(): number {
    return this.#records.byteLength + (this.#arena?.block.byteLength ?? 0);
  }

  update(rows: GroupedRows, columns: readonly Column[]): void {
    this.updateMarking(rows, columns[0], 0);
  }

  merge(rows: GroupedRows, states: readonly Column[]): void {
    this.update(rows, states);
  }

  /** Like `update`; a row that becomes its group's best is left pending in `pointers` u32 per group (see ChosenRows). */
  updateMarking({ groups, rowCount, groupCount, isWhole }: GroupedRows, column: Column, pointers: Address): void {
    const { kernels } = this.#workspace;
    const state = this.#records.ensure(groupCount);
    this.#groupCount = groupCount;
    if (rowCount === 0 || column.nullCount === rowCount) return;
    const plain = decodeDictionary(this.#workspace, column);
    const { data, validity } = plain;
    if (isVariableLength(this.#type)) this.#updateStrings(groups, plain, rowCount, state, pointers);
    else if (hasOrderWords(this.#type)) {
      const words = orderWords(this.#workspace, plain);
      const best = this.#isMax ? kernels.aggMaxWord : kernels.aggMinWord;
      if (isWhole && pointers === 0) kernels.aggAllBestWord(words.address, validity, rowCount, this.#isMax, state);
      else best(groups, words.address, validity, rowCount, state, pointers);
      words.release();
    } else kernels.aggBest128(groups, data, validity, rowCount, this.#isMax, state, pointers);
    plain.release();
  }

  stateColumns(from: number, count: number): Column[] {
    return [this.best(from, count)];
  }

  /** Null where every value was null. */
  best(from: number, count: number): Column {
    const { kernels } = this.#workspace;
    const state = this.#records.ensure(from + count) + from * this.#records.stride;
    const validity = allocateBitmap(this.#workspace, count);
    if (isVariableLength(this.#type)) {
      const offsets = this.#workspace.allocate((count + 1) * 4);
      const total = kernels.aggStringOffsets(state, count, offsets.address, validity.address);
      const data = this.#workspace.allocate(total + 16);
      kernels.aggStringBytes(state, count, this.#arena?.block.address ?? 0, data.address);
      return columnOf(this.#workspace, this.#type, count, { data, offsets, validity });
    }
    if (hasOrderWords(this.#type)) {
      const words = this.#workspace.allocate(count * 8);
      kernels.aggWordResult(state, count, words.address, validity.address);
      const column = valuesOfWords(this.#workspace, this.#type, words.address, count, validity);
      words.release();
      return column;
    }
    const data = this.#workspace.allocate(count * 16);
    kernels.agg128Result(state, count, data.address, validity.address);
    return columnOf(this.#workspace, this.#type, count, { data, validity });
  }

  withGroups<T>(groups: Address, count: number, read: () => T): T {
    const all = this.#records;
    this.#records = all.gather(groups, count);
    try {
      return read();
    } finally {
      this.#records.release();
      this.#records = all;
    }
  }

  growthBytes(groupCount: number): number {
    return this.#records.growthBytes(groupCount);
  }

  reset(): void {
    this.release();
  }

  release(): void {
    this.#records.release();
    this.#arena?.block.release();
    this.#arena?.state.release();
    this.#arena = undefined;
    this.#groupCount = 0;
  }

  #updateStrings(groups: Address, column: Column, rowCount: number, state: Address, pointers: Address): void {
    const { kernels } = this.#workspace;
    const { data, offsets, validity } = column;
    this.#arena ??= {
      block: this.#workspace.allocate(SMALLEST_ARENA),
      state: this.#workspace.allocateZeroed(8),
    };
    let row = 0;
    while (true) {
      const { block, state: arenaState } = this.#arena;
      const { address, byteLength } = block;
      const isMax = this.#isMax;
      row = kernels.aggBestString(
        groups,
        data,
        offsets,
        validity,
        row,
        rowCount,
        isMax,
        state,
        address,
        byteLength,
        arenaState.address,
        pointers,
      );
      if (row === rowCount) return;
      this.#makeRoom(this.#arena, state, column, row);
    }
  }

  /** Replaced strings leave gaps: compacts them away, into a larger arena where that would not free half of it. */
  #makeRoom(arena: StringArena, state: Address, column: Column, row: number): void {
    const { kernels, i32 } = this.#workspace;
    const at = (column.offsets >>> 2) + row;
    const needed = i32[at + 1] - i32[at];
    const scratch = this.#workspace.allocate((this.#groupCount + 1) * 4);
    const bits = allocateBitmap(this.#workspace, this.#groupCount);
    const live = kernels.aggStringOffsets(state, this.#groupCount, scratch.address, bits.address);
    bits.release();
    scratch.release();
    const block = this.#workspace.allocate(Math.max((live + needed) * 2, arena.block.byteLength));
    const used = kernels.aggCompactStrings(state, this.#groupCount, arena.block.address, block.address);
    arena.block.release();
    arena.block = block;
    this.#workspace.u32[arena.state.address >>> 2] = used >>> 0;
  }
}

const SMALLEST_ARENA = 4096;

interface StringArena {
  block: Block;
  readonly state: Block;
}
