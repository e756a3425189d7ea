import type { Batch } from "../batch.ts";
import { gatherBatch } from "../columns/gather.ts";
import { PassingViews } from "../columns/passing-views.ts";
import type { ExpressionNode } from "../expressions/node.ts";
import { type CompiledPredicate, compilePredicate } from "../expressions/predicate.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";

/** A filter as plain data. `columns` are the output columns, default all: what only the predicate reads is dropped. */
export interface FilterSpec {
  readonly kind: "filter";
  readonly predicate: ExpressionNode;
  readonly columns?: readonly string[];
}

/**
 * Keeps the rows for which a condition is true; null counts as false.
 * Input:     any columns, among them those of the predicate.
 * Output:    the columns of the spec, in input order of rows; row kinds travel with their rows.
 * State:     none.
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class FilterOperator implements Operator {
  readonly outputSchema: Schema;
  readonly #predicate: CompiledPredicate;
  readonly #columnIndices: readonly number[];
  readonly #keepsAllColumns: boolean;
  readonly #views = new PassingViews();
  #workspace: Workspace | undefined;

  /** @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH */
  constructor(spec: FilterSpec, inputSchema: Schema) {
    const names = spec.columns ?? inputSchema.names;
    this.#predicate = compilePredicate(spec.predicate, inputSchema);
    this.#columnIndices = names.map((name) => inputSchema.indexOf(name));
    this.outputSchema = inputSchema.pick(names);
    this.#keepsAllColumns = this.outputSchema.equals(inputSchema);
  }

  open(context: OperatorContext): void {
    this.#workspace = context.workspace;
  }

  processBatch(batch: Batch, output: Output): Progress {
    const workspace = this.#workspace;
    if (workspace === undefined) return "done";
    this.#views.seen(batch.rowCount);
    const selection = this.#predicate.select(workspace, batch);
    if (selection === "none") return "done";
    if (selection === "all") {
      const wanted = this.#wanted(batch);
      output.emit(this.#views.pass(workspace, wanted));
      wanted.release();
      return "done";
    }
    const { indices, count } = selection;
    try {
      output.emit(this.#gather(workspace, batch, indices.address, count));
    } finally {
      indices.release();
    }
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#predicate.close();
  }

  #gather(workspace: Workspace, batch: Batch, indices: number, count: number): Batch {
    const wanted = this.#wanted(batch);
    const gathered = gatherBatch(workspace, wanted, indices, count);
    wanted.release();
    return gathered;
  }

  /** The columns that go on. */
  #wanted(batch: Batch): Batch {
    return this.#keepsAllColumns ? batch.retain() : batch.project(this.outputSchema, this.#columnIndices);
  }
}
