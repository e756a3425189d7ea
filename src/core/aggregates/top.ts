import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { sliceColumn } from "../columns/slice.ts";
import { type DataType, list } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Accumulator, GroupedRows } from "./accumulator.ts";
import { GroupArray } from "./group-array.ts";
import { orderWords, valuesOfWords } from "./order-words.ts";

/** The k greatest or least values of a group, best first, equal ones each; nulls are passed over. */
export class TopAccumulator implements Accumulator {
  readonly stateTypes: readonly DataType[];
  readonly #workspace: Workspace;
  readonly #type: DataType;
  readonly #k: number;
  readonly #isMax: boolean;
  readonly #records: GroupArray;

  constructor(workspace: Workspace, type: DataType, k: number, isMax: boolean) {
    this.stateTypes = [list(type)];
    this.#workspace = workspace;
    this.#type = type;
    this.#k = k;
    this.#isMax = isMax;
    this.#records = new GroupArray(workspace, (k + 1) * 8);
  }

  get memoryBytes(): number {
    return this.#records.byteLength;
  }

  update({ groups, rowCount, groupCount }: GroupedRows, [column]: readonly Column[]): void {
    const state = this.#records.ensure(groupCount);
    if (rowCount === 0 || column.nullCount === rowCount) return;
    const plain = decodeDictionary(this.#workspace, column);
    const words = orderWords(this.#workspace, plain);
    const { kernels } = this.#workspace;
    kernels.aggTop(groups, words.address, plain.validity, rowCount, this.#k, this.#isMax, state);
    words.release();
    plain.release();
  }

  merge({ groups, rowCount, groupCount }: GroupedRows, [lists]: readonly Column[]): void {
    this.#records.ensure(groupCount);
    if (rowCount === 0) return;
    const first = this.#workspace.i32[lists.offsets >>> 2];
    const count = this.#workspace.i32[(lists.offsets >>> 2) + rowCount] - first;
    const elementGroups = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.aggExpand(groups, lists.offsets, rowCount, elementGroups.address);
    const values = sliceColumn(this.#workspace, lists.children[0], first, count);
    this.update({ groups: elementGroups.address, rowCount: count, groupCount }, [values]);
    values.release();
    elementGroups.release();
  }

  /** list of the column's type with at most k values; never null. */
  lists(from: number, count: number): Column {
    const { kernels } = this.#workspace;
    const state = this.#records.ensure(from + count) + from * this.#records.stride;
    const offsets = this.#workspace.allocate((count + 1) * 4);
    const total = kernels.aggTopOffsets(state, count, this.#k, offsets.address);
    const words = this.#workspace.allocate(total * 8);
    kernels.aggTopWords(state, count, this.#k, this.#isMax, words.address);
    const children = [valuesOfWords(this.#workspace, this.#type, words.address, total)];
    words.release();
    return columnOf(this.#workspace, list(this.#type), count, { offsets, children });
  }

  stateColumns(from: number, count: number): Column[] {
    return [this.lists(from, count)];
  }

  growthBytes(groupCount: number): number {
    return this.#records.growthBytes(groupCount);
  }

  reset(): void {
    this.#records.release();
  }

  release(): void {
    this.#records.release();
  }
}
