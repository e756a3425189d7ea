import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { buildColumn } from "../columns/builder.ts";
import { gatherColumn, NO_ROW } from "../columns/gather.ts";
import { ScatteredRows } from "../columns/scattered-rows.ts";
import { mergeBatches } from "../columns/sorted-buffer.ts";
import type { CompiledPredicate } from "../expressions/predicate.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import type { BuildTable } from "./build-table.ts";
import { type ColumnSource, givesPairs, type JoinPlan, type JoinSide, keepsUnmatched } from "./join-plan.ts";
import { filterPairs } from "./pair-filter.ts";

/** How a join runs: its plan, the side that is held, and the compiled residual condition. */
export interface JoinRun {
  readonly plan: JoinPlan;
  readonly buildSide: JoinSide;
  readonly condition: CompiledPredicate | undefined;
  /** Rows per output batch. */
  readonly batchRows: number;
  /** The table over the build rows, given their key columns (borrowed) and number. */
  readonly makeTable: (columns: readonly Column[], length: number) => BuildTable;
}

/** Matching rows by number: u32[count] each. */
interface Pairs {
  readonly probeRows: Block;
  readonly buildRows: Block;
  readonly count: number;
}

/**
 * One side of a join in memory with a table over its keys. Batches of the other side are probed against it; rows of
 * this side that the join type asks for at the end (unmatched ones, or a semi join's) come with `leftover`.
 */
export class BuiltSide {
  readonly #workspace: Workspace;
  readonly #run: JoinRun;
  readonly #build: ScatteredRows;
  readonly #table: BuildTable;
  readonly #probeSide: JoinSide;
  /** One byte per build row: 1 once it matched. Only where the join type asks for it. */
  readonly #marks: Block | undefined;

  /** Takes over the batches, which hold the needed columns of the build side; at least one. */
  constructor(workspace: Workspace, run: JoinRun, batches: readonly Batch[]) {
    this.#workspace = workspace;
    this.#run = run;
    this.#probeSide = run.buildSide === "left" ? "right" : "left";
    const { plan, buildSide } = run;
    const build = mergeBatches(workspace, batches);
    const columns = plan[buildSide].keys.map((key) => build.columns[key]);
    try {
      this.#table = run.makeTable(columns, build.rowCount);
    } catch (error) {
      build.release();
      throw error;
    }
    const sources = [...plan.output, ...(plan.residual?.columns ?? [])];
    const taken = sources.filter((source) => source.side === buildSide).map((source) => source.column);
    this.#build = new ScatteredRows(workspace, build, new Set(taken));
    const wantsMarks = keepsUnmatched(plan.type, buildSide) || (!givesPairs(plan.type) && buildSide === "left");
    if (wantsMarks) this.#marks = workspace.allocateZeroed(this.#build.rowCount);
  }

