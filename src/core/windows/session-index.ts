import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { gatherBatch } from "../columns/gather.ts";
import { sliceBatch } from "../columns/slice.ts";
import { assert } from "../errors.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Gaps, SessionGaps } from "./session-gaps.ts";

/** Bytes of a session and of a local session; see kernels/session.ts. */
const RECORD_BYTES = 32;
const OPEN = 1;

/** Key, bounds and state of sessions; the caller owns columns and blocks. */
export interface SessionRows {
  readonly count: number;
  readonly keys: readonly Column[];
  /** i64[count] */
  readonly starts: Block;
  readonly ends: Block;
  /** i32[count]: 1 open, 2 fired. */
  readonly states: Block;
}

/** The nodes that the rows of a batch belong to; the caller owns the block. */
export interface RowNodes {
  /** u32 per row; 0xffffffff where it is late. */
  readonly nodes: Block;
  readonly lateCount: number;
}

/** Nodes, and which of the chosen sessions each belongs to: u32[count] each. The caller owns both blocks. */
export interface NodesOfSessions {
  readonly nodes: Block;
  readonly sessions: Block;
  readonly count: number;
}

/**
 * The sessions of keys as nodes, numbered 0, 1, ... Where rows join two sessions, both nodes stay, one as an alias of
 * the other, so that what is kept by node needs no moving. See kernels/session.ts.
 */
export class SessionIndex {
  readonly #workspace: Workspace;
  readonly #keyTypes: readonly DataType[];
  #keys: GroupTable | undefined;
  /** i32 per key: its first session. */
  #heads: Block;
  #headCount = 0;
  #nodes: Block;
  #nodeCount = 0;
  #closedCount = 0;
  /** No session that has not fired ends before. */
  #leastEndMs = Number.POSITIVE_INFINITY;

  /** Without keys there are sessions over all rows. */
  constructor(workspace: Workspace, keyTypes: readonly DataType[]) {
    this.#workspace = workspace;
    this.#keyTypes = keyTypes;
    this.#keys = this.#newKeys();
    this.#heads = workspace.allocate(0);
    this.#nodes = workspace.allocate(0);
  }

  get nodeCount(): number {
    return this.#nodeCount;
  }

  /** Nodes that have closed since the last `reset`. */
  get closedCount(): number {
    return this.#closedCount;
  }

  get memoryBytes(): number {
    return this.#heads.byteLength + this.#nodes.byteLength + (this.#keys?.memoryBytes ?? 0);
  }

