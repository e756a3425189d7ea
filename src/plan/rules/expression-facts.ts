import { bindExpression } from "../../core/expressions/bind.ts";
import { childrenOf, type ExpressionNode } from "../../core/expressions/node.ts";
import { expressionColumns, withoutAlias } from "../../core/expressions/rewrite.ts";
import type { Schema } from "../../core/schema.ts";
import { isFloat } from "../../core/types.ts";

/**
 * Names of functions with another result at each call; the registry has none of them today. Whatever uses one is
 * neither moved, copied nor computed early.
 */
const VOLATILE: ReadonlySet<string> = new Set(["random", "rand", "uuid", "now", "currentTimestamp", "currentDate"]);

/** Functions that are null as soon as one argument is. */
const STRICT: ReadonlySet<string> = new Set(
  "eq ne lt le gt ge add sub mul div intDiv mod neg not like ilike".split(" "),
);

/** Functions that cannot tell 0 from -0, nor one NaN from another. */
const COMPARING: ReadonlySet<string> = new Set("eq ne lt le gt ge between and or not isNull isNotNull".split(" "));

export const isDeterministic = (node: ExpressionNode): boolean =>
  !(node.kind === "call" && VOLATILE.has(node.fn)) && childrenOf(node).every(isDeterministic);

/** May raise an error for some row: such an expression must not meet rows that it did not meet before. */
export const isFallible = (node: ExpressionNode, schema: Schema): boolean =>
  bindExpression(node, schema).root.isFallible;

/** Too dear to compute twice for the same row. */
export const isCostly = (node: ExpressionNode, schema: Schema): boolean => bindExpression(node, schema).root.isCostly;

/** A column or a constant: computing it again costs nothing. */
export function isTrivial(node: ExpressionNode): boolean {
  const { kind } = withoutAlias(node);
  return kind === "column" || kind === "literal";
}

/** The name of the column that an expression passes on unchanged. */
export function passedColumn(node: ExpressionNode): string | undefined {
  const inner = withoutAlias(node);
  return inner.kind === "column" ? inner.name : undefined;
}

export const sameExpression = (a: ExpressionNode, b: ExpressionNode): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b);

export const readsOnly = (node: ExpressionNode, columns: ReadonlySet<string>): boolean =>
  [...expressionColumns(node)].every((name) => columns.has(name));

/**
 * Whether a condition is equally true for values that count as one group: it may then be asked of the rows instead of
 * the groups. Grouping takes 0 and -0, and all NaN, for one value; only comparisons do so too.
 */
export function respectsGrouping(node: ExpressionNode, schema: Schema): boolean {
  const readsFloats = [...expressionColumns(node)].some((name) => isFloat(schema.typeOf(name)));
  return !readsFloats || comparesOnly(node);
}

function comparesOnly(node: ExpressionNode): boolean {
  switch (node.kind) {
    case "column":
    case "literal":
      return true;
    case "call":
      return COMPARING.has(node.fn) && node.args.every(comparesOnly);
    case "in":
    case "alias":
      return comparesOnly(node.input);
    default:
      return false;
  }
}

/** Whether a condition cannot be true where all of these columns are null. */
export function rejectsNulls(condition: ExpressionNode, columns: ReadonlySet<string>): boolean {
  if (condition.kind === "alias") return rejectsNulls(condition.input, columns);
  if (condition.kind === "literal") return condition.value !== true;
  if (condition.kind === "call") {
    if (condition.fn === "and") return condition.args.some((arg) => rejectsNulls(arg, columns));
    if (condition.fn === "or") return condition.args.every((arg) => rejectsNulls(arg, columns));
    if (condition.fn === "isNotNull") return isNullWith(condition.args[0], columns);
  }
  return isNullWith(condition, columns);
}

/** Whether an expression is certainly null where all of these columns are. */
function isNullWith(node: ExpressionNode, columns: ReadonlySet<string>): boolean {
  switch (node.kind) {
    case "column":
      return columns.has(node.name);
    case "literal":
      return node.value === null;
    case "call":
      // `between` is an AND of two comparisons: null or false as soon as its first argument is null.
      if (node.fn === "between") return isNullWith(node.args[0], columns);
      return STRICT.has(node.fn) && node.args.some((arg) => isNullWith(arg, columns));
    case "case":
      return false;
    case "in":
      return node.values.length > 0 && isNullWith(node.input, columns); // nothing is in an empty list: false, not null
    default:
      return isNullWith(node.input, columns);
  }
}
