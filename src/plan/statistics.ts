import type { ExpressionNode } from "../core/expressions/node.ts";
import type { Schema } from "../core/schema.ts";
import { byteWidth, type DataType } from "../core/types.ts";
import type { LogicalNode } from "./logical.ts";

/** Share of rows that a condition is taken to keep where nothing better is known (System R's figures). */
const SELECTIVITY = { equality: 0.1, range: 0.3, other: 0.5 };
/** Groups per input row where distinct counts are unknown. */
const GROUP_SHARE = 0.1;

/** Rows that a node is expected to give; undefined where even its sources are unknown. A guide for the planner only. */
export function estimateRows(node: LogicalNode): number | undefined {
  switch (node.op) {
    case "source":
      return node.source.statistics.rows;
    case "filter": {
      const rows = estimateRows(node.inputs[0]);
      return rows === undefined ? undefined : Math.max(1, rows * selectivity(node.predicate));
    }
    case "aggregate":
    case "distinct": {
      if (node.keys.length === 0) return 1;
      const rows = estimateRows(node.inputs[0]);
      return rows === undefined ? undefined : Math.max(1, rows * GROUP_SHARE);
    }
    case "topN":
    case "limit": {
      const rows = estimateRows(node.inputs[0]);
      return rows === undefined ? node.count : Math.min(node.count, rows);
    }
    case "join": {
      const [left, right] = [estimateRows(node.inputs[0]), estimateRows(node.inputs[1])];
      if (left === undefined || right === undefined) return undefined;
      if (node.type === "semi" || node.type === "anti") return left * SELECTIVITY.other;
      // A foreign key meets its key once, which leaves the larger side, thinned as the smaller one was thinned.
      return Math.max(left, right);
    }
    case "cross": {
      const [left, right] = [estimateRows(node.inputs[0]), estimateRows(node.inputs[1])];
      return left === undefined || right === undefined ? undefined : left * right;
    }
    case "union":
      return node.inputs.reduce<number | undefined>((sum, input) => {
        const rows = estimateRows(input);
        return sum === undefined || rows === undefined ? undefined : sum + rows;
      }, 0);
    case "function":
      return node.inputs.length === 1 ? estimateRows(node.inputs[0]) : undefined;
    default:
      return estimateRows(node.inputs[0]);
  }
}

/** Rows times the width of the columns that are really kept. */
export function estimateBytes(node: LogicalNode): number | undefined {
  const rows = estimateRows(node);
  return rows === undefined ? undefined : rows * rowBytes(node.schema);
}

/** Expected bytes of a row in memory. */
export const rowBytes = (schema: Schema): number =>
  schema.fields.reduce((sum, field) => sum + valueBytes(field.type), 0);

const VARIABLE_BYTES = 20;

function valueBytes(type: DataType): number {
  if (type.kind === "utf8" || type.kind === "binary") return 4 + VARIABLE_BYTES;
  if (type.kind === "list") return 4 + 4 * valueBytes(type.element);
  if (type.kind === "map") return 4 + 4 * (valueBytes(type.key) + valueBytes(type.value));
  if (type.kind === "struct") return Object.values(type.fields).reduce((sum, field) => sum + valueBytes(field), 0);
  return byteWidth(type) || 1;
}

function selectivity(predicate: ExpressionNode): number {
  switch (predicate.kind) {
    case "call": {
      const [first, second] = predicate.args;
      if (predicate.fn === "and") return selectivity(first) * selectivity(second);
      if (predicate.fn === "or") return Math.min(1, selectivity(first) + selectivity(second));
      if (predicate.fn === "not") return 1 - selectivity(first);
      if (predicate.fn === "eq") return SELECTIVITY.equality;
      return ["lt", "le", "gt", "ge", "between"].includes(predicate.fn) ? SELECTIVITY.range : SELECTIVITY.other;
    }
    case "in":
      return Math.min(SELECTIVITY.other, SELECTIVITY.equality * predicate.values.length);
    case "alias":
      return selectivity(predicate.input);
    default:
      return SELECTIVITY.other;
  }
}
