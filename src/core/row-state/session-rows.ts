import { GroupArray } from "../aggregates/group-array.ts";
import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { assert } from "../errors.ts";
import type { JoinSide } from "../joins/join-plan.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Schema } from "../schema.ts";
import { uint32 } from "../types.ts";
import type { Gaps } from "../windows/session-gaps.ts";
import { type RowNodes, releaseRows, SessionIndex, type SessionRows, splitLateRows } from "../windows/session-index.ts";
import type { Workspace } from "../workspace.ts";
import { RowStore } from "./row-store.ts";
import { SIDES, type WindowSides } from "./window-sides.ts";

const LIST_BYTES = 12;
/** Sessions are given out together up to so many rows, and those of one session always. */
const ROWS_AT_ONCE = 65_536;
/** So many rows must have gone before the others are moved together. */
const SWEEP_ROWS = 8192;
/** A session takes about as much as so many rows. */
const ROWS_PER_SESSION = 8;

/** Rows of some sessions, by session and in the order in which they came; the caller owns all. */
export interface RowsOfSessions extends Readonly<Record<JoinSide, SideRows | undefined>> {
  readonly sessions: SessionRows;
  /** How many sessions were given before these. */
  readonly first: number;
}

/** Some rows of a side in the order in which they came, of any of the sessions; the caller owns the rows alone. */
export interface RowsOfSide {
  readonly side: JoinSide;
  readonly rows: SideRows;
  readonly sessions: SessionRows;
}

/** The needed columns of rows, and uint32 which of the sessions each is in. */
export interface SideRows {
  readonly batch: Batch;
  readonly sessions: Column;
}

/** Rows of a side, numbered as they came, in a list per node. */
class SideStore {
  readonly rows: RowStore;
  readonly lists: GroupArray;
  readonly next: GroupArray;

  constructor(workspace: Workspace, schema: Schema) {
    this.rows = new RowStore(
      workspace,
      schema.fields.map(({ type }) => type),
    );
    this.lists = new GroupArray(workspace, LIST_BYTES);
    this.next = new GroupArray(workspace, 4);
  }

  get memoryBytes(): number {
    return this.rows.memoryBytes + this.lists.byteLength + this.next.byteLength;
  }

  growthBytes(rowCount: number, nodeCount: number): number {
    const rows = this.rows.rowCount + rowCount;
    return this.rows.growthBytes(rowCount) + this.next.growthBytes(rows) + this.lists.growthBytes(nodeCount);
  }

  release(): void {
    for (const owned of [this.rows, this.lists, this.next]) owned.release();
  }
}

/** Sorted elements of kernels/session-rows.ts. */
interface Elements {
  readonly block: Block;
  readonly count: number;
}

/**
 * Sessions over the rows of two inputs: rows of a key on either side extend and join the same sessions. The rows are
 * kept until their session closes.
 */
export class TwoSidedSessions {
  readonly index: SessionIndex;
  readonly #workspace: Workspace;
  readonly #sides: WindowSides;
  readonly #what: string;
  #stores: Readonly<Record<JoinSide, SideStore>>;
  #livingRows = 0;
  #deadRows = 0;

  /** `what`: the operator, for errors. */
  constructor(workspace: Workspace, sides: WindowSides, what: string) {
    const { schema, keys } = sides.left;
    this.#workspace = workspace;
    this.#sides = sides;
    this.#what = what;
    this.index = new SessionIndex(
      workspace,
      keys.map((key) => schema.fields[key].type),
    );
    this.#stores = this.#newStores();
  }

  get memoryBytes(): number {
    return this.index.memoryBytes + this.#stores.left.memoryBytes + this.#stores.right.memoryBytes;
  }

