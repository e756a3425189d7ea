import { GroupArray } from "../aggregates/group-array.ts";
import { Batch, RowKind } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { gatherColumn } from "../columns/gather.ts";
import type { CompiledPredicate } from "../expressions/predicate.ts";
import {
  type ColumnSource,
  givesPairs,
  type JoinPlan,
  type JoinSide,
  type JoinType,
  keepsUnmatched,
} from "../joins/join-plan.ts";
import { filterPairs } from "../joins/pair-filter.ts";
import type { Address } from "../memory/allocator.ts";
import { START_OF_TIME_MS } from "../time/time.ts";
import { int8 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { JoinedRows, RowChange } from "./joined-rows.ts";
import { nullColumn } from "./row-store.ts";

export interface JoinedSides {
  left: JoinedRows;
  right: JoinedRows;
}

export interface JoinResultsPlan {
  readonly plan: JoinPlan;
  readonly condition: CompiledPredicate | undefined;
  /** Results are wanted once, when all rows are there. */
  readonly isFinalOnly: boolean;
  readonly hasKinds: boolean;
}

/**
 * Whether rows of a side are in the result alone, depending on their having a match: without one, padded with nulls, in
 * outer joins, and by themselves in anti joins; with one in semi joins.
 */
export const givesAlone = (type: JoinType, side: JoinSide): boolean =>
  keepsUnmatched(type, side) || (side === "left" && !givesPairs(type));

/**
 * The results of an updating join, as inserts and deletes, from the changes of its sides. For each batch of changes first
 * what goes and then what comes; a row that loses its last match and gets another in one batch is not told about.
 */
export class JoinResults {
  readonly #workspace: Workspace;
  readonly #batchRows: number;
  readonly #sides: JoinedSides;
  readonly #plan: JoinPlan;
  readonly #condition: CompiledPredicate | undefined;
  readonly #isFinalOnly: boolean;
  readonly #hasKinds: boolean;
  /** Rows of the side that is probed which lost their last match in this batch. */
  readonly #turned: { readonly rows: GroupArray; count: number };
  #boundMs = START_OF_TIME_MS;

  /** The sides are the caller's, who may replace them between calls. */
  constructor(
    { workspace, batchRows }: { readonly workspace: Workspace; readonly batchRows: number },
    sides: JoinedSides,
    { plan, condition, isFinalOnly, hasKinds }: JoinResultsPlan,
  ) {
    this.#workspace = workspace;
    this.#batchRows = batchRows;
    this.#sides = sides;
    this.#plan = plan;
    this.#condition = condition;
    this.#isFinalOnly = isFinalOnly;
    this.#hasKinds = hasKinds;
    this.#turned = { rows: new GroupArray(workspace, 4), count: 0 };
  }

  /** What changes of a side do to the result. Borrows both; rows with a time up to `boundMs` have expired. */
  *of(
    side: JoinSide,
    removed: RowChange | undefined,
    added: RowChange | undefined,
    boundMs: number,
  ): Generator<Batch, void, void> {
    this.#boundMs = boundMs;
    if (removed !== undefined) yield* this.#probe(removed, side, false);
    if (added !== undefined) yield* this.#probe(added, side, true);
    yield* this.#settle(otherOf(side));
  }

  /** Rows with a null key match nothing, now or later, so none is kept. */
  *ofKeyless({ columns, rowKinds, rowCount }: Batch, side: JoinSide): Generator<Batch, void, void> {
    if (!givesAlone(this.#plan.type, side) || this.#isSemi) return;
    const workspace = this.#workspace;
    const kinds = workspace.allocateZeroed(rowCount);
    if (rowKinds !== undefined) workspace.kernels.updatingJoinKinds(rowKinds.data, rowCount, kinds.address);
    yield new Batch(
      this.#plan.outputSchema,
      rowCount,
      this.#aloneColumns(side, rowCount, (column) => columns[column].retain()),
      { kinds: columnOf(workspace, int8, rowCount, { data: kinds }) },
    );
  }

  /** Batch mode: the result once all rows are there. */
  *final(): Generator<Batch, void, void> {
    const workspace = this.#workspace;
    const batchRows = this.#batchRows;
    const { left, right } = this.#sides;
    for (const { rows, count } of left.living(batchRows, START_OF_TIME_MS)) {
      const change = left.asAdded(rows, count);
      try {
        yield* this.#probe(change, "left", true);
      } finally {
        change.release();
      }
    }
    if (!right.plan.isTracked) return;
    for (const { rows, count } of right.living(batchRows, START_OF_TIME_MS)) {
      const unmatched = workspace.allocate(count * 4);
      const { kernels } = workspace;
      const size = kernels.updatingJoinSettle(rows, count, right.matches, unmatched.address);
      try {
        yield* this.#storedAlone("right", unmatched.address, size, RowKind.insert);
      } finally {
        unmatched.release();
      }
    }
  }

  release(): void {
    this.#turned.rows.release();
  }

  get #isSemi(): boolean {
    return this.#plan.type === "semi";
  }

  /** The result rows that come with changes of a side, or go with them. */
  *#probe(change: RowChange, side: JoinSide, isAdded: boolean): Generator<Batch, void, void> {
    const workspace = this.#workspace;
    const batchRows = this.#batchRows;
    const own = this.#sides[side];
    const other = this.#sides[otherOf(side)];
    const kind = isAdded ? RowKind.insert : RowKind.delete;
    if (!isAdded && own.plan.isTracked) yield* this.#changedAlone(change, side, kind);
    const heads = other.find(change.keys);
    const state = workspace.allocateZeroed(12);
    const [probes, rows, turned] = [0, 1, 2].map(() => workspace.allocate(batchRows * 4));
    try {
      while (workspace.u32[state.address >>> 2] < change.rowCount) {
        const { kernels } = workspace;
        const found = kernels.updatingJoinPairs(
          heads.address,
          other.next,
          other.counts,
          other.times,
          this.#boundMs,
          change.rowCount,
          batchRows,
          state.address,
          probes.address,
          rows.address,
        );
        const count = this.#filter(change, side, probes.address, rows.address, found);
        if (count === 0) continue;
        const pairs = [probes.address, rows.address, count] as const;
        if (isAdded && own.plan.isTracked) {
          kernels.updatingJoinOwn(...pairs, other.counts, change.rows, change.firstRow, own.matches);
        }
        if (other.plan.isTracked && !isAdded) this.#loseMatches(other, change, ...pairs);
        if (other.plan.isTracked && isAdded) {
          const size = kernels.updatingJoinGive(...pairs, change.weights, other.matches, turned.address);
          const turnedKind = this.#isSemi ? RowKind.insert : RowKind.delete;
          if (!this.#isFinalOnly) yield* this.#storedAlone(otherOf(side), turned.address, size, turnedKind);
        }
        if (givesPairs(this.#plan.type)) yield* this.#pairs(change, side, ...pairs, kind);
      }
    } finally {
      for (const block of [heads, state, probes, rows, turned]) block.release();
    }
    if (isAdded && own.plan.isTracked) yield* this.#changedAlone(change, side, kind);
  }

  /** The number of pairs that fulfil the residual condition; the others are left out. */
  #filter(change: RowChange, side: JoinSide, probes: Address, rows: Address, count: number): number {
    const { residual } = this.#plan;
    if (residual === undefined || this.#condition === undefined || count === 0) return count;
    const columns = this.#pairColumns(residual.columns, change, side, probes, rows, count);
    const candidates = new Batch(residual.schema, count, columns);
    return filterPairs(this.#workspace, this.#condition, candidates, probes, rows);
  }

  #loseMatches(other: JoinedRows, change: RowChange, probes: Address, rows: Address, count: number): void {
    const list = this.#turned;
    const at = list.rows.ensure(list.count + count) + list.count * 4;
    const { kernels } = this.#workspace;
    list.count += kernels.updatingJoinTake(probes, rows, count, change.weights, other.matches, at);
  }

  /** Rows of a side that lost their last match in this batch, and got no other. */
  *#settle(side: JoinSide): Generator<Batch, void, void> {
    const list = this.#turned;
    if (list.count === 0) return;
    const { kernels } = this.#workspace;
    const { address } = list.rows;
    const count = kernels.updatingJoinSettle(address, list.count, this.#sides[side].matches, address);
    list.count = 0;
    yield* this.#storedAlone(side, address, count, this.#isSemi ? RowKind.delete : RowKind.insert);
  }

  *#pairs(
    change: RowChange,
    side: JoinSide,
    probes: Address,
    rows: Address,
    count: number,
    kind: RowKind,
  ): Generator<Batch, void, void> {
    const { counts } = this.#sides[otherOf(side)];
    for (const piece of this.#repeated(probes, rows, count, change.weights, counts)) {
      const columns = this.#pairColumns(this.#plan.output, change, side, piece.a, piece.b, piece.count);
      yield this.#result(columns, piece.count, kind);
    }
  }

  /** Changed rows that are in the result without a row of the other side. */
  *#changedAlone(change: RowChange, side: JoinSide, kind: RowKind): Generator<Batch, void, void> {
    const workspace = this.#workspace;
    const { matches } = this.#sides[side];
    const { rows, firstRow, rowCount, weights } = change;
    const alone = workspace.allocate(rowCount * 4);
    try {
      const { kernels } = workspace;
      const count = kernels.updatingJoinSelect(rows, firstRow, rowCount, matches, this.#isSemi, alone.address);
      for (const { a, count: size } of this.#repeated(alone.address, 0, count, weights, 0)) {
        const gather = (column: number): Column => gatherColumn(workspace, change.columns[column], a, size);
        yield this.#result(this.#aloneColumns(side, size, gather), size, kind);
      }
    } finally {
      alone.release();
    }
  }

  /** Stored rows u32[count] of a side without a row of the other one. */
  *#storedAlone(side: JoinSide, rows: Address, count: number, kind: RowKind): Generator<Batch, void, void> {
    const stored = this.#sides[side];
    for (const { a, count: size } of this.#repeated(rows, 0, count, stored.counts, 0)) {
      const columns = this.#aloneColumns(side, size, (column) => stored.gather(column, a, size));
      yield this.#result(columns, size, kind);
    }
  }

  /** Pairs (or, with b = 0, numbers) as often as they are there, in pieces of a batch; the addresses are borrowed. */
  *#repeated(
    a: Address,
    b: Address,
    count: number,
    weights: Address,
    counts: Address,
  ): Generator<{ a: Address; b: Address; count: number }, void, void> {
    const workspace = this.#workspace;
    const batchRows = this.#batchRows;
    if (weights === 0 && counts === 0) {
      for (let from = 0; from < count; from += batchRows) {
        yield { a: a + from * 4, b: b + from * 4, count: Math.min(batchRows, count - from) };
      }
      return;
    }
    const state = workspace.allocateZeroed(16);
    const [outA, outB] = [workspace.allocate(batchRows * 4), workspace.allocate(batchRows * 4)];
    try {
      while (workspace.u32[state.address >>> 2] < count) {
        const size = workspace.kernels.updatingJoinRepeat(
          a,
          b,
          count,
          weights,
          counts,
          batchRows,
          state.address,
          outA.address,
          outB.address,
        );
        if (size > 0) yield { a: outA.address, b: outB.address, count: size };
      }
    } finally {
      for (const block of [state, outA, outB]) block.release();
    }
  }

  #pairColumns(
    sources: readonly ColumnSource[],
    change: RowChange,
    side: JoinSide,
    probes: Address,
    rows: Address,
    count: number,
  ): Column[] {
    const workspace = this.#workspace;
    const other = this.#sides[otherOf(side)];
    return sources.map((source) =>
      source.side === side
        ? gatherColumn(workspace, change.columns[source.column], probes, count)
        : other.gather(source.column, rows, count),
    );
  }

  /** The output columns of rows of one side: `gather` gives those, the others are null. */
  #aloneColumns(side: JoinSide, count: number, gather: (column: number) => Column): Column[] {
    return this.#plan.output.map((source) => {
      if (source.side === side) return gather(source.column);
      return nullColumn(this.#workspace, this.#plan[source.side].schema.fields[source.column].type, count);
    });
  }

  /** A result whose rows are all of one kind. */
  #result(columns: Column[], count: number, kind: RowKind): Batch {
    if (!this.#hasKinds) return new Batch(this.#plan.outputSchema, count, columns);
    const workspace = this.#workspace;
    const data = workspace.allocate(count);
    workspace.kernels.fillBytes(data.address, kind, count);
    return new Batch(this.#plan.outputSchema, count, columns, { kinds: columnOf(workspace, int8, count, { data }) });
  }
}

const otherOf = (side: JoinSide): JoinSide => (side === "left" ? "right" : "left");
