import type { Column } from "../column.ts";
import { buildColumn } from "../columns/builder.ts";
import { concatColumns } from "../columns/concat.ts";
import { gatherColumn } from "../columns/gather.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Accumulator, GroupedRows } from "./accumulator.ts";
import { ExtremeAccumulator } from "./extreme.ts";
import { GroupArray } from "./group-array.ts";

/** Rows that were replaced by later ones are dropped once they are this many times the groups. */
const STALE_PER_GROUP = 2;
const STALE_ROWS = 16_384;

/** One row of values per group, of any type: chunks of rows in the order they were chosen, and a pointer per group. */
export class ChosenRows {
  readonly #workspace: Workspace;
  readonly #type: DataType;
  readonly #pointers: GroupArray;
  #chunks: Column[] = [];
  #rowCount = 0;
  #groupCount = 0;

  constructor(workspace: Workspace, type: DataType) {
    this.#workspace = workspace;
    this.#type = type;
    this.#pointers = new GroupArray(workspace, 4);
  }

  get memoryBytes(): number {
    return this.#pointers.byteLength;
  }

  /** Lets `choose` leave pending marks in u32 per group, then keeps the marked rows of `column`. */
  choose({ groups, rowCount, groupCount }: GroupedRows, column: Column, choose: (pointers: number) => void): void {
    const pointers = this.#pointers.ensure(groupCount);
    this.#groupCount = groupCount;
    choose(pointers);
    const rows = this.#workspace.allocate(rowCount * 4);
    const { kernels } = this.#workspace;
    const count = kernels.aggCollect(groups, rowCount, this.#rowCount, pointers, rows.address);
    if (count > 0) {
      this.#chunks.push(gatherColumn(this.#workspace, column, rows.address, count));
      this.#rowCount += count;
    }
    rows.release();
    if (this.#rowCount > STALE_ROWS + groupCount * STALE_PER_GROUP) this.#compact();
  }

  /** The rows of groups [from, from + count), null where none was chosen; the caller owns the column. */
  rows(from: number, count: number): Column {
    const pointers = this.#pointers.ensure(from + count) + from * 4;
    const indices = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.aggStoreRows(pointers, count, indices.address);
    const column = gatherColumn(this.#workspace, this.#joined(), indices.address, count, true);
    indices.release();
    return column;
  }

  growthBytes(groupCount: number): number {
    return this.#pointers.growthBytes(groupCount);
  }

  release(): void {
    this.#pointers.release();
    for (const chunk of this.#chunks) chunk.release();
    this.#chunks = [];
    this.#rowCount = 0;
    this.#groupCount = 0;
  }

  #compact(): void {
    const indices = this.#workspace.allocate(this.#groupCount * 4);
    const { kernels } = this.#workspace;
    kernels.aggStoreRows(this.#pointers.address, this.#groupCount, indices.address);
    const kept = gatherColumn(this.#workspace, this.#joined(), indices.address, this.#groupCount, true);
    indices.release();
    kernels.aggRenumber(this.#pointers.address, this.#groupCount);
    for (const chunk of this.#chunks) chunk.release();
    this.#chunks = [kept];
    this.#rowCount = this.#groupCount;
  }

  #joined(): Column {
    if (this.#chunks.length === 0) this.#chunks.push(buildColumn(this.#workspace, this.#type, []));
    if (this.#chunks.length > 1) {
      const joined = concatColumns(this.#workspace, this.#chunks);
      for (const chunk of this.#chunks) chunk.release();
      this.#chunks = [joined];
    }
    return this.#chunks[0];
  }
}

/** The first or last value of a group in the order of rows; nulls are passed over. Its partial state is the value. */
export class PositionAccumulator implements Accumulator {
  readonly stateTypes: readonly DataType[];
  readonly #workspace: Workspace;
  readonly #rows: ChosenRows;
  readonly #isLast: boolean;

  constructor(workspace: Workspace, type: DataType, isLast: boolean) {
    this.stateTypes = [type];
    this.#workspace = workspace;
    this.#rows = new ChosenRows(workspace, type);
    this.#isLast = isLast;
  }

  get memoryBytes(): number {
    return this.#rows.memoryBytes;
  }

  update(rows: GroupedRows, [column]: readonly Column[]): void {
    const { kernels } = this.#workspace;
    this.#rows.choose(rows, column, (pointers) => {
      if (column.nullCount === rows.rowCount) return;
      const choose = this.#isLast ? kernels.aggLast : kernels.aggFirst;
      choose(rows.groups, column.validity, rows.rowCount, pointers);
    });
  }

  merge(rows: GroupedRows, states: readonly Column[]): void {
    this.update(rows, states);
  }

  value(from: number, count: number): Column {
    return this.#rows.rows(from, count);
  }

  stateColumns(from: number, count: number): Column[] {
    return [this.value(from, count)];
  }

  growthBytes(groupCount: number): number {
    return this.#rows.growthBytes(groupCount);
  }

  reset(): void {
    this.#rows.release();
  }

  release(): void {
    this.#rows.release();
  }
}

/**
 * A value, which may be null, of the row where another column is least or greatest; the first such row wins.
 * Rows where the other column is null are passed over. Inputs: value, order.
 */
export class ExtremeRowAccumulator implements Accumulator {
  readonly stateTypes: readonly DataType[];
  readonly #rows: ChosenRows;
  readonly #order: ExtremeAccumulator;

  constructor(workspace: Workspace, valueType: DataType, orderType: DataType, isMax: boolean) {
    this.stateTypes = [valueType, orderType];
    this.#rows = new ChosenRows(workspace, valueType);
    this.#order = new ExtremeAccumulator(workspace, orderType, isMax);
  }

  get memoryBytes(): number {
    return this.#rows.memoryBytes + this.#order.memoryBytes;
  }

  update(rows: GroupedRows, [value, order]: readonly Column[]): void {
    this.#rows.choose(rows, value, (pointers) => this.#order.updateMarking(rows, order, pointers));
  }

  merge(rows: GroupedRows, states: readonly Column[]): void {
    this.update(rows, states);
  }

  value(from: number, count: number): Column {
    return this.#rows.rows(from, count);
  }

  stateColumns(from: number, count: number): Column[] {
    return [this.value(from, count), this.#order.best(from, count)];
  }

  growthBytes(groupCount: number): number {
    return this.#rows.growthBytes(groupCount) + this.#order.growthBytes(groupCount);
  }

  reset(): void {
    this.release();
  }

  release(): void {
    this.#rows.release();
    this.#order.release();
  }
}
