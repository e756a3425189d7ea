import { Batch } from "../batch.ts";
import { columnReader } from "../columns/read.ts";
import { EvaluationError } from "../errors.ts";
import { Schema } from "../schema.ts";
import { isNested } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { resolveType } from "./bind.ts";
import { compileExpression } from "./evaluate.ts";
import { literalOfValue, literalValue } from "./literal.ts";
import { type ExpressionNode, type LiteralNode, mapChildren } from "./node.ts";
import { expressionColumns, withoutAlias } from "./rewrite.ts";

/**
 * Computes what does not depend on columns, and drops conditions that are always true or false.
 * The result has the same type and the same values for every row. A part that raises an error stays, so that the error
 * comes when, and only when, a row needs the part.
 * @param workspace - Where constants are computed, with the very kernels that would compute them later; without one,
 *   only conditions are simplified.
 */
export function foldConstants(node: ExpressionNode, schema: Schema, workspace?: Workspace): ExpressionNode {
  const folded = mapChildren(node, (child) => foldConstants(child, schema, workspace));
  return simplify(folded, schema) ?? evaluated(folded, workspace) ?? folded;
}

const NO_COLUMNS = new Schema([]);

/** The literal that a constant call, case, cast or membership stands for. */
function evaluated(node: ExpressionNode, workspace: Workspace | undefined): LiteralNode | undefined {
  if (workspace === undefined || node.kind === "literal" || node.kind === "column" || node.kind === "alias") {
    return undefined;
  }
  if (expressionColumns(node).size > 0) return undefined;
  const compiled = compileExpression(node, NO_COLUMNS);
  // Literals have no form for these.
  if (isNested(compiled.type) || compiled.type.kind === "interval") return undefined;
  const batch = new Batch(NO_COLUMNS, 1, []);
  try {
    const column = compiled.evaluate(workspace, batch);
    try {
      return literalOfValue(columnReader(workspace, column)(0), compiled.type);
    } finally {
      column.release();
    }
  } catch (error) {
    if (error instanceof EvaluationError) return undefined;
    throw error;
  } finally {
    compiled.close();
    batch.release();
  }
}

/** Boolean algebra with constants: true AND x is x, false AND x is false, and so on. */
function simplify(node: ExpressionNode, schema: Schema): ExpressionNode | undefined {
  if (node.kind === "call" && (node.fn === "and" || node.fn === "or")) return simplifyLogical(node.fn, node.args);
  if (node.kind === "call" && node.fn === "not") {
    const [input] = node.args;
    if (input?.kind === "call" && input.fn === "not") return input.args[0];
    return undefined;
  }
  if (node.kind !== "case") return undefined;
  // Branches that are never taken go; one that always is becomes the rest. The type must not change with them.
  const branches = node.branches.filter(({ when }) => !isConstant(when, false) && !isConstant(when, null));
  const always = branches.findIndex(({ when }) => isConstant(when, true));
  const kept = always < 0 ? branches : branches.slice(0, always);
  const otherwise = always < 0 ? node.otherwise : branches[always].value;
  if (kept.length === node.branches.length) return undefined;
  const type = resolveType(node, schema);
  const cast = (input: ExpressionNode): ExpressionNode => ({ kind: "cast", input, to: type, safe: false });
  if (kept.length === 0) return otherwise === undefined ? { kind: "literal", type, value: null } : cast(otherwise);
  // Each value keeps its way to the type of all, which the dropped branches may have widened.
  return {
    kind: "case",
    branches: kept.map(({ when, value }) => ({ when, value: cast(value) })),
    ...(otherwise === undefined ? {} : { otherwise: cast(otherwise) }),
  };
}

function simplifyLogical(fn: "and" | "or", args: readonly ExpressionNode[]): ExpressionNode | undefined {
  const neutral = fn === "and";
  const decided = args.findIndex((arg) => isConstant(arg, !neutral));
  const rest = args.filter((arg) => !isConstant(arg, neutral));
  // What stands left of a deciding constant may raise an error, which a predicate may not swallow either way; SQL
  // leaves the order open, so dropping it is allowed.
  if (decided >= 0) return { kind: "literal", type: { kind: "bool" }, value: !neutral };
  if (rest.length === args.length) return undefined;
  if (rest.length === 0) return { kind: "literal", type: { kind: "bool" }, value: neutral };
  return rest.length === 1 ? rest[0] : { kind: "call", fn, args: rest };
}

function isConstant(node: ExpressionNode, value: boolean | null): boolean {
  const bare = withoutAlias(node);
  return (
    bare.kind === "literal" && (bare.type.kind === "bool" || bare.type.kind === "null") && literalValue(bare) === value
  );
}
