import type { AggregatePlan } from "../aggregates/aggregate-set.ts";
import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { partitionBatch } from "../columns/partition.ts";
import { assert } from "../errors.ts";
import type { GroupTable } from "../groups/group-table.ts";
import { SnapshotLineage } from "../state/snapshot-lineage.ts";
import type { SnapshotWriter } from "../state-snapshot.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { BatchTimes } from "./batch-times.ts";
import { ChangedPanes } from "./changed-panes.ts";
import { joinGroups, joinLoaded, releaseLoaded } from "./joined-groups.ts";
import { gatherGroups, type LoadedGroups, PaneChunk, type PaneGroups, releaseGroups } from "./pane-chunk.ts";
import type { PaneGrid, PaneRange } from "./pane-grid.ts";

/** A chunk of several panes is made where a batch has so few rows for it that they need no table per pane. */
const ROWS_PER_CHUNK = 16_384;
const MOST_PANES = 4096;
/** A partial state is taken for so many rows: whoever combined them did so since there were many of one key. */
const ROWS_PER_STATE = 256;
/** Where windows have many panes, a chunk may outlive its first pane by this share of a window. */
const CHUNKS_PER_WINDOW = 32;

/** Groups of several panes, put in the order of panes. */
export interface SortedPanes {
  readonly rowCount: number;
  readonly keys: readonly Column[];
  readonly states: readonly Column[];
  /** Where the groups of each pane end. */
  readonly ends: Uint32Array;
}

/** Aggregates of all open panes by key. */
export class PaneStore {
  readonly #workspace: Workspace;
  readonly #grid: PaneGrid;
  readonly #keyTypes: readonly DataType[];
  readonly #plan: AggregatePlan;
  readonly #keys: readonly number[];
  readonly #smallestChunk: number;
  /** Ascending, without overlap; those of several panes are aligned at multiples of their length. */
  #chunks: PaneChunk[] = [];
  /** Of all chunks: there may be many more than those that a batch changes. */
  #memoryBytes = 0;
  readonly #lineage = new SnapshotLineage();

