import type { AggregateSet } from "../aggregates/aggregate-set.ts";
import type { Column } from "../column.ts";
import { sliceColumn } from "../columns/slice.ts";
import type { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import type { LoadedGroups } from "./pane-chunk.ts";
import type { PaneRange } from "./pane-grid.ts";

/** Groups of a range of panes, with the numbers of their keys in `table`; absent where there is but one. */
export type ReadPanes = (range: PaneRange, table: GroupTable | undefined) => LoadedGroups | undefined;

/** The states of panes [first, end), in the order of panes, with the number of each one's key. */
export class LoadedPanes implements PaneRange {
  readonly first: number;
  readonly end: number;
  readonly rowCount: number;
  readonly #workspace: Workspace;
  readonly #keys: Block;
  readonly #states: readonly Column[];
  readonly #ends: Uint32Array;

  /** Takes the groups of the range over, none where there is nothing in it. */
  constructor(workspace: Workspace, { first, end }: PaneRange, groups: LoadedGroups | undefined) {
    this.first = first;
    this.end = end;
    this.#workspace = workspace;
    this.rowCount = groups?.rowCount ?? 0;
    this.#states = groups?.states ?? [];
    this.#ends = groups?.ends ?? new Uint32Array(end - first);
    this.#keys = groups?.keys ?? workspace.allocate(0);
  }

  /** u32[rowCount]: the key of each row. */
  get keys(): Address {
    return this.#keys.address;
  }

  get states(): readonly Column[] {
    return this.#states;
  }

  hasRows(pane: number): boolean {
    const [from, to] = this.#boundsOf(pane);
    return to > from;
  }

  /** Merges the states of one pane into `target`. */
  merge(pane: number, target: AggregateSet, groupCount: number): void {
    const [from, to] = this.#boundsOf(pane);
    if (from === to) return;
    const states = this.#states.map((column) => sliceColumn(this.#workspace, column, from, to - from));
    target.merge({ groups: this.keys + from * 4, rowCount: to - from, groupCount }, states);
    for (const column of states) column.release();
  }

  /** Merges the states of one pane into `target`, which is invertible, or takes them back. */
  add(sign: 1 | -1, pane: number, target: AggregateSet, groupCount: number): void {
    const [from, to] = this.#boundsOf(pane);
    const rows = { groups: this.keys + from * 4, rowCount: to - from, groupCount };
    if (to > from) target.mergeFrom(rows, this.#states, from, sign);
  }

  /** Keys have got other numbers: u32 at `renamed`, by their numbers so far. */
  renameKeys(renamed: Address): void {
    this.#workspace.kernels.gather32(renamed, this.keys, this.rowCount, this.keys);
  }

  release(): void {
    this.#keys.release();
    for (const column of this.#states) column.release();
  }

  /** Rows [from, to) of a pane. */
  #boundsOf(pane: number): [from: number, to: number] {
    const at = pane - this.first;
    return [at === 0 ? 0 : this.#ends[at - 1], this.#ends[at]];
  }
}