  /**
   * The result rows of a probe batch (its needed columns), which is borrowed until the generator ends. With
   * `probeMarks` (one byte per row) rows that match are marked there, and whatever depends on a probe row having no
   * match, or any, is left to `markedRows` once all build rows were seen.
   */
  *probe(batch: Batch, probeMarks: Address = 0): Generator<Batch, void, void> {
    const { plan, condition } = this.#run;
    const { rowCount } = batch;
    const { kernels } = this.#workspace;
    const keys = plan[this.#probeSide].keys.map((key) => batch.columns[key]);
    const heads = this.#table.find(keys, rowCount);
    const marks = condition !== undefined && probeMarks === 0 ? this.#workspace.allocateZeroed(rowCount) : undefined;
    const seen = marks?.address ?? probeMarks;
    try {
      if (condition === undefined && this.#marks !== undefined) {
        kernels.joinMarkChains(heads.address, this.#table.next, rowCount, this.#marks.address);
      }
      if (condition === undefined && seen !== 0) kernels.joinMarkHeads(heads.address, rowCount, seen);
      const needsPairs = givesPairs(plan.type) || condition !== undefined;
      if (needsPairs) yield* this.#pairs(batch, heads, seen);
      else if (this.#probeSide === "left" && seen === 0) yield* this.#select(batch, heads);
      if (marks !== undefined) yield* this.markedRows(batch, marks.address);
    } finally {
      heads.release();
      marks?.release();
    }
  }

  /** The probe rows that the join type keeps for having, or not having, a match, by their marks. */
  *markedRows(batch: Batch, marks: Address): Generator<Batch, void, void> {
    const { plan, batchRows } = this.#run;
    const isKept = keepsUnmatched(plan.type, this.#probeSide);
    const isFiltered = !givesPairs(plan.type) && this.#probeSide === "left";
    if (!isKept && !isFiltered) return;
    yield* this.#marked(marks, batch.rowCount, plan.type === "semi", batchRows, (rows, count) =>
      this.#rows(batch, rows, count, undefined),
    );
  }

  /** Build rows that are due once every probe row was seen. */
  *leftover(): Generator<Batch, void, void> {
    const { plan, batchRows } = this.#run;
    if (this.#marks === undefined) return;
    const { address } = this.#marks;
    yield* this.#marked(address, this.#build.rowCount, plan.type === "semi", batchRows, (rows, count) =>
      this.#rows(undefined, undefined, count, rows),
    );
  }

  release(): void {
    this.#table.release();
    this.#build.release();
    this.#marks?.release();
  }

  *#pairs(batch: Batch, heads: Block, seen: Address): Generator<Batch, void, void> {
    const { plan, condition } = this.#run;
    const outer = seen === 0 && keepsUnmatched(plan.type, this.#probeSide);
    if (!this.#table.hasRepeats && condition === undefined) {
      yield* this.#uniquePairs(batch, heads, outer);
      return;
    }
    for (const found of this.#chains(batch.rowCount, heads, outer)) {
      const pairs = condition === undefined ? found : this.#filter(batch, found, condition);
      try {
        if (pairs.count === 0) continue;
        if (condition !== undefined) this.#mark(pairs, seen);
        if (givesPairs(plan.type)) {
          yield this.#rows(batch, pairs.probeRows.address, pairs.count, pairs.buildRows.address);
        }
      } finally {
        pairs.probeRows.release();
        pairs.buildRows.release();
      }
    }
  }

  /** Each probe row matches one build row at most. */
  *#uniquePairs(batch: Batch, heads: Block, outer: boolean): Generator<Batch, void, void> {
    const { kernels } = this.#workspace;
    const { rowCount } = batch;
    const buildRows = this.#workspace.allocate(rowCount * 4 + 4);
    const probeRows = this.#workspace.allocate(rowCount * 4 + 4);
    let result: Batch | undefined;
    try {
      if (outer || kernels.joinCountMatched(heads.address, rowCount) === rowCount) {
        // Every probe row leaves once, so its columns are shared instead of copied.
        kernels.joinRowsOrNone(heads.address, rowCount, buildRows.address);
        if (rowCount > 0) result = this.#rows(batch, undefined, rowCount, buildRows.address);
      } else {
        const count = kernels.joinPairsUnique(heads.address, rowCount, probeRows.address, buildRows.address);
        if (count > 0) result = this.#rows(batch, probeRows.address, count, buildRows.address);
      }
    } finally {
      buildRows.release();
      probeRows.release();
    }
    if (result !== undefined) yield result;
  }

  /** Pairs along the chains, a batch at a time; each is the caller's to release. */
  *#chains(rowCount: number, heads: Block, outer: boolean): Generator<Pairs, void, void> {
    const { kernels } = this.#workspace;
    const { batchRows } = this.#run;
    const state = this.#workspace.allocateZeroed(8);
    try {
      while (this.#workspace.u32[state.address >>> 2] < rowCount) {
        const probeRows = this.#workspace.allocate(batchRows * 4);
        const buildRows = this.#workspace.allocate(batchRows * 4);
        const count = kernels.joinPairs(
          heads.address,
          this.#table.next,
          rowCount,
          outer,
          batchRows,
          state.address,
          probeRows.address,
          buildRows.address,
        );
        yield { probeRows, buildRows, count };
      }
    } finally {
      state.release();
    }
  }

  /** The pairs for which the residual condition is true. Takes over the given pairs. */
  #filter(batch: Batch, pairs: Pairs, condition: CompiledPredicate): Pairs {
    const { residual } = this.#run.plan;
    if (residual === undefined || pairs.count === 0) return pairs;
    const { probeRows, buildRows, count } = pairs;
    try {
      const columns = this.#columns(residual.columns, batch, probeRows.address, count, buildRows.address);
      const rows = new Batch(residual.schema, count, columns);
      return {
        ...pairs,
        count: filterPairs(this.#workspace, condition, rows, probeRows.address, buildRows.address),
      };
    } catch (error) {
      probeRows.release();
      buildRows.release();
      throw error;
    }
  }

  #mark({ probeRows, buildRows, count }: Pairs, seen: Address): void {
    const { kernels } = this.#workspace;
    if (this.#marks !== undefined) kernels.joinMarkRows(buildRows.address, count, this.#marks.address);
    if (seen !== 0) kernels.joinMarkRows(probeRows.address, count, seen);
  }

  /** Semi and anti joins whose left side is probed. */
  *#select(batch: Batch, heads: Block): Generator<Batch, void, void> {
    const isSemi = this.#run.plan.type === "semi";
    const rows = this.#workspace.allocate(batch.rowCount * 4 + 4);
    let result: Batch | undefined;
    try {
      const count = this.#workspace.kernels.joinSelect(heads.address, batch.rowCount, isSemi, rows.address);
      const all = count === batch.rowCount;
      if (count > 0) result = this.#rows(batch, all ? undefined : rows.address, count, undefined);
    } finally {
      rows.release();
    }
    if (result !== undefined) yield result;
  }