  /** `keys`: positions of the key columns in the batches. */
  constructor(
    workspace: Workspace,
    grid: PaneGrid,
    keys: readonly number[],
    keyTypes: readonly DataType[],
    plan: AggregatePlan,
  ) {
    this.#workspace = workspace;
    this.#grid = grid;
    this.#keys = keys;
    this.#keyTypes = keyTypes;
    this.#plan = plan;
    this.#smallestChunk = 1;
    while (this.#smallestChunk * 4 * CHUNKS_PER_WINDOW <= grid.panesPerWindow * 2) this.#smallestChunk *= 4;
  }

  get keyCount(): number {
    return this.#keys.length;
  }

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Behind the last pane that has rows. */
  get endPane(): number {
    return this.#chunks.reduce((last, chunk) => Math.max(last, chunk.lastPane + 1), Number.NEGATIVE_INFINITY);
  }

  /** Panes from the first to the last that has changed since `clearChanges`; undefined where none has. */
  get changedPanes(): PaneRange | undefined {
    const changed = this.#chunks.filter(({ isChanged }) => isChanged);
    const [first, last] = [changed.at(0), changed.at(-1)];
    return first === undefined || last === undefined ? undefined : { first: first.firstPane, end: last.lastPane + 1 };
  }

  clearChanges(): void {
    for (const chunk of this.#chunks) chunk.isChanged = false;
  }

  /** A snapshot is taken; undefined where all panes are to be written. The caller releases it. */
  takeChanges({ number, changes }: SnapshotWriter): ChangedPanes | undefined {
    // On one without a number none will build.
    if (number === undefined) return undefined;
    const { joins, isKnown } = this.#lineage.next(number, changes?.since);
    const changed = new ChangedPanes(this.#chunks, joins);
    if (isKnown) return changed;
    changed.release();
    return undefined;
  }

  /** Takes rows in by their row times, and gives the least of these. Borrows the batch. `what` is for errors. */
  update(batch: Batch, what: string): number {
    return this.#each(batch, what, 1, (chunk, rows, part) => {
      const keys = this.#keys.map((key) => part.columns[key]);
      chunk.update(rows, keys, part.columns);
    });
  }

  /** `update` by partial states: columns of keys, then of states, with any time of its pane as a row's time. */
  merge(batch: Batch, what: string): number {
    const keyCount = this.#keys.length;
    return this.#each(batch, what, ROWS_PER_STATE, (chunk, rows, { columns }) => {
      chunk.merge(rows, columns.slice(0, keyCount), columns.slice(keyCount));
    });
  }

  /** The first pane from `pane` on that may have rows; infinity where there is none. */
  nextPane(pane: number): number {
    for (const { firstPane, lastPane } of this.#chunks) if (lastPane >= pane) return Math.max(firstPane, pane);
    return Number.POSITIVE_INFINITY;
  }

  /** The first window from `window` on that may have rows; infinity where there is none. */
  nextWindow(window: number): number {
    const first = Number.isFinite(window) ? this.#grid.panesOf(window).first : window;
    const pane = this.nextPane(first);
    return Number.isFinite(pane) ? Math.max(window, this.#grid.firstWindowOf(pane)) : Number.POSITIVE_INFINITY;
  }

  /** The groups of all panes in the range, in pieces; `firstPane` is what the numbers in `panes` count from. */
  *groups(
    range: PaneRange,
    form: "states" | "results",
    rowLimit: number,
  ): Generator<{ groups: PaneGroups; firstPane: number }, void, void> {
    for (const chunk of [...this.#chunks]) {
      if (chunk.range.first >= range.end || chunk.range.end <= range.first) continue;
      for (const groups of chunk.groups(range, form, rowLimit)) yield { groups, firstPane: chunk.range.first };
    }
  }

  hasRows(range: PaneRange): boolean {
    for (const { groups } of this.groups(range, "states", ROWS_PER_CHUNK)) {
      releaseGroups(groups);
      return true;
    }
    return false;
  }

  /**
   * Partial states of all panes in the range, in the order of panes. The caller owns the columns.
   * `select` takes groups over and gives those that are wanted.
   */
  sorted(range: PaneRange, select = (groups: PaneGroups): PaneGroups | undefined => groups): SortedPanes | undefined {
    const { kernels } = this.#workspace;
    const pieces: PaneGroups[] = [];
    for (const { groups, firstPane } of this.groups(range, "states", Number.POSITIVE_INFINITY)) {
      const selected = select(groups);
      if (selected === undefined) continue;
      const { panes, rowCount } = selected;
      // A column that nobody else has seen: its numbers now count from the start of the range.
      kernels.windowAddI32(panes.data, rowCount, firstPane - range.first, panes.data);
      pieces.push(selected);
    }
    const joined = joinGroups(this.#workspace, pieces);
    if (joined === undefined) return undefined;
    const count = range.end - range.first;
    const ends = this.#workspace.allocate(count * 4);
    const rows = this.#workspace.allocate(joined.rowCount * 4);
    kernels.partitionRows(joined.panes.data, joined.rowCount, count, ends.address, rows.address);
    const sorted = gatherGroups(this.#workspace, joined, rows.address, joined.rowCount);
    const endsCopy = this.#workspace.u32.slice(ends.address >>> 2, (ends.address >>> 2) + count);
    for (const block of [ends, rows]) block.release();
    releaseGroups(joined);
    sorted.panes.release();
    return { rowCount: sorted.rowCount, keys: sorted.keys, states: sorted.values, ends: endsCopy };
  }

  /** What `sorted` gives, with the number in `table` of each group's key; absent where there is but one. */
  load(range: PaneRange, table: GroupTable | undefined): LoadedGroups | undefined {
    const chunks = this.#chunks.filter((chunk) => chunk.firstPane < range.end && chunk.lastPane >= range.first);
    const pieces: { range: PaneRange; groups: LoadedGroups }[] = [];
    for (const chunk of chunks) {
      const groups = chunk.load(range, table);
      if (groups === undefined) break;
      pieces.push({ range: chunk.range, groups });
    }
    if (pieces.length === chunks.length) return joinLoaded(this.#workspace, range, pieces);
    for (const { groups } of pieces) releaseLoaded(groups);
    const sorted = this.sorted(range);
    if (sorted === undefined) return undefined;
    const { rowCount, keys, states, ends } = sorted;
    const numbers = table?.assign(keys, rowCount) ?? this.#workspace.allocateZeroed(rowCount * 4);
    for (const key of keys) key.release();
    return { rowCount, keys: numbers, states, ends };
  }

  /**
   * Takes out the panes before `pane`, and those that share a table with one of them: their partial states, in pieces as
   * of `groups`. A table goes once all of it was given.
   */
  *takeBefore(pane: number, rowLimit: number): Generator<{ groups: PaneGroups; firstPane: number }, void, void> {
    for (;;) {
      const [chunk] = this.#chunks;
      if (chunk === undefined || chunk.firstPane >= pane) return;
      for (const groups of chunk.groups(chunk.range, "states", rowLimit))
        yield { groups, firstPane: chunk.range.first };
      this.#chunks.shift();
      this.#drop(chunk);
    }
  }

  /** Forgets the panes before `pane`; a chunk goes when all of its panes have. */
  dropBefore(pane: number): void {
    if (this.#chunks.length === 0 || this.#chunks[0].lastPane >= pane) return;
    const kept: PaneChunk[] = [];
    for (const chunk of this.#chunks) {
      if (chunk.lastPane >= pane) kept.push(chunk);
      else this.#drop(chunk);
    }
    this.#chunks = kept;
  }

  release(): void {
    for (const chunk of this.#chunks) this.#drop(chunk);
    this.#chunks = [];
  }

  #drop(chunk: PaneChunk): void {
    this.#memoryBytes -= chunk.memoryBytes;
    chunk.release();
  }

  /** Hands each chunk its rows, each of which stands for `weight`; gives the least time of all. */
  #each(
    batch: Batch,
    what: string,
    weight: number,
    take: (chunk: PaneChunk, rows: BatchTimes, part: Batch) => void,
  ): number {
    if (batch.rowCount === 0) return Number.POSITIVE_INFINITY;
    const rows = new BatchTimes(this.#workspace, batch);
    const chunks = this.#chunksOf(rows, weight);
    const parts = chunks.length === 1 ? [batch.retain()] : this.#partition(batch, rows, chunks);
    const { governor } = this.#workspace;
    try {
      parts.forEach((part, i) => {
        if (part === undefined) return;
        const partRows = chunks.length === 1 ? rows : new BatchTimes(this.#workspace, part);
        governor.reserve(chunks[i].growthBytes(part.rowCount), what, { required: true });
        const before = chunks[i].memoryBytes;
        try {
          take(chunks[i], partRows, part);
        } finally {
          this.#memoryBytes += chunks[i].memoryBytes - before;
        }
        // What long strings and lists took beyond the estimate.
        governor.reserve(0, what, { required: true });
      });
    } finally {
      for (const part of parts) part?.release();
    }
    return rows.leastMs;
  }

  /** The rows of each chunk, which the caller owns. */
  #partition(batch: Batch, rows: BatchTimes, chunks: readonly PaneChunk[]): (Batch | undefined)[] {
    const cut = rows.cut(
      batch,
      chunks.map(({ range }) => this.#grid.startMs(range.end)),
    );
    if (cut !== undefined) return cut;
    const starts = this.#workspace.allocate(chunks.length * 8);
    chunks.forEach(({ range }, i) => {
      this.#workspace.i64[(starts.address >>> 3) + i] = BigInt(this.#grid.startMs(range.first));
    });
    const numbers = this.#workspace.allocate(batch.rowCount * 4);
    this.#workspace.kernels.windowRanges(rows.times, batch.rowCount, starts.address, chunks.length, numbers.address);
    starts.release();
    const parts = partitionBatch(this.#workspace, batch, numbers.address, chunks.length);
    numbers.release();
    return parts;
  }

  /** The chunks of all rows, ascending; makes those that are not there. */
  #chunksOf(rows: BatchTimes, weight: number): PaneChunk[] {
    const chunks: PaneChunk[] = [];
    for (let timeMs = rows.leastMs; timeMs <= rows.greatestMs; ) {
      const pane = this.#grid.paneOf(timeMs);
      const chunk = this.#chunkAt(pane) ?? this.#insert(this.#newRange(pane, rows, weight));
      chunks.push(chunk);
      const endMs = this.#grid.startMs(chunk.range.end);
      if (endMs > rows.greatestMs) break;
      timeMs = rows.firstFrom(endMs);
    }
    return chunks;
  }

  /**
   * Panes of a new chunk that begins with rows of `pane`: as many as share one batch's worth of rows, as far as this
   * batch tells. Dense panes get a table each, so that it can be dropped when its windows close.
   */
  #newRange(pane: number, rows: BatchTimes, weight: number): PaneRange {
    const aligned = (size: number): PaneRange => {
      const first = Math.floor(pane / size) * size;
      return { first, end: first + size };
    };
    const rowsIn = ({ first, end }: PaneRange) => rows.countBetween(this.#grid.startMs(first), this.#grid.startMs(end));
    let best = aligned(this.#smallestChunk);
    let bestRows: number | undefined;
    for (let size = this.#smallestChunk * 4; size <= MOST_PANES; size *= 4) {
      const range = aligned(size);
      if (this.#meets(range)) break;
      bestRows ??= rowsIn(best);
      // A pane with many rows of its own is left alone.
      if (bestRows === rows.rowCount || bestRows * weight * size > ROWS_PER_CHUNK * (best.end - best.first)) break;
      const count = rowsIn(range);
      if (count === bestRows) break;
      best = range;
      bestRows = count;
    }
    return best;
  }

  #meets({ first, end }: PaneRange): boolean {
    return this.#chunks.some(({ range }) => range.first < end && range.end > first);
  }

  #chunkAt(pane: number): PaneChunk | undefined {
    // Few chunks are open, and rows mostly go to the latest.
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i];
      if (pane >= chunk.range.end) return undefined;
      if (pane >= chunk.range.first) return chunk;
    }
    return undefined;
  }

  #insert(range: PaneRange): PaneChunk {
    const chunk = new PaneChunk(this.#workspace, this.#grid, this.#keyTypes, this.#plan, range);
    let at = this.#chunks.length;
    while (at > 0 && this.#chunks[at - 1].range.first > range.first) at--;
    assert(at === 0 || this.#chunks[at - 1].range.end <= range.first, "chunks do not overlap");
    this.#chunks.splice(at, 0, chunk);
    this.#memoryBytes += chunk.memoryBytes;
    return chunk;
  }
}