  growthBytes(rowCount: number): number {
    return (this.#keys?.growthBytes(rowCount) ?? 0) + rowCount * 3 * RECORD_BYTES;
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
   * Finds the sessions of rows by their times (i64[rowCount]), and makes, extends and joins them. "ambiguous", and
   * nothing is done, where it depends on the order of rows which of them are late; never for a single row.
   */
  assign(
    keys: readonly Column[],
    times: Address,
    gaps: Gaps,
    rowCount: number,
    closedMs: number,
  ): RowNodes | "ambiguous" {
    const { kernels } = this.#workspace;
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
    const heads = this.#heads.address;
    try {
      if (rowCount > 1 && kernels.sessionAmbiguous(locals.address, count, heads, this.#nodes.address, closedMs) > 0) {
        groups.release();
        return "ambiguous";
      }
      this.#ensureNodes(this.#nodeCount + count);
      const all = this.#nodes.address;
      this.#nodeCount = kernels.sessionApply(locals.address, count, heads, all, this.#nodeCount, closedMs);
      const lateCount = kernels.sessionNodes(groups.address, rowCount, locals.address, groups.address);
      this.#leastEndMs = Math.min(this.#leastEndMs, kernels.eventTimeMin(times, rowCount) + gaps.leastMs);
      return { nodes: groups, lateCount };
    } finally {
      locals.release();
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

  /** Forgets sessions that have fired and end by `boundMs`. Their nodes stay until `reset`. */
  close(boundMs: number): void {
    const { kernels } = this.#workspace;
    this.#closedCount += kernels.sessionClose(this.#nodes.address, this.#nodeCount, this.#heads.address, boundMs);
  }

  /** Sessions that are open, fired or not: u32 each. The caller owns the block. */
  openNodes(): { readonly nodes: Block; readonly count: number } {
    const nodes = this.#workspace.allocate(this.#nodeCount * 4);
    const count = this.#workspace.kernels.sessionOpenNodes(this.#nodes.address, this.#nodeCount, nodes.address);
    return { nodes, count };
  }

  get isAllClosed(): boolean {
    const { nodes, count } = this.openNodes();
    nodes.release();
    return count === 0;
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

  /** The nodes of the sessions u32[count] at `chosen`, and of those that were joined to them, in ascending order. */
  nodesOf(chosen: Address, count: number): NodesOfSessions {
    const [numbers, nodes, sessions] = [0, 1, 2].map(() => this.#workspace.allocate(this.#nodeCount * 4));
    const found = this.#workspace.kernels.sessionGroups(
      this.#nodes.address,
      this.#nodeCount,
      chosen,
      count,
      numbers.address,
      nodes.address,
      sessions.address,
    );
    numbers.release();
    return { nodes, sessions, count: found };
  }

  /** Forgets all sessions and keys. */
  reset(): void {
    for (const owned of [this.#keys, this.#nodes, this.#heads]) owned?.release();
    this.#keys = this.#newKeys();
    this.#nodes = this.#workspace.allocate(0);
    this.#heads = this.#workspace.allocate(0);
    this.#headCount = 0;
    this.#nodeCount = 0;
    this.#closedCount = 0;
    this.#leastEndMs = Number.POSITIVE_INFINITY;
  }

  /** Adds sessions that meet none of those that are here, one node each. Borrows all. */
  append({ count, keys, starts, ends, states }: SessionRows): void {
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

  release(): void {
    for (const owned of [this.#keys, this.#heads, this.#nodes]) owned?.release();
  }

  #newKeys(): GroupTable | undefined {
    return this.#keyTypes.length === 0 ? undefined : new GroupTable(this.#workspace, this.#keyTypes);
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
}

export function releaseRows({ keys, starts, ends, states }: SessionRows): void {
  for (const owned of [...keys, starts, ends, states]) owned.release();
}

/** Rows that have a session with the node of each (u32), and late ones; the caller owns all. Takes over the block. */
export function splitLateRows(
  workspace: Workspace,
  batch: Batch,
  { nodes, lateCount }: RowNodes,
): { readonly onTime: Batch; readonly nodes: Block; readonly late: Batch | undefined } {
  if (lateCount === 0) return { onTime: batch.retain(), nodes, late: undefined };
  const { kernels } = workspace;
  const { rowCount } = batch;
  const sides = workspace.allocate(rowCount * 4);
  kernels.sessionSides(nodes.address, rowCount, sides.address);
  const rows = workspace.allocate((rowCount + 1) * 4);
  const take = (side: number): { readonly batch: Batch; readonly count: number } => {
    const count = kernels.windowSelectPanes(sides.address, rowCount, side, side + 1, rows.address);
    return { batch: gatherBatch(workspace, batch, rows.address, count), count };
  };
  const late = take(0).batch;
  const { batch: onTime, count } = take(1);
  const own = workspace.allocate(count * 4);
  kernels.gather32(nodes.address, rows.address, count, own.address);
  for (const owned of [sides, rows, nodes]) owned.release();
  return { onTime, nodes: own, late };
}

/**
 * Gives the rows of a batch (borrowed, with times) to `add` with their gaps: all at once or, where it answers
 * "ambiguous", in order, those one by one that alone would be late. So each row meets the sessions of those before it.
 */
export function addInSessions(
  workspace: Workspace,
  batch: Batch,
  gaps: SessionGaps,
  closedMs: number,
  add: (batch: Batch, gaps: Gaps) => "ambiguous" | "done",
): void {
  const { rowCount, rowTimes } = batch;
  assert(rowTimes !== undefined, "rows of sessions have times");
  const isEarly = gaps.of(workspace, batch, (given) => {
    if (add(batch, given) === "done") return undefined;
    const flags = workspace.allocate(rowCount * 4);
    const { sessionEarlyRows } = workspace.kernels;
    sessionEarlyRows(rowTimes.data, given.gaps, given.gapMs, rowCount, closedMs, flags.address);
    const copied = workspace.u32.slice(flags.address >>> 2, (flags.address >>> 2) + rowCount);
    flags.release();
    return copied;
  });
  if (isEarly === undefined) return;
  for (let from = 0; from < rowCount; ) {
    let to = from + 1;
    if (isEarly[from] === 0) while (to < rowCount && isEarly[to] === 0) to++;
    const part = sliceBatch(workspace, batch, from, to - from);
    try {
      addInSessions(workspace, part, gaps, closedMs, add);
    } finally {
      part.release();
    }
    from = to;
  }
}