  /**
   * Takes rows of an input in by their row times. Returns the rows that are late, which are the caller's. "ambiguous",
   * and nothing is taken, where that depends on the order of rows; never for a single row.
   */
  add(side: JoinSide, batch: Batch, gaps: Gaps, closedMs: number): Batch | "ambiguous" | undefined {
    const { columns } = this.#sides[side];
    const { rowCount, rowTimes } = batch;
    assert(rowTimes !== undefined, "rows of sessions have times");
    const needed = columns.map((column) => batch.columns[column]);
    const found = this.#assign(side, needed, rowTimes.data, gaps, rowCount, closedMs);
    if (found === "ambiguous") return found;
    const { onTime, nodes, late } = splitLateRows(this.#workspace, batch, found);
    const kept = columns.map((column) => onTime.columns[column]);
    this.#append(this.#stores[side], kept, onTime.rowCount, nodes.address, this.index.nodeCount);
    this.#livingRows += onTime.rowCount;
    for (const owned of [onTime, nodes]) owned.release();
    return late;
  }

  /** Takes in rows, of the needed columns, of sessions [start, end): i64 per row each. Borrows all. */
  restore(side: JoinSide, columns: readonly Column[], starts: Address, ends: Address, rowCount: number): void {
    if (rowCount === 0) return;
    const { kernels } = this.#workspace;
    const gaps = this.#workspace.allocate(rowCount * 8);
    kernels.sessionRowsGaps(starts, ends, rowCount, gaps.address);
    const leastMs = kernels.eventTimeMin(gaps.address, rowCount);
    // The whole session as the gap of each of its rows: they meet again, and no others.
    const given = { gaps: gaps.address, gapMs: 0, leastMs };
    const found = this.#assign(side, columns, starts, given, rowCount, Number.NEGATIVE_INFINITY);
    assert(found !== "ambiguous" && found.lateCount === 0, "no session of a snapshot is closed");
    this.#append(this.#stores[side], columns, rowCount, found.nodes.address, this.index.nodeCount);
    this.#livingRows += rowCount;
    for (const block of [gaps, found.nodes]) block.release();
  }

  /** The rows of sessions that end by `boundMs`, which are closed once all of them were given. */
  *close(boundMs: number): Generator<RowsOfSessions, void, void> {
    if (!this.index.mayBeDue(boundMs)) return;
    const due = this.index.takeDue(boundMs);
    try {
      const rows = yield* this.#rowsOf(due.nodes.address, due.count, ROWS_AT_ONCE);
      this.#livingRows -= rows;
      this.#deadRows += rows;
    } finally {
      due.nodes.release();
      this.index.close(boundMs);
      this.#sweepIfWorth();
    }
  }

  /** The rows of all sessions, which stay: sessions may still meet, and give their rows in the order in which they came. */
  *all(rowLimit: number): Generator<RowsOfSide, void, void> {
    const open = this.index.openNodes();
    const sessions = this.index.read(open.nodes.address, open.count);
    try {
      for (const { side, rows } of this.#rowsInOrder(open.nodes.address, open.count, rowLimit)) {
        yield { side, rows, sessions };
      }
    } finally {
      releaseRows(sessions);
      open.nodes.release();
    }
  }

  release(): void {
    this.index.release();
    this.#releaseStores();
  }

  #newStores(): Readonly<Record<JoinSide, SideStore>> {
    const { left, right } = this.#sides;
    return {
      left: new SideStore(this.#workspace, left.schema),
      right: new SideStore(this.#workspace, right.schema),
    };
  }

  #releaseStores(): void {
    for (const side of SIDES) this.#stores[side].release();
  }

  #assign(
    side: JoinSide,
    columns: readonly Column[],
    times: Address,
    gaps: Gaps,
    rowCount: number,
    closedMs: number,
  ): RowNodes | "ambiguous" {
    const store = this.#stores[side];
    const bytes = this.index.growthBytes(rowCount) + store.growthBytes(rowCount, this.index.nodeCount + rowCount);
    this.#workspace.governor.reserve(bytes, this.#what, { required: true });
    const keys = this.#sides[side].keys.map((key) => columns[key]);
    return this.index.assign(keys, times, gaps, rowCount, closedMs);
  }

