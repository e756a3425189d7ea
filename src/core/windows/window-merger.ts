import type { AggregateSet } from "../aggregates/aggregate-set.ts";
import type { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";
import type { PaneRange } from "./pane-grid.ts";

/** Makes the states of windows out of those of their panes; the bounds of windows never go back. */
export interface WindowMerger {
  /** Keys are numbered from 0 to this. */
  readonly keyCount: number;
  /** The keys whose numbers are u32[count] at `numbers`; the caller owns the columns. */
  keyColumns(numbers: Address, count: number): Column[];
  /** Whether `moveTo` would number keys anew. */
  wouldRenumber(range: PaneRange): boolean;
  /**
   * Makes the panes of `range` the window; neither of its bounds is before that of the window before. Panes before
   * `limit`, which is not before the end of the range, may be read ahead.
   */
  moveTo(range: PaneRange, limit: number): void;
  /**
   * Adds the states of the window as groups of `target` from `base` on, which are new, and their keys' numbers to `numbers`, room for
   * u32[keyCount + 1]. Returns how many; keys without rows may be among them.
   */
  addTo(target: AggregateSet, base: number, numbers: Address): number;
  /** The panes before `pane` are about to be freed. */
  dropBefore(pane: number): void;
  /** Panes that were taken in have changed. */
  forget(): void;
}
