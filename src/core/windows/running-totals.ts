import { type AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import type { Column } from "../column.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { LoadedPanes, type ReadPanes } from "./loaded-panes.ts";
import type { PaneRange } from "./pane-grid.ts";
import { ReadAhead, ROWS_AHEAD } from "./read-ahead.ts";
import type { WindowMerger } from "./window-merger.ts";

export interface RunningTotalsLimits {
  /** Keys are numbered anew once more than so many, and half of all, have no rows. */
  readonly idleKeys: number;
  /** Groups of panes that are kept as they came in, until they go again; others are read a second time. */
  readonly keptRows: number;
  /** Groups of panes that are read together before their windows fire. */
  readonly aheadRows: number;
}

const LIMITS: RunningTotalsLimits = { idleKeys: 1024, keptRows: 2 ** 16, aheadRows: ROWS_AHEAD };

/**
 * One total per key over the panes of the window: a window adds the panes that it has on top of the one before and takes
 * those back that it no longer has, so a pane costs two passes over its keys, however long windows are.
 *
 * Only for aggregates that are invertible (counts, sums of integers and decimals, means of these), whose states wrap: a
 * total is to the last bit what merging the panes of the window would give. Floats are not, since what was rounded when
 * a pane came in would stay when it goes; PaneMerger is for these and for all others.
 *
 * Like PaneMerger it holds nothing that the panes do not: when panes that it has taken in change, it starts anew, and
 * panes must be taken back (`dropBefore`) before they are freed.
 */
export class RunningTotals implements WindowMerger {
  readonly #workspace: Workspace;
  readonly #keyTypes: readonly DataType[];
  readonly #plan: AggregatePlan;
  readonly #read: ReadPanes;
  readonly #limits: RunningTotalsLimits;
  readonly #ahead: ReadAhead;
  #keys: GroupTable | undefined;
  #totals: AggregateSet | undefined;
  /** The totals are those of the panes [first, end). */
  #first = 0;
  #end = 0;
  #isEmpty = true;
  #isSparse = false;
  /** Panes read ahead that come in. */
  #coming: LoadedPanes | undefined;
  /** Panes that have come in, to be taken back: in order, without overlap, but maybe with gaps. */
  #kept: LoadedPanes[] = [];
  #keptRows = 0;

  /** `read` gives the panes of a range. The first accumulator of `plan` counts rows. */
  constructor(
    workspace: Workspace,
    keyTypes: readonly DataType[],
    plan: AggregatePlan,
    read: ReadPanes,
    limits: RunningTotalsLimits = LIMITS,
  ) {
    this.#workspace = workspace;
    this.#keyTypes = keyTypes;
    this.#plan = plan;
    this.#read = read;
    this.#limits = limits;
    this.#ahead = new ReadAhead(limits.aheadRows);
  }

  get keyCount(): number {
    return this.#keyTypes.length === 0 ? 1 : (this.#keys?.groupCount ?? 0);
  }

  keyColumns(numbers: Address, count: number): Column[] {
    return this.#keys?.gatherKeys(numbers, count) ?? [];
  }

  wouldRenumber(range: PaneRange): boolean {
    return this.#isEmpty || this.#isSparse || range.first >= this.#end;
  }

  moveTo(range: PaneRange, limit: number): void {
    if (this.#isEmpty || range.first >= this.#end) this.#restart(range.first);
    else if (this.#isSparse) this.#renumber();
    this.#takeBackBefore(range.first);
    while (this.#end < range.end) {
      const pane = this.#end++;
      if (this.#coming === undefined) {
        this.#coming = this.#load({ first: pane, end: this.#ahead.endFrom(pane, limit) });
        this.#ahead.note(this.#coming);
      }
      this.#coming.add(1, pane, this.#openTotals(), this.keyCount);
      // What is read ahead must not grow stale: it ends where panes may still change.
      if (this.#end === this.#coming.end) {
        this.#keep(this.#coming);
        this.#coming = undefined;
      }
    }
  }

  addTo(target: AggregateSet, base: number, numbers: Address): number {
    const { keyCount } = this;
    const totals = this.#openTotals();
    // Records are there also where no row has reached them yet.
    const present = totals.selectPresent(keyCount, numbers);
    if (present > 0) target.copyGroups(totals, numbers, present, base);
    // Keys of panes that were read ahead have no rows yet, and numbering anew would read these panes again.
    this.#isSparse = this.#coming === undefined && keyCount - present > Math.max(this.#limits.idleKeys, present);
    return present;
  }

  dropBefore(pane: number): void {
    if (this.#isEmpty) return;
    if (pane >= this.#end) this.forget();
    else this.#takeBackBefore(pane);
  }

  forget(): void {
    this.#isEmpty = true;
    this.#isSparse = false;
    this.#dropLoaded();
    this.#totals?.release();
    this.#totals = undefined;
    this.#keys?.release();
    this.#keys = undefined;
  }

  #restart(first: number): void {
    this.forget();
    this.#isEmpty = false;
    this.#first = first;
    this.#end = first;
  }

  #takeBackBefore(first: number): void {
    while (this.#first < first) {
      const pane = this.#first;
      this.#loadedWith(pane).add(-1, pane, this.#openTotals(), this.keyCount);
      this.#first++;
      const oldest = this.#kept.at(0);
      if (oldest === undefined || oldest.end > this.#first) continue;
      this.#kept.shift();
      this.#keptRows -= oldest.rowCount;
      oldest.release();
    }
  }

  /** What is loaded of a pane that has come in; reads it once more where it was not kept. */
  #loadedWith(pane: number): LoadedPanes {
    const [coming, oldest] = [this.#coming, this.#kept.at(0)];
    if (oldest !== undefined && oldest.first <= pane) return oldest;
    if (coming !== undefined && coming.first <= pane) return coming;
    // All of these have come in, so they change no more without `forget`.
    const limit = oldest?.first ?? coming?.first ?? this.#end;
    const panes = this.#load({ first: pane, end: this.#ahead.endFrom(pane, limit) });
    this.#kept.unshift(panes);
    this.#keptRows += panes.rowCount;
    return panes;
  }

  /** Keeps panes that have come in for when they go, where they are few rows. */
  #keep(panes: LoadedPanes): void {
    if (this.#keptRows + panes.rowCount > this.#limits.keptRows) {
      panes.release();
      return;
    }
    this.#kept.push(panes);
    this.#keptRows += panes.rowCount;
  }

  /** Keeps the keys that have rows, under new numbers. */
  #renumber(): void {
    this.#isSparse = false;
    if (this.#keys === undefined) return;
    const [keys, totals] = [this.#keys, this.#openTotals()];
    const numbers = this.#workspace.allocate((this.keyCount + 1) * 4);
    const count = totals.selectPresent(this.keyCount, numbers.address);
    // All rows of panes that have yet to go are in the totals: their keys stay.
    const renamed = this.#workspace.allocateZeroed(this.keyCount * 4);
    this.#workspace.kernels.nullScatterRows(numbers.address, count, 0, renamed.address);
    for (const panes of this.#kept) panes.renameKeys(renamed.address);
    renamed.release();
    this.#keys = new GroupTable(this.#workspace, this.#keyTypes);
    const columns = keys.gatherKeys(numbers.address, count);
    // Keys are distinct: they are numbered from 0 in this order.
    this.#keys.assign(columns, count).release();
    this.#totals = new AggregateSet(this.#workspace, this.#plan);
    this.#totals.copyGroups(totals, numbers.address, count, 0);
    for (const column of columns) column.release();
    for (const released of [numbers, keys, totals]) released.release();
  }

  #load(range: PaneRange): LoadedPanes {
    if (this.#keyTypes.length > 0) this.#keys ??= new GroupTable(this.#workspace, this.#keyTypes);
    return new LoadedPanes(this.#workspace, range, this.#read(range, this.#keys));
  }

  #openTotals(): AggregateSet {
    this.#totals ??= new AggregateSet(this.#workspace, this.#plan);
    return this.#totals;
  }

  #dropLoaded(): void {
    this.#coming?.release();
    this.#coming = undefined;
    for (const panes of this.#kept) panes.release();
    this.#kept = [];
    this.#keptRows = 0;
  }
}