  *#marked(
    marks: Address,
    length: number,
    marked: boolean,
    limit: number,
    toBatch: (rows: Address, count: number) => Batch,
  ): Generator<Batch, void, void> {
    const state = this.#workspace.allocateZeroed(4);
    const rows = this.#workspace.allocate(limit * 4);
    try {
      while (this.#workspace.u32[state.address >>> 2] < length) {
        const { kernels } = this.#workspace;
        const count = kernels.joinMarkedRows(marks, length, marked, limit, state.address, rows.address);
        if (count > 0) yield toBatch(rows.address, count);
      }
    } finally {
      rows.release();
      state.release();
    }
  }

  /** Output rows from row numbers. No probe batch or no build rows: nulls on that side. No probe rows: all of them. */
  #rows(
    batch: Batch | undefined,
    probeRows: Address | undefined,
    count: number,
    buildRows: Address | undefined,
  ): Batch {
    const { plan } = this.#run;
    return new Batch(plan.outputSchema, count, this.#columns(plan.output, batch, probeRows, count, buildRows));
  }

  #columns(
    sources: readonly ColumnSource[],
    batch: Batch | undefined,
    probeRows: Address | undefined,
    count: number,
    buildRows: Address | undefined,
  ): Column[] {
    const { plan, buildSide } = this.#run;
    const hasNone = keepsUnmatched(plan.type, this.#probeSide);
    return sources.map(({ side, column }) => {
      const isBuild = side === buildSide;
      if (isBuild && buildRows !== undefined) {
        return this.#build.gather(column, buildRows, count, hasNone);
      }
      if (!isBuild && batch !== undefined) {
        const values = batch.columns[column];
        return probeRows === undefined ? values.retain() : gatherColumn(this.#workspace, values, probeRows, count);
      }
      return nullColumn(this.#workspace, plan[side].schema.fields[column].type, count);
    });
  }
}

/** A column of nulls. */
function nullColumn(workspace: Workspace, type: Column["type"], length: number): Column {
  const one = buildColumn(workspace, type, [null]);
  const rows = workspace.allocate(length * 4);
  workspace.kernels.sortKeyFill(rows.address, length, NO_ROW);
  const column = gatherColumn(workspace, one, rows.address, length, true);
  rows.release();
  one.release();
  return column;
}
