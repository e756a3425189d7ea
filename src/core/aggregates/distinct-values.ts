import { Column } from "../column.ts";
import { gatherColumn } from "../columns/gather.ts";
import { sliceColumn } from "../columns/slice.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { type DataType, list, uint32 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Accumulator, GroupedRows } from "./accumulator.ts";
import { ValueLog } from "./value-list.ts";

/**
 * Feeds another accumulator each distinct value of a group once, in the order of first occurrence; nulls do not count.
 * The partial state is the list of distinct values.
 */
export class DistinctAccumulator<A extends Accumulator> implements Accumulator {
  readonly stateTypes: readonly DataType[];
  readonly inner: A;
  readonly #workspace: Workspace;
  readonly #type: DataType;
  readonly #seen: GroupTable;
  #distinct: ValueLog | undefined;
  #groupCount = 0;

  /** Takes over `inner`. */
  constructor(workspace: Workspace, type: DataType, inner: A) {
    this.stateTypes = [list(type)];
    this.inner = inner;
    this.#workspace = workspace;
    this.#type = type;
    this.#seen = new GroupTable(workspace, [uint32, type]);
  }

  get memoryBytes(): number {
    return this.#seen.memoryBytes + this.inner.memoryBytes;
  }

  update(rows: GroupedRows, [column]: readonly Column[]): void {
    this.#forgetLists();
    this.#groupCount = rows.groupCount;
    const { kernels } = this.#workspace;
    const present = this.#workspace.allocate((rows.rowCount + 1) * 4);
    // A column of type null has no bitmap.
    const isAllNull = column.nullCount === rows.rowCount;
    const count = isAllNull ? 0 : kernels.aggPresentRows(column.validity, rows.rowCount, present.address);
    this.#withRows(rows.groups, column, present.address, count, (groups, values) => {
      const before = this.#seen.groupCount;
      const pairs = this.#assign(groups, values, count);
      const fresh = this.#workspace.allocate((count + 1) * 4);
      const added = kernels.groupFirstRows(pairs.address, count, before, fresh.address);
      this.#withRows(groups.address, values, fresh.address, added, (freshGroups, freshValues) => {
        const { groupCount } = rows;
        this.inner.update({ groups: freshGroups.address, rowCount: added, groupCount }, [freshValues]);
      });
      fresh.release();
      pairs.release();
    });
    present.release();
  }

  merge({ groups, rowCount, groupCount }: GroupedRows, [lists]: readonly Column[]): void {
    const first = rowCount === 0 ? 0 : this.#workspace.i32[lists.offsets >>> 2];
    const count = rowCount === 0 ? 0 : this.#workspace.i32[(lists.offsets >>> 2) + rowCount] - first;
    const elementGroups = this.#workspace.allocate(count * 4);
    if (rowCount > 0) this.#workspace.kernels.aggExpand(groups, lists.offsets, rowCount, elementGroups.address);
    const values = sliceColumn(this.#workspace, lists.children[0], first, count);
    this.update({ groups: elementGroups.address, rowCount: count, groupCount }, [values]);
    values.release();
    elementGroups.release();
  }

  stateColumns(from: number, count: number): Column[] {
    this.#distinct ??= this.#logOfPairs();
    this.#groupCount = Math.max(this.#groupCount, from + count);
    return [sliceColumn(this.#workspace, this.#distinct.lists(this.#groupCount), from, count)];
  }

  growthBytes(groupCount: number, rowCount: number): number {
    return this.#seen.growthBytes(rowCount) + this.inner.growthBytes(groupCount, rowCount);
  }

  reset(): void {
    this.#forgetLists();
    this.#seen.reset();
    this.inner.reset();
  }

  release(): void {
    this.#forgetLists();
    this.#seen.release();
    this.inner.release();
  }

  #logOfPairs(): ValueLog {
    const log = new ValueLog(this.#workspace, this.#type);
    const count = this.#seen.groupCount;
    const [groupColumn, values] = this.#seen.keyColumns(0, count);
    const groups = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.copyBytes(groups.address, groupColumn.data, count * 4);
    groupColumn.release();
    log.append(groups, values);
    return log;
  }

  #forgetLists(): void {
    this.#distinct?.release();
    this.#distinct = undefined;
  }

  #assign(groups: Block, values: Column, count: number): Block {
    const groupColumn = new Column(uint32, count, { data: groups.address }, [groups.retain()]);
    const pairs = this.#seen.assign([groupColumn, values], count);
    groupColumn.release();
    return pairs;
  }

  #withRows(
    groups: Address,
    column: Column,
    rows: Address,
    count: number,
    use: (groups: Block, values: Column) => void,
  ): void {
    const kept = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.gather32(groups, rows, count, kept.address);
    const values = gatherColumn(this.#workspace, column, rows, count);
    use(kept, values);
    values.release();
    kept.release();
  }
}
