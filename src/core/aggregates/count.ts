import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import type { Address } from "../memory/allocator.ts";
import { int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { GroupedRows } from "./accumulator.ts";
import { FixedAccumulator } from "./fixed-accumulator.ts";

/** Counts rows, or with an input column its values that are not null. */
export class CountAccumulator extends FixedAccumulator {
  readonly isAssociative = true;

  constructor(workspace: Workspace) {
    super(workspace, 8, workspace.kernels.aggCountMerge, workspace.kernels.aggCountUnmerge);
  }

  update(rows: GroupedRows, columns: readonly Column[]): void {
    this.#add(rows, columns, 1);
  }

  retract(rows: GroupedRows, columns: readonly Column[]): void {
    this.#add(rows, columns, -1);
  }

  /** int64, never null. */
  count(from: number, count: number): Column {
    const data = this.workspace.allocate(count * 8);
    this.workspace.kernels.copyBytes(data.address, this.recordsFrom(from, count), count * 8);
    return columnOf(this.workspace, int64, count, { data });
  }

  /** Writes those of groups [0, groupCount) whose count is not 0 to `out`, room for u32[groupCount + 1]; returns how many. */
  selectPresent(groupCount: number, out: Address): number {
    return this.workspace.kernels.windowSelectPresent(this.recordsFrom(0, groupCount), groupCount, out);
  }

  #add({ groups, rowCount, groupCount, isWhole }: GroupedRows, [column]: readonly Column[], sign: number): void {
    const state = this.records.ensure(groupCount);
    if (column !== undefined && column.nullCount === rowCount) return;
    if (isWhole) {
      this.workspace.i64[state / 8] += BigInt(sign * (rowCount - (column?.nullCount ?? 0)));
      return;
    }
    this.workspace.kernels.aggCount(groups, column?.validity ?? 0, rowCount, sign, state);
  }
}
