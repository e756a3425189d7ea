import type { Batch } from "../batch.ts";
import { assert, EvaluationError, PlanError } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import type { Schema } from "../schema.ts";
import { formatType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { bindExpression, type Program } from "./bind.ts";
import type { BoundNode } from "./bound.ts";
import { BatchRows, Constants, Evaluation } from "./evaluate.ts";
import { formatExpression } from "./format.ts";
import { allocateBits } from "./frame.ts";
import type { ExpressionNode } from "./node.ts";

/** Rows for which a predicate is true: u32[count] at `indices`, ascending; the caller owns the block. */
export type Selection = { readonly indices: Block; readonly count: number } | "all" | "none";

/** A condition made ready for one schema. Constants are computed once and kept: close it when done. */
export interface CompiledPredicate {
  /** Rows of the batch, which is borrowed, for which the condition is true (not false, not null). */
  select(workspace: Workspace, batch: Batch): Selection;
  close(): void;
}

/** Below a quarter of the rows, gathering them pays for a costly condition. */
const FEW_ROWS_SHARE = 4;

/** @throws {PlanError} as `bindExpression`; TYPE_MISMATCH where the expression is not bool. */
export function compilePredicate(node: ExpressionNode, schema: Schema): CompiledPredicate {
  const bound = bindExpression(node, schema);
  if (bound.root.type.kind !== "bool" && bound.root.type.kind !== "null") {
    throw new PlanError(
      "TYPE_MISMATCH",
      `The filter ${formatExpression(node)} has the type ${formatType(bound.root.type)}.`,
      "A filter needs a condition: compare with something, for example .gt(0) or .isNotNull().",
    );
  }
  const conjuncts = conjunctsOf(bound.root);
  // Conditions that may fail run last, on the rows that passed the others.
  const ordered = [...conjuncts.filter((part) => !part.isFallible), ...conjuncts.filter((part) => part.isFallible)];
  const program: Program = { nodes: bound.nodes, roots: ordered };
  const constants = new Constants();
  return {
    select: (workspace, batch) => select(workspace, batch, program, constants, ordered),
    close: () => constants.close(),
  };
}

function conjunctsOf(node: BoundNode): BoundNode[] {
  return node.kind === "logical" && !node.isOr ? node.args.flatMap(conjunctsOf) : [node];
}

function select(
  workspace: Workspace,
  batch: Batch,
  program: Program,
  constants: Constants,
  conjuncts: readonly BoundNode[],
): Selection {
  const { rowCount } = batch;
  if (rowCount === 0) return "none";
  const { kernels } = workspace;
  const evaluation = new Evaluation(program, constants, workspace, new BatchRows(batch));
  let passed: Block | undefined;
  let count = rowCount;
  try {
    for (const conjunct of conjuncts) {
      const isCheaper = (conjunct.isCostly || conjunct.isFallible) && count * FEW_ROWS_SHARE < rowCount;
      const bits =
        passed !== undefined && isCheaper ? undefined : bitsOfAll(evaluation, conjunct, passed !== undefined);
      if (passed === undefined) passed = bits;
      else if (bits === undefined) narrow(evaluation, passed, conjunct);
      else {
        kernels.booleanBits(0, passed.address, bits.address, rowCount, passed.address);
        bits.release();
      }
      assert(passed !== undefined, "the first condition runs on all rows");
      count = kernels.bitmapCount(passed.address, rowCount);
      if (count === 0) return "none";
    }
    if (passed === undefined || count === rowCount) return "all";
    const indices = workspace.allocate((count + 8) * 4);
    kernels.booleanIndices(passed.address, rowCount, indices.address);
    return { indices, count };
  } finally {
    passed?.release();
    evaluation.close();
  }
}

/** Bits of a condition over all rows; undefined where it fails, but perhaps only for rows that did not pass so far. */
function bitsOfAll(evaluation: Evaluation, conjunct: BoundNode, mayFail: boolean): Block | undefined {
  try {
    const bits = evaluation.trueBits(conjunct);
    evaluation.release([conjunct]);
    return bits;
  } catch (error) {
    if (mayFail && error instanceof EvaluationError) return undefined;
    throw error;
  }
}

/** Clears the bits of rows for which a further condition is not true, which runs on just those rows. */
function narrow(evaluation: Evaluation, passed: Block, conjunct: BoundNode): void {
  const { workspace, rowCount } = evaluation;
  const { kernels } = workspace;
  const rows = workspace.allocate((rowCount + 8) * 4);
  const kept = allocateBits(workspace, rowCount);
  try {
    const count = kernels.booleanIndices(passed.address, rowCount, rows.address);
    const bits = evaluation.onRows(rows, count, (scope) => scope.trueBits(conjunct));
    kernels.fillBytes(kept.address, 0, kept.byteLength);
    kernels.booleanScatter(bits.address, rows.address, count, kept.address);
    bits.release();
    kernels.copyBytes(passed.address, kept.address, kept.byteLength);
  } finally {
    rows.release();
    kept.release();
  }
}