  /** nodes: u32 per row */
  #append(
    { rows, lists, next }: SideStore,
    columns: readonly Column[],
    rowCount: number,
    nodes: Address,
    nodeCount: number,
  ): void {
    if (rowCount === 0) return;
    const first = rows.append(columns, rowCount);
    const all = lists.ensure(nodeCount);
    this.#workspace.kernels.sessionRowsAdd(nodes, rowCount, first, all, next.ensure(first + rowCount));
  }

  /** The rows of the sessions u32[count] at `chosen`, about `rowLimit` at a time; returns how many they are. */
  *#rowsOf(chosen: Address, count: number, rowLimit: number): Generator<RowsOfSessions, number, void> {
    const all = {
      left: this.#elementsOf("left", chosen, count, "sessions"),
      right: this.#elementsOf("right", chosen, count, "sessions"),
    };
    try {
      const at = { left: 0, right: 0 };
      for (let first = 0; first < count; ) {
        // Sessions up to the one in which the larger side passes its limit.
        const last = Math.min(...SIDES.map((side) => this.#sessionAt(all[side], at[side] + rowLimit, count)));
        const size = Math.max(1, last - first);
        const take = (side: JoinSide): SideRows | undefined => {
          const [from, to] = [at[side], this.#seek(all[side], at[side], first + size)];
          at[side] = to;
          if (to === from) return undefined;
          return this.#sideRows(side, all[side].block.address + from * 8, to - from, first);
        };
        const sessions = this.index.read(chosen + first * 4, size);
        yield { first, sessions, left: take("left"), right: take("right") };
        first += size;
      }
      return all.left.count + all.right.count;
    } finally {
      for (const side of SIDES) all[side].block.release();
    }
  }

  /** The rows of the sessions u32[count] at `chosen`, a side after the other, as they came. The caller owns them. */
  *#rowsInOrder(
    chosen: Address,
    count: number,
    rowLimit: number,
  ): Generator<{ side: JoinSide; rows: SideRows }, void, void> {
    for (const side of SIDES) {
      const elements = this.#elementsOf(side, chosen, count, "arrival");
      try {
        for (let at = 0; at < elements.count; at += rowLimit) {
          const size = Math.min(rowLimit, elements.count - at);
          yield { side, rows: this.#sideRows(side, elements.block.address + at * 8, size, 0) };
        }
      } finally {
        elements.block.release();
      }
    }
  }

  #elementsOf(side: JoinSide, chosen: Address, count: number, order: "sessions" | "arrival"): Elements {
    const workspace = this.#workspace;
    const { kernels } = workspace;
    const { lists, next } = this.#stores[side];
    const all = lists.ensure(this.index.nodeCount);
    const { nodes, sessions, count: found } = this.index.nodesOf(chosen, count);
    const rowCount = kernels.sessionRowsCount(nodes.address, found, all);
    const [elements, scratch] = [0, 1].map(() => workspace.allocate(rowCount * 8));
    const counts = workspace.allocate(kernels.sortCountsBytes());
    kernels.sessionRowsTake(nodes.address, sessions.address, found, all, next.address, elements.address);
    if (order === "arrival") kernels.sessionRowsSwap(elements.address, rowCount);
    const sorted = kernels.sortRadix(elements.address, rowCount, 0, scratch.address, counts.address) >>> 0;
    const [block, other] = sorted === elements.address ? [elements, scratch] : [scratch, elements];
    if (order === "arrival") kernels.sessionRowsSwap(block.address, rowCount);
    for (const owned of [nodes, sessions, counts, other]) owned.release();
    return { block, count: rowCount };
  }

  /** The session of an element, or `end` where there are no more. */
  #sessionAt({ block, count }: Elements, at: number, end: number): number {
    return at >= count ? end : this.#workspace.u32[(block.address >>> 2) + at * 2 + 1];
  }

  #seek({ block, count }: Elements, from: number, session: number): number {
    return this.#workspace.kernels.sessionRowsSeek(block.address, from, count, session);
  }

  #sideRows(side: JoinSide, elements: Address, count: number, firstSession: number): SideRows {
    const workspace = this.#workspace;
    const [rows, data] = [0, 1].map(() => workspace.allocate(count * 4));
    workspace.kernels.sessionRowsSplit(elements, count, firstSession, rows.address, data.address);
    const columns = this.#stores[side].rows.gatherAll(rows.address, count);
    rows.release();
    const { schema } = this.#sides[side];
    return { batch: new Batch(schema, count, columns), sessions: columnOf(workspace, uint32, count, { data }) };
  }

  /** Once what has gone takes as much as what is there, the latter moves together, and sessions are numbered anew. */
  #sweepIfWorth(): void {
    const { closedCount, nodeCount } = this.index;
    const dead = this.#deadRows + closedCount * ROWS_PER_SESSION;
    const living = this.#livingRows + (nodeCount - closedCount) * ROWS_PER_SESSION;
    if (closedCount > 0 && this.index.isAllClosed) this.#clear();
    else if (dead >= SWEEP_ROWS && dead >= living) this.#sweep();
  }

  #clear(): void {
    this.index.reset();
    this.#replaceStores(this.#newStores());
    this.#livingRows = 0;
  }

  #sweep(): void {
    const open = this.index.openNodes();
    const sessions = this.index.read(open.nodes.address, open.count);
    const stores = this.#newStores();
    for (const { side, rows } of this.#rowsInOrder(open.nodes.address, open.count, ROWS_AT_ONCE)) {
      const { batch, sessions: nodes } = rows;
      this.#append(stores[side], batch.columns, batch.rowCount, nodes.data, open.count);
      for (const owned of [batch, nodes]) owned.release();
    }
    this.#replaceStores(stores);
    this.index.reset();
    this.index.append(sessions);
    releaseRows(sessions);
    open.nodes.release();
  }

  #replaceStores(stores: Readonly<Record<JoinSide, SideStore>>): void {
    this.#releaseStores();
    this.#stores = stores;
    this.#deadRows = 0;
  }
}
