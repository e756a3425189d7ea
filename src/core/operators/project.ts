import type { Batch } from "../batch.ts";
import type { ExpressionNode } from "../expressions/node.ts";
import { type CompiledProjection, compileProjection } from "../expressions/projection.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";

/** A projection as plain data. */
export interface ProjectSpec {
  readonly kind: "project";
  readonly columns: readonly { readonly name: string; readonly expression: ExpressionNode }[];
}

/**
 * Computes columns from columns, row by row.
 * Input:     any columns, among them those of the expressions.
 * Output:    one column per expression; plain references share the input's memory. Row kinds stay with their rows.
 * State:     none.
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class ProjectOperator implements Operator {
  readonly outputSchema: Schema;
  readonly #projection: CompiledProjection;
  #workspace: Workspace | undefined;

  /** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, TYPE_MISMATCH */
  constructor(spec: ProjectSpec, inputSchema: Schema) {
    this.#projection = compileProjection(spec.columns, inputSchema);
    this.outputSchema = this.#projection.schema;
  }

  open(context: OperatorContext): void {
    this.#workspace = context.workspace;
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (this.#workspace === undefined) return "done";
    const columns = this.#projection.evaluate(this.#workspace, batch);
    output.emit(batch.withColumns(this.outputSchema, columns));
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#projection.close();
  }
}
