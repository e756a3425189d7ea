import type { Schema } from "../schema.ts";
import { type DataType, sameType } from "../types.ts";
import { bindExpression } from "./bind.ts";
import { adaptLiteral, literalValue } from "./literal.ts";
import type { CallNode, ExpressionNode, InNode, LiteralNode } from "./node.ts";
import { withoutAlias } from "./rewrite.ts";

/**
 * What a source may use to skip data: every row for which the predicate is true satisfies this, but not the other way
 * round. Values have the form of `ValueOf` of the column's type and are never null; comparisons follow the engine's
 * order (NaN above every number, text by bytes).
 */
export type PruningPredicate =
  | { readonly op: "and" | "or"; readonly args: readonly PruningPredicate[] }
  | { readonly op: "eq" | "lt" | "le" | "gt" | "ge"; readonly column: string; readonly value: unknown }
  | { readonly op: "in"; readonly column: string; readonly values: readonly unknown[] }
  | { readonly op: "isNull" | "isNotNull"; readonly column: string };

type ComparisonOp = "eq" | "lt" | "le" | "gt" | "ge";

const MIRRORED: Readonly<Record<ComparisonOp, ComparisonOp>> = { eq: "eq", lt: "gt", le: "ge", gt: "lt", ge: "le" };
const NEGATED: Readonly<Record<string, string>> = {
  eq: "ne",
  ne: "eq",
  lt: "ge",
  le: "gt",
  gt: "le",
  ge: "lt",
  isNull: "isNotNull",
  isNotNull: "isNull",
};

/** The part of a predicate that statistics can decide; undefined where there is none. Fold constants first. */
export function toPruningPredicate(node: ExpressionNode, schema: Schema): PruningPredicate | undefined {
  // Also checks names and types, so that what follows may rely on them.
  bindExpression(node, schema);
  return prune(node, schema);
}

function prune(node: ExpressionNode, schema: Schema): PruningPredicate | undefined {
  const bare = withoutAlias(node);
  if (bare.kind === "column") {
    return schema.typeOf(bare.name).kind === "bool" ? { op: "eq", column: bare.name, value: true } : undefined;
  }
  if (bare.kind === "in") return pruneIn(bare, schema);
  if (bare.kind !== "call") return undefined;
  const { fn, args } = bare;
  switch (fn) {
    case "and": {
      const parts = args.map((arg) => prune(arg, schema)).filter((part) => part !== undefined);
      return parts.length > 1 ? { op: "and", args: parts } : parts[0];
    }
    case "or": {
      const parts = args.map((arg) => prune(arg, schema));
      return parts.every((part) => part !== undefined) ? { op: "or", args: parts } : undefined;
    }
    case "not":
      return pruneNot(args[0], schema);
    case "isNull":
    case "isNotNull": {
      const input = withoutAlias(args[0]);
      return input.kind === "column" ? { op: fn, column: input.name } : undefined;
    }
    case "between":
      return prune({ kind: "call", fn: "and", args: betweenParts(args) }, schema);
    case "startsWith":
      return prunePrefix(bare);
    case "eq":
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return pruneComparison(fn, args[0], args[1], schema);
    default:
      return undefined;
  }
}

const betweenParts = ([value, low, high]: readonly ExpressionNode[]): ExpressionNode[] => [
  { kind: "call", fn: "ge", args: [value, low] },
  { kind: "call", fn: "le", args: [value, high] },
];

function pruneComparison(
  op: ComparisonOp,
  left: ExpressionNode,
  right: ExpressionNode,
  schema: Schema,
): PruningPredicate | undefined {
  const [a, b] = [withoutAlias(left), withoutAlias(right)];
  if (a.kind === "literal" && b.kind === "column") return pruneComparison(MIRRORED[op], b, a, schema);
  if (a.kind !== "column" || b.kind !== "literal") return undefined;
  const literal = asColumnType(b, schema.typeOf(a.name));
  return literal === undefined ? undefined : { op, column: a.name, value: literalValue(literal) };
}

/** A literal as a value of the column's type, where the comparison happens in that type. */
function asColumnType(literal: LiteralNode, type: DataType): LiteralNode | undefined {
  if (literal.value === null) return undefined;
  const adapted = adaptLiteral(literal, type);
  return adapted !== undefined && adapted.value !== null && sameType(adapted.type, type) ? adapted : undefined;
}

function pruneIn(node: InNode, schema: Schema): PruningPredicate | undefined {
  const input = withoutAlias(node.input);
  if (input.kind !== "column") return undefined;
  const type = schema.typeOf(input.name);
  const present = node.values.filter(({ value }) => value !== null);
  const adapted = present.map((value) => asColumnType(value, type));
  if (adapted.length === 0 || !adapted.every((value) => value !== undefined)) return undefined;
  return { op: "in", column: input.name, values: adapted.map(literalValue) };
}

/** Pushes a NOT inwards: null stays null under it, so the rows for which it is true are those of the negated test. */
function pruneNot(node: ExpressionNode, schema: Schema): PruningPredicate | undefined {
  const bare = withoutAlias(node);
  if (bare.kind === "column") {
    return schema.typeOf(bare.name).kind === "bool" ? { op: "eq", column: bare.name, value: false } : undefined;
  }
  if (bare.kind !== "call") return undefined;
  if (bare.fn === "not") return prune(bare.args[0], schema);
  if (bare.fn === "and" || bare.fn === "or") {
    const args = bare.args.map((arg): CallNode => ({ kind: "call", fn: "not", args: [arg] }));
    return prune({ kind: "call", fn: bare.fn === "and" ? "or" : "and", args }, schema);
  }
  if (bare.fn === "between") {
    return pruneNot({ kind: "call", fn: "and", args: betweenParts(bare.args) }, schema);
  }
  const negated = NEGATED[bare.fn];
  return negated === undefined ? undefined : prune({ ...bare, fn: negated }, schema);
}

/** Text that starts with a prefix is not below it. */
function prunePrefix({ args }: CallNode): PruningPredicate | undefined {
  const [input, prefix] = args.map(withoutAlias);
  if (input.kind !== "column" || prefix.kind !== "literal" || typeof prefix.value !== "string") return undefined;
  return { op: "ge", column: input.name, value: prefix.value };
}
