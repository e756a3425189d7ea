import { type AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import type { Column } from "../column.ts";
import { gatherColumn } from "../columns/gather.ts";
import { assert } from "../errors.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { LoadedPanes, type ReadPanes } from "./loaded-panes.ts";
import type { PaneRange } from "./pane-grid.ts";
import { ReadAhead } from "./read-ahead.ts";
import type { WindowMerger } from "./window-merger.ts";

/** Stacks of so few panes keep every suffix. */
const FEW_PANES = 16;

/** Partial states of some keys. */
interface States {
  readonly count: number;
  /** u32[count]: the key of each row; absent where it is the row number. */
  readonly keys: Block | undefined;
  readonly states: readonly Column[];
}

/** Panes [first, end) at the front: every suffix of them reaches to the end of the front. */
interface FrontBlock extends PaneRange {
  readonly suffixes: readonly (States | undefined)[];
}

/**
 * Merges panes into windows whose bounds never go back: two stacks (Tangwongsan, Hirzel, Schneider, "In-Order
 * Sliding-Window Aggregation in Worst-Case Constant Time", VLDB Journal 30(6), 2021, section 4). The back holds one running
 * state of the newest panes, the front the merged suffixes of the older ones, so a window costs two merges per key and
 * a pane two over its life, whatever the window's length. Suffixes are kept at every sqrt(n)th pane and made in between
 * block by block, so that they take room for 2 sqrt(n) panes.
 *
 * It is derived from the panes and holds no state of its own: when panes that it has taken in change, it starts anew.
 * Keys are numbered while a stack lasts, so a key without rows is forgotten after at most two windows.
 * The first accumulator of `plan` counts rows: it tells which keys a window has.
 */
export class PaneMerger implements WindowMerger {
  readonly #workspace: Workspace;
  readonly #keyTypes: readonly DataType[];
  readonly #plan: AggregatePlan;
  readonly #read: ReadPanes;
  readonly #isOrdered: boolean;
  readonly #ahead = new ReadAhead();
  #keys: GroupTable | undefined;
  #back: AggregateSet | undefined;
  /** Front [.., middle), back [middle, end). */
  #middle = 0;
  #end = 0;
  /** Where the window starts. */
  #first = 0;
  #isEmpty = true;
  #loaded: LoadedPanes | undefined;
  /** Blocks of the front that are not opened yet, nearest last, with the suffix from their start. */
  #closedBlocks: { first: number; end: number; suffix: States | undefined }[] = [];
  #block: FrontBlock | undefined;

  /** `isOrdered`: the order in which states are merged changes results. `read` gives the panes of a range. */
  constructor(
    workspace: Workspace,
    keyTypes: readonly DataType[],
    plan: AggregatePlan,
    isOrdered: boolean,
    read: ReadPanes,
  ) {
    this.#workspace = workspace;
    this.#keyTypes = keyTypes;
    this.#plan = plan;
    this.#isOrdered = isOrdered;
    this.#read = read;
  }

  get keyCount(): number {
    return this.#keyTypes.length === 0 ? 1 : (this.#keys?.groupCount ?? 0);
  }

  keyColumns(numbers: Address, count: number): Column[] {
    return this.#keys?.gatherKeys(numbers, count) ?? [];
  }

  moveTo(range: PaneRange, limit: number): void {
    if (this.#isEmpty) this.#flip(range.first, range.end);
    else if (range.first >= this.#end) this.#restart(range.first);
    else if (range.first > this.#middle) this.#flip(range.first, this.#end);
    while (this.#end < range.end) this.#push(limit);
    if (range.first < this.#middle) this.#openBlockOf(range.first);
    this.#first = range.first;
  }

  wouldRenumber(range: PaneRange): boolean {
    return this.#isEmpty || range.first > this.#middle || range.first >= this.#end;
  }

  addTo(target: AggregateSet, base: number, numbers: Address): number {
    const { keyCount } = this;
    const front = this.#first < this.#middle ? this.#block?.suffixes[this.#first - this.#block.first] : undefined;
    if (front !== undefined) this.#merge(target, front, base, base + keyCount);
    if (this.#end > this.#middle) {
      const back = this.#present(this.#openBack());
      if (back !== undefined) {
        this.#merge(target, back, base, base + keyCount);
        this.#release(back);
      }
    }
    this.#workspace.kernels.groupSequence(0, keyCount, numbers);
    return keyCount;
  }

  dropBefore(): void {
    // What it needs of the panes it has taken.
  }

  forget(): void {
    this.#isEmpty = true;
    this.#dropStacks();
    this.#keys?.release();
    this.#keys = undefined;
  }

  #restart(first: number): void {
    this.forget();
    this.#isEmpty = false;
    this.#middle = first;
    this.#end = first;
  }

  /** Makes a front of the panes [start, end), under new key numbers. */
  #flip(start: number, end: number): void {
    this.#restart(start);
    this.#middle = end;
    this.#end = end;
    const count = end - start;
    const size = count <= FEW_PANES ? count : Math.ceil(Math.sqrt(count));
    let suffix: States | undefined;
    const ends: number[] = [];
    for (let blockEnd = start + size; blockEnd < end; blockEnd += size) ends.push(blockEnd);
    const blocks: { first: number; end: number; suffix: States | undefined }[] = [];
    // From the last block to the first, each suffix made of the one behind it.
    for (const first of [start, ...ends].reverse()) {
      const blockEnd = Math.min(first + size, end);
      blocks.push({ first, end: blockEnd, suffix });
      // The first block's own suffix is made when it is opened, which is at once.
      if (first === start) break;
      const panes = this.#load({ first, end: blockEnd });
      if (panes.rowCount === 0) {
        suffix = suffix === undefined ? undefined : this.#share(suffix);
        panes.release();
        continue;
      }
      const set = new AggregateSet(this.#workspace, this.#plan);
      const { keys, rowCount, states } = panes;
      set.merge({ groups: keys, rowCount, groupCount: this.keyCount }, states);
      if (suffix !== undefined) this.#merge(set, suffix, 0, this.keyCount);
      panes.release();
      suffix = this.#present(set);
      set.release();
    }
    this.#closedBlocks = blocks;
  }

  #openBlockOf(first: number): void {
    while (this.#block === undefined || this.#block.end <= first) this.#openBlock(first);
  }

  /** Makes the suffixes of the nearest block from pane `first` on. */
  #openBlock(first: number): void {
    this.#releaseBlock();
    const block = this.#closedBlocks.pop();
    assert(block !== undefined, "the front reaches to the middle");
    const suffixes: (States | undefined)[] = [];
    let start = block.end;
    if (block.end > first) {
      start = Math.max(first, block.first);
      const panes = this.#load({ first: start, end: block.end });
      let running = new AggregateSet(this.#workspace, this.#plan);
      if (block.suffix !== undefined) this.#merge(running, block.suffix, 0, this.keyCount);
      let latest = block.suffix;
      for (let pane = block.end - 1; pane >= start; pane--) {
        if (panes.hasRows(pane)) {
          if (this.#isOrdered) {
            running.release();
            running = new AggregateSet(this.#workspace, this.#plan);
            panes.merge(pane, running, this.keyCount);
            if (latest !== undefined) this.#merge(running, latest, 0, this.keyCount);
          } else panes.merge(pane, running, this.keyCount);
          latest = this.#present(running);
          suffixes.push(latest);
        } else suffixes.push(latest === undefined ? undefined : this.#share(latest));
      }
      running.release();
      panes.release();
    }
    if (block.suffix !== undefined) this.#release(block.suffix);
    this.#block = { first: start, end: block.end, suffixes: suffixes.reverse() };
  }

  /** Takes the next pane into the back. */
  #push(limit: number): void {
    const pane = this.#end++;
    if (this.#loaded === undefined || pane >= this.#loaded.end) {
      this.#loaded?.release();
      this.#loaded = this.#load({ first: pane, end: this.#ahead.endFrom(pane, limit) });
      this.#ahead.note(this.#loaded);
    }
    this.#loaded.merge(pane, this.#openBack(), this.keyCount);
    // What is read ahead must not grow stale: it ends where panes may still change.
    if (this.#end === this.#loaded.end) {
      this.#loaded.release();
      this.#loaded = undefined;
    }
  }

  #openBack(): AggregateSet {
    this.#back ??= new AggregateSet(this.#workspace, this.#plan);
    return this.#back;
  }

  #load(range: PaneRange): LoadedPanes {
    if (this.#keyTypes.length > 0) this.#keys ??= new GroupTable(this.#workspace, this.#keyTypes);
    return new LoadedPanes(this.#workspace, range, this.#read(range, this.#keys));
  }

  #merge(target: AggregateSet, { count, keys, states }: States, base: number, groupCount: number): void {
    if (keys !== undefined && base === 0) {
      target.merge({ groups: keys.address, rowCount: count, groupCount }, states);
      return;
    }
    const groups = this.#workspace.allocate(count * 4);
    if (keys === undefined) this.#workspace.kernels.groupSequence(base, count, groups.address);
    else this.#workspace.kernels.windowAddI32(keys.address, count, base, groups.address);
    target.merge({ groups: groups.address, rowCount: count, groupCount }, states);
    groups.release();
  }

  /** The states of the keys that have rows; the caller owns them. */
  #present(set: AggregateSet): States | undefined {
    const total = this.keyCount;
    const states = set.stateColumns(0, total);
    const rows = this.#workspace.allocate((total + 1) * 4);
    const count = selectPresent(this.#workspace, states[0], rows.address);
    if (count === total && total > 0) {
      rows.release();
      return { count, keys: undefined, states };
    }
    const present = states.map((column) => gatherColumn(this.#workspace, column, rows.address, count));
    for (const column of states) column.release();
    if (count > 0) return { count, keys: rows, states: present };
    for (const column of present) column.release();
    rows.release();
    return undefined;
  }

  #share({ count, keys, states }: States): States {
    return { count, keys: keys?.retain(), states: states.map((column) => column.retain()) };
  }

  #release({ keys, states }: States): void {
    keys?.release();
    for (const column of states) column.release();
  }

  #releaseBlock(): void {
    for (const suffix of this.#block?.suffixes ?? []) if (suffix !== undefined) this.#release(suffix);
    this.#block = undefined;
  }

  #dropStacks(): void {
    this.#loaded?.release();
    this.#loaded = undefined;
    this.#releaseBlock();
    for (const { suffix } of this.#closedBlocks) if (suffix !== undefined) this.#release(suffix);
    this.#closedBlocks = [];
    this.#back?.release();
    this.#back = undefined;
  }
}

/** Which rows of the binary records that count rows are not 0, to u32 at `rows`; returns how many. */
function selectPresent(workspace: Workspace, counts: Column, rows: Address): number {
  if (counts.length === 0) return 0;
  const first = counts.data + workspace.i32[counts.offsets >>> 2];
  return workspace.kernels.windowSelectPresent(first, counts.length, rows);
}
