import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { buildColumn } from "../columns/builder.ts";
import { concatColumns } from "../columns/concat.ts";
import { gatherColumn } from "../columns/gather.ts";
import { sliceColumn } from "../columns/slice.ts";
import type { Block } from "../memory/block.ts";
import { type DataType, float64, list } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Accumulator, GroupedRows } from "./accumulator.ts";
import { floatValues } from "./float-values.ts";

/** All values of each group in the order of rows: a log of (group, value) that is sorted by group when it is read. */
export class ValueLog {
  readonly #workspace: Workspace;
  readonly #type: DataType;
  #log: { groups: Block; values: Column }[] = [];
  #bytes = 0;
  #lists: Column | undefined;

  constructor(workspace: Workspace, elementType: DataType) {
    this.#workspace = workspace;
    this.#type = elementType;
  }

  get memoryBytes(): number {
    return this.#bytes;
  }

  /** Takes over both references; groups u32[values.length]. */
  append(groups: Block, values: Column): void {
    this.#forgetLists();
    this.#log.push({ groups, values });
    this.#bytes += values.length * 16;
  }

  /** The lists of groups 0..groupCount-1, owned by the log until its next change. */
  lists(groupCount: number): Column {
    if (this.#lists !== undefined && this.#lists.length >= groupCount) return this.#lists;
    this.#forgetLists();
    const { kernels } = this.#workspace;
    const { groups, values } = this.#joined();
    const ends = this.#workspace.allocate(groupCount * 4);
    const rows = this.#workspace.allocate(values.length * 4);
    kernels.partitionRows(groups.address, values.length, groupCount, ends.address, rows.address);
    const offsets = this.#workspace.allocate((groupCount + 1) * 4);
    kernels.aggListOffsets(ends.address, groupCount, offsets.address);
    const children = [gatherColumn(this.#workspace, values, rows.address, values.length)];
    ends.release();
    rows.release();
    this.#lists = columnOf(this.#workspace, list(this.#type), groupCount, { offsets, children });
    return this.#lists;
  }

  release(): void {
    this.#forgetLists();
    for (const { groups, values } of this.#log) {
      groups.release();
      values.release();
    }
    this.#log = [];
    this.#bytes = 0;
  }

  #joined(): { groups: Block; values: Column } {
    if (this.#log.length === 1) return this.#log[0];
    const columns = this.#log.map(({ values }) => values);
    const values =
      columns.length === 0 ? buildColumn(this.#workspace, this.#type, []) : concatColumns(this.#workspace, columns);
    const groups = this.#workspace.allocate(values.length * 4);
    let at = groups.address;
    for (const part of this.#log) {
      this.#workspace.kernels.copyBytes(at, part.groups.address, part.values.length * 4);
      at += part.values.length * 4;
      part.groups.release();
      part.values.release();
    }
    this.#log = [{ groups, values }];
    return this.#log[0];
  }

  #forgetLists(): void {
    this.#lists?.release();
    this.#lists = undefined;
  }
}

/** All values of a group as a list in the order of rows, nulls among them. Its partial state is the list. */
export class ListAccumulator implements Accumulator {
  readonly stateTypes: readonly DataType[];
  protected readonly workspace: Workspace;
  protected readonly log: ValueLog;
  #groupCount = 0;

  constructor(workspace: Workspace, elementType: DataType) {
    this.stateTypes = [list(elementType)];
    this.workspace = workspace;
    this.log = new ValueLog(workspace, elementType);
  }

  get memoryBytes(): number {
    return this.log.memoryBytes;
  }

  update({ groups, rowCount, groupCount }: GroupedRows, [column]: readonly Column[]): void {
    this.#groupCount = groupCount;
    if (rowCount === 0) return;
    const copy = this.workspace.allocate(rowCount * 4);
    this.workspace.kernels.copyBytes(copy.address, groups, rowCount * 4);
    this.log.append(copy, column.retain());
  }

  merge({ groups, rowCount, groupCount }: GroupedRows, [lists]: readonly Column[]): void {
    this.#groupCount = groupCount;
    if (rowCount === 0) return;
    const first = this.workspace.i32[lists.offsets >>> 2];
    const count = this.workspace.i32[(lists.offsets >>> 2) + rowCount] - first;
    const elementGroups = this.workspace.allocate(count * 4);
    this.workspace.kernels.aggExpand(groups, lists.offsets, rowCount, elementGroups.address);
    this.log.append(elementGroups, sliceColumn(this.workspace, lists.children[0], first, count));
  }

  /** Never null; a group without rows has an empty list. */
  lists(from: number, count: number): Column {
    return sliceColumn(this.workspace, this.allLists(from + count), from, count);
  }

  stateColumns(from: number, count: number): Column[] {
    return [this.lists(from, count)];
  }

  growthBytes(_groupCount: number, rowCount: number): number {
    return rowCount * 16;
  }

  reset(): void {
    this.release();
  }

  release(): void {
    this.log.release();
    this.#groupCount = 0;
  }

  protected allLists(groupCount: number): Column {
    this.#groupCount = Math.max(this.#groupCount, groupCount);
    return this.log.lists(this.#groupCount);
  }
}

/** Exact quantiles of a numeric column: keeps all values that are not null as float64. */
export class QuantileAccumulator extends ListAccumulator {
  constructor(workspace: Workspace) {
    super(workspace, float64);
  }

  override update(rows: GroupedRows, [column]: readonly Column[]): void {
    const values = floatValues(this.workspace, column);
    if (values.nullCount === 0) super.update(rows, [values]);
    else {
      const { kernels } = this.workspace;
      const present = this.workspace.allocate((rows.rowCount + 1) * 4);
      const count = kernels.aggPresentRows(values.validity, rows.rowCount, present.address);
      const groups = this.workspace.allocate(count * 4);
      kernels.gather32(rows.groups, present.address, count, groups.address);
      const kept = gatherColumn(this.workspace, values, present.address, count);
      super.update({ groups: groups.address, rowCount: count, groupCount: rows.groupCount }, [kept]);
      kept.release();
      groups.release();
      present.release();
    }
    values.release();
  }

  /** float64: interpolated between the two nearest values; null without values. */
  quantile(from: number, count: number, q: number): Column {
    const lists = this.allLists(from + count);
    const data = this.workspace.allocate(count * 8);
    const validity = this.workspace.allocate((count + 7) >>> 3);
    const values = lists.children[0].data;
    // Selection permutes values within their list, which holds them in no promised order.
    this.workspace.kernels.aggQuantile(values, lists.offsets + from * 4, count, q, 1, data.address, validity.address);
    return columnOf(this.workspace, float64, count, { data, validity });
  }

  /** list<float64>: one value per q; null without values. */
  quantiles(from: number, count: number, qs: readonly number[]): Column {
    const lists = this.allLists(from + count);
    const data = this.workspace.allocate(count * qs.length * 8);
    const validity = this.workspace.allocate((count + 7) >>> 3);
    const values = lists.children[0].data;
    qs.forEach((q, i) => {
      const out = data.address + i * 8;
      const at = lists.offsets + from * 4;
      this.workspace.kernels.aggQuantile(values, at, count, q, qs.length, out, validity.address);
    });
    const offsets = this.workspace.allocate((count + 1) * 4);
    const { i32 } = this.workspace;
    for (let i = 0; i <= count; i++) i32[(offsets.address >>> 2) + i] = i * qs.length;
    const children = [columnOf(this.workspace, float64, count * qs.length, { data })];
    return columnOf(this.workspace, list(float64), count, { offsets, validity, children });
  }
}
