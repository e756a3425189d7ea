import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";
import { bindExpressions } from "./bind.ts";
import { BatchRows, Constants, Evaluation } from "./evaluate.ts";
import type { ExpressionNode } from "./node.ts";

/** Several named expressions over one schema, made ready; parts that they share are computed once. Close when done. */
export interface CompiledProjection {
  readonly schema: Schema;
  /** One column per expression; the caller owns them. The batch is borrowed. */
  evaluate(workspace: Workspace, batch: Batch): Column[];
  close(): void;
}

/** @throws {PlanError} as `bindExpression`; COLUMN_DUPLICATE */
export function compileProjection(
  expressions: readonly { readonly name: string; readonly expression: ExpressionNode }[],
  schema: Schema,
): CompiledProjection {
  const program = bindExpressions(
    expressions.map(({ expression }) => expression),
    schema,
  );
  const constants = new Constants();
  return {
    schema: new Schema(expressions.map(({ name }, i) => ({ name, type: program.roots[i].type }))),
    evaluate(workspace, batch) {
      const evaluation = new Evaluation(program, constants, workspace, new BatchRows(batch));
      const columns: Column[] = [];
      try {
        for (const root of program.roots) {
          columns.push(evaluation.column(root));
          evaluation.release([root]);
        }
        return columns;
      } catch (error) {
        for (const column of columns) column.release();
        throw error;
      } finally {
        evaluation.close();
      }
    },
    close: () => constants.close(),
  };
}
