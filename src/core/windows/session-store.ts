import { type AggregatePlan, AggregateSet } from "../aggregates/aggregate-set.ts";
import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { assert } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Gaps } from "./session-gaps.ts";
import { releaseRows, SessionIndex, type SessionRows, splitLateRows } from "./session-index.ts";

/** Closed sessions are swept out once they are so many, and half of all. */
const SWEEP_SESSIONS = 1024;

/**
 * Open sessions by key and their aggregates. Each session has an aggregate group of its own; when rows join two
 * sessions, both groups stay and are merged when results are read.
 */
export class SessionStore {
  readonly sessions: SessionIndex;
  readonly #workspace: Workspace;
  readonly #plan: AggregatePlan;
  #aggregates: AggregateSet;

  constructor(workspace: Workspace, keyTypes: readonly DataType[], plan: AggregatePlan) {
    this.#workspace = workspace;
    this.#plan = plan;
    this.sessions = new SessionIndex(workspace, keyTypes);
    this.#aggregates = new AggregateSet(workspace, plan);
  }

  get memoryBytes(): number {
    return this.sessions.memoryBytes + this.#aggregates.memoryBytes;
  }

  /**
   * Takes rows in by their row times; `columns` of the batch are those of the plan. Returns the rows that are late, which
   * are the caller's. "ambiguous", and nothing is taken, where that depends on the order of rows; never for a single row.
   */
  add(
    batch: Batch,
    keys: readonly Column[],
    gaps: Gaps,
    closedMs: number,
    what: string,
  ): Batch | "ambiguous" | undefined {
    const { rowCount, rowTimes } = batch;
    assert(rowTimes !== undefined, "rows of sessions have times");
    this.#reserve(rowCount, what);
    const found = this.sessions.assign(keys, rowTimes.data, gaps, rowCount, closedMs);
    if (found === "ambiguous") return found;
    const { onTime, nodes, late } = splitLateRows(this.#workspace, batch, found);
    const { nodeCount } = this.sessions;
    this.#aggregates.update(
      { groups: nodes.address, rowCount: onTime.rowCount, groupCount: nodeCount },
      onTime.columns,
    );
    for (const owned of [onTime, nodes]) owned.release();
    return late;
  }

  /** Forgets sessions that have fired and end by `boundMs`. */
  close(boundMs: number): void {
    const { sessions } = this;
    sessions.close(boundMs);
    const { closedCount, nodeCount } = sessions;
    if (closedCount >= SWEEP_SESSIONS && closedCount * 2 >= nodeCount) this.sweep();
    else if (closedCount > 0 && sessions.isAllClosed) this.sweep();
  }

  /** Numbers sessions and keys anew, without those that are closed, and merges what was joined. */
  sweep(): void {
    const { sessions } = this;
    const open = sessions.openNodes();
    const rows = sessions.read(open.nodes.address, open.count);
    const aggregates = this.#merged(open.nodes.address, open.count);
    open.nodes.release();
    this.#aggregates.release();
    this.#aggregates = aggregates;
    sessions.reset();
    sessions.append(rows);
    releaseRows(rows);
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
    const { nodeCount } = this.sessions;
    for (let from = 0; from < nodeCount; from += rowLimit) {
      const count = Math.min(rowLimit, nodeCount - from);
      const nodes = this.#sequence(from, count);
      const rows = this.sessions.read(nodes.address, count);
      nodes.release();
      yield { rows, states: this.#aggregates.stateColumns(from, count) };
    }
  }

  /** Takes in sessions that meet none of those that are here; borrows all. */
  restore(rows: SessionRows, states: readonly Column[], what: string): void {
    this.#reserve(rows.count, what);
    const groups = this.#sequence(this.sessions.nodeCount, rows.count);
    this.sessions.append(rows);
    const { nodeCount } = this.sessions;
    this.#aggregates.merge({ groups: groups.address, rowCount: rows.count, groupCount: nodeCount }, states);
    groups.release();
  }

  release(): void {
    this.sessions.release();
    this.#aggregates.release();
  }

  #reserve(rowCount: number, what: string): void {
    const aggregates = this.#aggregates.growthBytes(this.sessions.nodeCount + rowCount, rowCount);
    const bytes = aggregates + this.sessions.growthBytes(rowCount);
    this.#workspace.governor.reserve(bytes, what, { required: true });
  }

  /** The aggregates of the sessions u32[count] at `chosen`, as groups 0, 1, ...; the caller owns them. */
  #merged(chosen: Address, count: number): AggregateSet {
    const merged = new AggregateSet(this.#workspace, this.#plan);
    const { nodes, sessions, count: found } = this.sessions.nodesOf(chosen, count);
    if (found > 0) {
      const states = this.#aggregates.gatherStates(nodes.address, found, this.sessions.nodeCount);
      merged.merge({ groups: sessions.address, rowCount: found, groupCount: count }, states);
      for (const column of states) column.release();
    }
    for (const block of [nodes, sessions]) block.release();
    return merged;
  }

  #sequence(from: number, count: number): Block {
    const block = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.groupSequence(from, count, block.address);
    return block;
  }
}
