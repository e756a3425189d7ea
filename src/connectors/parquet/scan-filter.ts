import { Batch } from "../../core/batch.ts";
import { buildColumn } from "../../core/columns/builder.ts";
import type { ExpressionNode } from "../../core/expressions/node.ts";
import { type CompiledPredicate, compilePredicate } from "../../core/expressions/predicate.ts";
import { expressionColumns, splitConjuncts } from "../../core/expressions/rewrite.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Schema } from "../../core/schema.ts";
import type { Workspace } from "../../core/workspace.ts";

/** Above this share of rows that pass, decoding all rows is cheaper than picking them. */
const GREATEST_SHARE = 0.4;
/** A condition that keeps more than this is left to the filter behind the scan. */
const GREATEST_KEPT = 0.8;
/** However useless conditions were, they are tried again after so many times the rows of one attempt. */
const LONGEST_PAUSE = 64;
/** Weight of what was seen before against the rows of the last attempt. */
const MEMORY = 0.75;

/** One condition of a scan, and what was learnt of it. */
export class ScanCondition {
  readonly columns: readonly string[];
  readonly schema: Schema;
  readonly predicate: CompiledPredicate;
  /** Share of rows that pass, as seen lately. */
  share = 0.5;
  #keepsNull: boolean | undefined;

  constructor(node: ExpressionNode, schema: Schema) {
    this.columns = [...expressionColumns(node)];
    this.schema = schema.pick(this.columns);
    this.predicate = compilePredicate(node, this.schema);
  }

  learn(before: number, after: number): void {
    if (before > 0) this.share = MEMORY * this.share + (1 - MEMORY) * (after / before);
  }

  /** Whether a row passes whose column (of conditions on one) is null. */
  keepsNull(workspace: Workspace): boolean {
    if (this.#keepsNull === undefined) {
      const column = buildColumn(workspace, this.schema.fields[0].type, [null]);
      const batch = new Batch(this.schema, 1, [column]);
      const selection = this.predicate.select(workspace, batch);
      batch.release();
      if (typeof selection === "object") selection.indices.release();
      this.#keepsNull = selection !== "none";
    }
    return this.#keepsNull;
  }
}

/**
 * The conditions that a scan checks before it decodes the other columns. A filter behind the scan checks all of them again,
 * so the scan may leave out any: those that keep most rows, and all of them where most rows pass. What it learns of
 * one row group serves the next.
 */
export class ScanFilter {
  readonly conditions: readonly ScanCondition[];
  /** Share of rows that passed all conditions, as seen lately. */
  #share = GREATEST_SHARE / 2;
  #attempts = 0;
  #pause = 0;
  #rowsToPause = 0;

  private constructor(conditions: readonly ScanCondition[]) {
    this.conditions = conditions;
  }

  /**
   * @param node - None of its conditions may fail for any row.
   * @param columns - Those of `schema` that can be picked from.
   */
  static of(node: ExpressionNode, schema: Schema, columns: ReadonlySet<string>): ScanFilter | undefined {
    const usable = splitConjuncts(node).filter((part) => {
      const read = [...expressionColumns(part)];
      return read.length > 0 && read.every((name) => columns.has(name));
    });
    return usable.length === 0 ? undefined : new ScanFilter(usable.map((part) => new ScanCondition(part, schema)));
  }

  /** Conditions worth asking, best first, by the bytes that a row of each takes; every now and then all of them. */
  order(bytesOf: (condition: ScanCondition) => number): ScanCondition[] {
    const asksAll = this.#attempts++ % 16 === 0;
    const rank = (condition: ScanCondition): number => (8 + bytesOf(condition)) / (1.001 - condition.share);
    return this.conditions.filter(({ share }) => asksAll || share <= GREATEST_KEPT).sort((a, b) => rank(a) - rank(b));
  }

  /** How many rows to look at, so that about `wanted` pass; 0 for none: the next rows are better read whole. */
  attemptRows(wanted: number): number {
    if (this.#rowsToPause > 0) return 0;
    return Math.round(wanted / Math.min(1, Math.max(this.#share, 1 / 8)));
  }

  /** Counts rows that were read without being looked at. */
  passOver(rows: number): void {
    this.#rowsToPause -= rows;
  }

  /** Whether it pays to pick so many of some rows. */
  isWorthwhile(rows: number, passed: number): boolean {
    return passed <= rows * GREATEST_SHARE;
  }

  /** Takes in what an attempt brought, or would have brought. */
  learn(rows: number, passed: number): void {
    this.#share = MEMORY * this.#share + (1 - MEMORY) * (passed / rows);
    if (this.isWorthwhile(rows, passed)) this.#pause = 0;
    else {
      this.#pause = Math.min(LONGEST_PAUSE, Math.max(1, this.#pause * 2));
      this.#rowsToPause = this.#pause * rows;
    }
  }

  /** Frees what conditions keep; they can be used again. */
  close(): void {
    for (const { predicate } of this.conditions) predicate.close();
  }
}

/** Writes the rows `base` + selected to `target`, in order; returns how many of `rowCount` there are. */
export function selectRowsInto(
  workspace: Workspace,
  condition: ScanCondition,
  batch: Batch,
  base: number,
  target: Address,
): number {
  const selection = condition.predicate.select(workspace, batch);
  if (selection === "none") return 0;
  if (selection === "all") {
    workspace.kernels.fillSequence32(base, batch.rowCount, target);
    return batch.rowCount;
  }
  workspace.kernels.addConstant32(selection.indices.address, selection.count, base, target);
  selection.indices.release();
  return selection.count;
}

/** Keeps of u32[batch.rowCount] at `rows`, in place, those whose row of the batch passes; returns how many. */
export function keepRows(workspace: Workspace, condition: ScanCondition, batch: Batch, rows: Address): number {
  const selection = condition.predicate.select(workspace, batch);
  if (selection === "none") return 0;
  if (selection === "all") return batch.rowCount;
  const kept: Block = workspace.allocate(selection.count * 4);
  workspace.kernels.gather32(rows, selection.indices.address, selection.count, kept.address);
  workspace.kernels.copyBytes(rows, kept.address, selection.count * 4);
  kept.release();
  selection.indices.release();
  return selection.count;
}
