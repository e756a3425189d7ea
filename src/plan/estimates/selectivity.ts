import { adaptLiteral, literalValue } from "../../core/expressions/literal.ts";
import type { CallNode, ExpressionNode, InNode, LiteralNode } from "../../core/expressions/node.ts";
import { splitConjuncts, withoutAlias } from "../../core/expressions/rewrite.ts";
import type { Schema } from "../../core/schema.ts";
import { boundOf, type ColumnEstimate, type Relation, withShare } from "./relation.ts";

/**
 * Shares of rows that a condition keeps where its columns are not known: the figures of System R (Selinger et al.,
 * "Access path selection in a relational database management system", SIGMOD 1979), and one in three for what it lacks.
 */
const UNKNOWN = { equality: 0.1, range: 1 / 3, between: 0.25, pattern: 0.1, other: 1 / 3 };

type Operation = "eq" | "lt" | "le" | "gt" | "ge";
const MIRRORED: Readonly<Record<string, Operation>> = { eq: "eq", lt: "gt", le: "ge", gt: "lt", ge: "le" };

/** What is left of a relation behind a filter; conditions count as independent. */
export function filtered(relation: Relation, predicate: ExpressionNode, schema: Schema): Relation {
  let result = relation;
  for (const condition of splitConjuncts(predicate)) {
    result = withBounds(withShare(result, selectivity(condition, result, schema)), condition, schema);
  }
  return result;
}

/** Share of rows, 0 to 1, for which a condition is true. */
export function selectivity(condition: ExpressionNode, relation: Relation, schema: Schema): number {
  switch (condition.kind) {
    case "alias":
      return selectivity(condition.input, relation, schema);
    case "literal":
      return condition.value === true ? 1 : 0;
    case "in":
      return ofMembership(condition, relation, schema);
    case "call":
      return clamp(ofCall(condition, relation, schema));
    default:
      return UNKNOWN.other;
  }
}

const clamp = (share: number): number => Math.min(1, Math.max(0, share));

function ofCall(call: CallNode, relation: Relation, schema: Schema): number {
  const { fn, args } = call;
  const of = (arg: ExpressionNode): number => selectivity(arg, relation, schema);
  switch (fn) {
    case "and":
      return args.reduce((share, arg) => share * of(arg), 1);
    case "or":
      return 1 - args.reduce((missed, arg) => missed * (1 - of(arg)), 1);
    case "not":
      return 1 - of(args[0]);
    case "eq":
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return ofComparison(fn, args[0], args[1], relation, schema);
    case "ne":
      return 1 - ofComparison("eq", args[0], args[1], relation, schema);
    case "between": {
      const low = ofComparison("ge", args[0], args[1], relation, schema);
      const high = ofComparison("le", args[0], args[2], relation, schema);
      const isKnown = columnOf(args[0], relation)?.min !== undefined;
      return isKnown ? Math.max(0, low + high - 1) : UNKNOWN.between;
    }
    case "isNull":
      return columnOf(args[0], relation)?.nullShare ?? UNKNOWN.equality;
    case "isNotNull":
      return 1 - (columnOf(args[0], relation)?.nullShare ?? UNKNOWN.equality);
    case "like":
    case "ilike":
    case "startsWith":
    case "endsWith":
    case "contains":
      return UNKNOWN.pattern;
    default:
      return UNKNOWN.other;
  }
}

function ofComparison(op: Operation, a: ExpressionNode, b: ExpressionNode, relation: Relation, schema: Schema): number {
  const [left, right] = [withoutAlias(a), withoutAlias(b)];
  if (left.kind === "literal" && right.kind !== "literal") {
    return ofComparison(MIRRORED[op], right, left, relation, schema);
  }
  const fallback = op === "eq" ? UNKNOWN.equality : UNKNOWN.range;
  const column = columnOf(left, relation);
  if (column === undefined || left.kind !== "column") return fallback;
  const present = 1 - (column.nullShare ?? 0);
  if (right.kind === "column") {
    const distincts = [column, columnOf(right, relation)].map((each) => each?.distinct).filter((d) => d !== undefined);
    return op === "eq" && distincts.length > 0 ? present / Math.max(1, ...distincts) : fallback;
  }
  if (right.kind !== "literal") return fallback;
  if (right.value === null) return 0;
  const value = boundOfLiteral(right, left.name, schema);
  if (op === "eq") return present * equalShare(column, value);
  return value === undefined ? present * fallback : present * rangeShare(op, column, value, fallback);
}

function equalShare({ min, max, distinct, domain }: ColumnEstimate, value: number | undefined): number {
  if (value !== undefined && ((min !== undefined && value < min) || (max !== undefined && value > max))) return 0;
  if (distinct !== undefined) return 1 / Math.max(1, distinct);
  // A small span of integers is likely to be used up; a wide one says little.
  return Math.min(UNKNOWN.equality, 1 / Math.min(domain, 100));
}

/** Values are taken to lie evenly between the bounds. */
function rangeShare(op: Operation, { min, max }: ColumnEstimate, value: number, fallback: number): number {
  if (min === undefined || max === undefined) return fallback;
  const isBelow = op === "lt" || op === "le";
  if (value < min || (value === min && op === "lt")) return isBelow ? 0 : 1;
  if (value > max || (value === max && op === "gt")) return isBelow ? 1 : 0;
  if (max === min) return 1;
  const below = (value - min) / (max - min);
  return isBelow ? below : 1 - below;
}

function ofMembership(node: InNode, relation: Relation, schema: Schema): number {
  const shares = node.values.map((value) => ofComparison("eq", node.input, value, relation, schema));
  return clamp(shares.reduce((sum, share) => sum + share, 0));
}

function columnOf(node: ExpressionNode, relation: Relation): ColumnEstimate | undefined {
  const inner = withoutAlias(node);
  return inner.kind === "column" ? relation.columns.get(inner.name) : undefined;
}

function boundOfLiteral(literal: LiteralNode, column: string, schema: Schema): number | undefined {
  const type = schema.typeOf(column);
  const adapted = adaptLiteral(literal, type);
  return adapted === undefined ? undefined : boundOf(literalValue(adapted), type);
}

/** A column's bounds behind a comparison with a constant. */
function withBounds(relation: Relation, condition: ExpressionNode, schema: Schema): Relation {
  if (condition.kind !== "call") return relation;
  if (condition.fn === "between") {
    const [value, low, high] = condition.args;
    const above = withBounds(relation, { ...condition, fn: "ge", args: [value, low] }, schema);
    return withBounds(above, { ...condition, fn: "le", args: [value, high] }, schema);
  }
  if (!(condition.fn in MIRRORED)) return relation;
  const [left, right] = condition.args.map(withoutAlias);
  if (left.kind === "literal" && right.kind === "column") {
    return withBounds(relation, { ...condition, fn: MIRRORED[condition.fn], args: [right, left] }, schema);
  }
  if (left.kind !== "column" || right.kind !== "literal" || right.value === null) return relation;
  const column = relation.columns.get(left.name);
  const value = boundOfLiteral(right, left.name, schema);
  if (column === undefined || value === undefined) return relation;
  const { fn } = condition;
  const min = fn === "lt" || fn === "le" ? column.min : Math.max(column.min ?? value, value);
  const max = fn === "gt" || fn === "ge" ? column.max : Math.min(column.max ?? value, value);
  const narrowed: ColumnEstimate = {
    ...column,
    nullShare: 0,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(fn === "eq" ? { distinct: 1 } : {}),
  };
  return { rows: relation.rows, columns: new Map([...relation.columns, [left.name, narrowed]]) };
}
