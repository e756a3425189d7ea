import { type AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { gatherBatch } from "../columns/gather.ts";
import { assert } from "../errors.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";

/** Bytes of a session and of a local session; see kernels/session.ts. */
const RECORD_BYTES = 32;
const OPEN = 1;
/** Closed sessions are swept out once they are so many, and half of all. */
const SWEEP_SESSIONS = 1024;

/** Sessions [from, to) of those that are due or open; the caller owns columns and blocks. */
export interface SessionRows {
  readonly count: number;
  readonly keys: readonly Column[];
  /** i64[count] */
  readonly starts: Block;
  readonly ends: Block;
  /** i32[count]: 1 open, 2 fired. */
  readonly states: Block;
}

/** The gap of each row: i64 at `gaps`, or `gapMs` for all where that is 0. The least of them is `leastMs`. */
export interface Gaps {
  readonly gaps: Address;
  readonly gapMs: number;
  readonly leastMs: number;
}

/**
 * Open sessions by key and their aggregates. Each session has an aggregate group of its own; when rows join two
 * sessions, both groups stay and are merged when results are read.
 */
export class SessionStore {
  readonly #workspace: Workspace;
  readonly #keyTypes: readonly DataType[];
  readonly #plan: AggregatePlan;
  #keys: GroupTable | undefined;
  /** i32 per key: its first session. */
  #heads: Block;
  #headCount = 0;
  #nodes: Block;
  #nodeCount = 0;
  #closedCount = 0;
  #aggregates: AggregateSet;
  /** No session that has not fired ends before. */
  #leastEndMs = Number.POSITIVE_INFINITY;

  constructor(workspace: Workspace, keyTypes: readonly DataType[], plan: AggregatePlan) {
    this.#workspace = workspace;
    this.#keyTypes = keyTypes;
    this.#plan = plan;
    this.#keys = this.#newKeys();
    this.#heads = workspace.allocate(0);
    this.#nodes = workspace.allocate(0);
    this.#aggregates = new AggregateSet(workspace, plan);
  }

  get memoryBytes(): number {
    const own = this.#heads.byteLength + this.#nodes.byteLength;
    return own + (this.#keys?.memoryBytes ?? 0) + this.#aggregates.memoryBytes;
  }

  /** Whether a session that has not fired may end by `boundMs`. */
  mayBeDue(boundMs: number): boolean {
    return this.#leastEndMs <= boundMs;
  }

  /** The least end of the sessions that have not fired; infinity where there is none. */
  leastEndMs(): number {
    return this.#workspace.kernels.sessionLeastEnd(this.#nodes.address, this.#nodeCount, OPEN);
  }

  /**
   * Takes rows in by their row times; `columns` of the batch are those of the plan. Returns u32[rowCount], 0 where a
   * row is late, if there are such rows. "ambiguous", and nothing is taken, where that depends on the order of rows;
   * never for a single row.
   */
  add(
    batch: Batch,
    keys: readonly Column[],
    gaps: Gaps,
    closedMs: number,
    what: string,
  ): Block | "ambiguous" | undefined {
    const { kernels } = this.#workspace;
    const { rowCount, rowTimes } = batch;
    assert(rowTimes !== undefined, "rows of sessions have times");
    const times = rowTimes.data;
    this.#reserve(rowCount, what);
    const numbers = this.#numbersOf(keys, rowCount);
    const rows = this.#byKeyAndTime(numbers, times, rowCount);
    const groups = this.#workspace.allocate(rowCount * 4);
    const locals = this.#workspace.allocate(rowCount * RECORD_BYTES);
    const count = kernels.sessionLocal(
      rows.address,
      numbers.address,
      times,
      gaps.gaps,
      gaps.gapMs,
      rowCount,
      closedMs,
      groups.address,
      locals.address,
    );
    for (const block of [rows, numbers]) block.release();
    const [heads, nodes] = [this.#heads.address, this.#nodes.address];
    try {
      if (rowCount > 1 && kernels.sessionAmbiguous(locals.address, count, heads, nodes, closedMs) > 0)
        return "ambiguous";
      this.#ensureNodes(this.#nodeCount + count);
      const all = this.#nodes.address;
      this.#nodeCount = kernels.sessionApply(locals.address, count, heads, all, this.#nodeCount, closedMs);
      const late = kernels.sessionNodes(groups.address, rowCount, locals.address, groups.address);
      this.#leastEndMs = Math.min(this.#leastEndMs, kernels.eventTimeMin(times, rowCount) + gaps.leastMs);
      if (late > 0) return this.#updateOnTime(batch, groups);
      this.#update(groups.address, rowCount, batch.columns);
      return undefined;
    } finally {
      for (const block of [groups, locals]) block.release();
    }
  }

  /** Sessions that end by `boundMs` and have not fired since they changed, u32 each; they count as fired now. */
  takeDue(boundMs: number): { readonly nodes: Block; readonly count: number } {
    const { kernels } = this.#workspace;
    const nodes = this.#workspace.allocate(this.#nodeCount * 4);
    const count = kernels.sessionTakeDue(this.#nodes.address, this.#nodeCount, boundMs, nodes.address);
    this.#leastEndMs = this.leastEndMs();
    return { nodes, count };
  }

  /** Forgets sessions that have fired and end by `boundMs`. */
  close(boundMs: number): void {
    const { kernels } = this.#workspace;
    this.#closedCount += kernels.sessionClose(this.#nodes.address, this.#nodeCount, this.#heads.address, boundMs);
    if (this.#closedCount >= SWEEP_SESSIONS && this.#closedCount * 2 >= this.#nodeCount) this.sweep();
    else if (this.#closedCount > 0 && this.#isAllClosed()) this.sweep();
  }

  /** Numbers sessions and keys anew, without those that are closed, and merges what was joined. */
  sweep(): void {
    const open = this.#openNodes();
    const rows = this.read(open.nodes.address, open.count);
    const aggregates = this.#merged(open.nodes.address, open.count);
    open.nodes.release();
    this.#keys?.release();
    this.#aggregates.release();
    this.#nodes.release();
    this.#heads.release();
    this.#keys = this.#newKeys();
    this.#aggregates = aggregates;
    this.#nodes = this.#workspace.allocate(0);
    this.#heads = this.#workspace.allocate(0);
    this.#headCount = 0;
    this.#nodeCount = 0;
    this.#closedCount = 0;
    this.#leastEndMs = Number.POSITIVE_INFINITY;
    this.#append(rows);
    releaseRows(rows);
  }

  /** Key, bounds and state of the sessions u32[count] at `nodes`. */
  read(nodes: Address, count: number): SessionRows {
    const [numbers, starts, ends, states] = [4, 8, 8, 4].map((width) => this.#workspace.allocate(count * width));
    this.#workspace.kernels.sessionRead(
      this.#nodes.address,
      nodes,
      count,
      numbers.address,
      starts.address,
      ends.address,
      states.address,
    );
    const keys = this.#keys?.gatherKeys(numbers.address, count) ?? [];
    numbers.release();
    return { count, keys, starts, ends, states };
  }

  /** Results of the sessions u32[count] at `nodes`; the caller owns the columns. */
  results(nodes: Address, count: number): Column[] {
    const merged = this.#merged(nodes, count);
    const results = merged.results(0, count);
    merged.release();
    return results;
  }

  /** All sessions with their partial states, in pieces; only right behind `sweep`. */
  *states(rowLimit: number): Generator<{ rows: SessionRows; states: Column[] }, void, void> {
    for (let from = 0; from < this.#nodeCount; from += rowLimit) {
      const count = Math.min(rowLimit, this.#nodeCount - from);
      const nodes = this.#sequence(from, count);
      const rows = this.read(nodes.address, count);
      nodes.release();
      yield { rows, states: this.#aggregates.stateColumns(from, count) };
    }
  }

  /** Takes in sessions that meet none of those that are here; borrows all. */
  restore(rows: SessionRows, states: readonly Column[], what: string): void {
    this.#reserve(rows.count, what);
    const groups = this.#sequence(this.#nodeCount, rows.count);
    this.#append(rows);
    this.#aggregates.merge({ groups: groups.address, rowCount: rows.count, groupCount: this.#nodeCount }, states);
    groups.release();
  }

  release(): void {
    for (const owned of [this.#keys, this.#heads, this.#nodes, this.#aggregates]) owned?.release();
  }

  #newKeys(): GroupTable | undefined {
    return this.#keyTypes.length === 0 ? undefined : new GroupTable(this.#workspace, this.#keyTypes);
  }

  #reserve(rowCount: number, what: string): void {
    const aggregates = this.#aggregates.growthBytes(this.#nodeCount + rowCount, rowCount);
    const bytes = aggregates + (this.#keys?.growthBytes(rowCount) ?? 0) + rowCount * 3 * RECORD_BYTES;
    this.#workspace.governor.reserve(bytes, what, { required: true });
  }

  #numbersOf(keys: readonly Column[], rowCount: number): Block {
    const numbers = this.#keys?.assign(keys, rowCount) ?? this.#workspace.allocateZeroed(rowCount * 4);
    const keyCount = this.#keys?.groupCount ?? 1;
    if (keyCount * 4 > this.#heads.byteLength)
      this.#heads = this.#grown(this.#heads, this.#headCount * 4, keyCount * 4);
    const { fillBytes } = this.#workspace.kernels;
    fillBytes(this.#heads.address + this.#headCount * 4, 0xff, (keyCount - this.#headCount) * 4);
    this.#headCount = keyCount;
    return numbers;
  }

  #ensureNodes(count: number): void {
    const [used, wanted] = [this.#nodeCount * RECORD_BYTES, count * RECORD_BYTES];
    if (wanted > this.#nodes.byteLength) this.#nodes = this.#grown(this.#nodes, used, wanted);
  }

  #grown(block: Block, usedBytes: number, neededBytes: number): Block {
    const grown = this.#workspace.allocate(Math.max(neededBytes, block.byteLength * 2));
    this.#workspace.kernels.copyBytes(grown.address, block.address, usedBytes);
    block.release();
    return grown;
  }

  #byKeyAndTime(numbers: Block, times: Address, rowCount: number): Block {
    const { kernels } = this.#workspace;
    const keyCount = this.#headCount;
    const [ends, rows, scratch] = [keyCount, rowCount, rowCount].map((count) => this.#workspace.allocate(count * 4));
    kernels.partitionRows(numbers.address, rowCount, keyCount, ends.address, rows.address);
    kernels.sessionSort(rows.address, ends.address, keyCount, times, scratch.address);
    for (const block of [ends, scratch]) block.release();
    return rows;
  }

  #update(groups: Address, rowCount: number, columns: readonly Column[]): void {
    this.#aggregates.update({ groups, rowCount, groupCount: this.#nodeCount }, columns);
  }

  /** `nodes`: the session of each row, 0xffffffff where it is late. */
  #updateOnTime(batch: Batch, nodes: Block): Block {
    const { kernels } = this.#workspace;
    const sides = this.#workspace.allocate(batch.rowCount * 4);
    kernels.sessionSides(nodes.address, batch.rowCount, sides.address);
    const rows = this.#workspace.allocate((batch.rowCount + 1) * 4);
    const count = kernels.windowSelectPanes(sides.address, batch.rowCount, 1, 2, rows.address);
    const onTime = gatherBatch(this.#workspace, batch, rows.address, count);
    const groups = this.#workspace.allocate(count * 4);
    kernels.gather32(nodes.address, rows.address, count, groups.address);
    this.#update(groups.address, count, onTime.columns);
    for (const owned of [rows, onTime, groups]) owned.release();
    return sides;
  }

  #openNodes(): { readonly nodes: Block; readonly count: number } {
    const nodes = this.#workspace.allocate(this.#nodeCount * 4);
    const count = this.#workspace.kernels.sessionOpenNodes(this.#nodes.address, this.#nodeCount, nodes.address);
    return { nodes, count };
  }

  #isAllClosed(): boolean {
    const { nodes, count } = this.#openNodes();
    nodes.release();
    return count === 0;
  }

  /** The aggregates of the sessions u32[count] at `nodes`, as groups 0, 1, ...; the caller owns them. */
  #merged(nodes: Address, count: number): AggregateSet {
    const merged = new AggregateSet(this.#workspace, this.#plan);
    const [numbers, groups, sessions] = [0, 1, 2].map(() => this.#workspace.allocate(this.#nodeCount * 4));
    const found = this.#workspace.kernels.sessionGroups(
      this.#nodes.address,
      this.#nodeCount,
      nodes,
      count,
      numbers.address,
      groups.address,
      sessions.address,
    );
    if (found > 0) {
      const states = this.#aggregates.gatherStates(groups.address, found, this.#nodeCount);
      merged.merge({ groups: sessions.address, rowCount: found, groupCount: count }, states);
      for (const column of states) column.release();
    }
    for (const block of [numbers, groups, sessions]) block.release();
    return merged;
  }

  #append({ count, keys, starts, ends, states }: SessionRows): void {
    if (count === 0) return;
    const numbers = this.#numbersOf(keys, count);
    this.#ensureNodes(this.#nodeCount + count);
    this.#workspace.kernels.sessionAdd(
      this.#nodes.address,
      this.#nodeCount,
      count,
      this.#heads.address,
      numbers.address,
      starts.address,
      ends.address,
      states.address,
    );
    numbers.release();
    this.#nodeCount += count;
    this.#leastEndMs = this.leastEndMs();
  }

  #sequence(from: number, count: number): Block {
    const block = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.groupSequence(from, count, block.address);
    return block;
  }
}

export function releaseRows({ keys, starts, ends, states }: SessionRows): void {
  for (const owned of [...keys, starts, ends, states]) owned.release();
}
