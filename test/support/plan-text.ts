import { literalNode } from "../../src/core/expressions/literal.ts";
import { callNode, columnNode, type ExpressionNode } from "../../src/core/expressions/node.ts";
import { Schema } from "../../src/core/schema.ts";
import type { SourceStatistics } from "../../src/core/source.ts";
import type { Fields } from "../../src/core/types.ts";
import { explainSteps } from "../../src/plan/explain/steps.ts";
import { formatPlan } from "../../src/plan/explain/text.ts";
import type { LogicalNode, SourceNode } from "../../src/plan/logical.ts";
import { sourceNode } from "../../src/plan/nodes.ts";
import { optimize } from "../../src/plan/optimize.ts";
import { RowsSource } from "./rows-source.ts";

/** A source without rows; without statistics its size is unknown. */
export const table = (name: string, fields: Fields, statistics: SourceStatistics = {}): SourceNode =>
  sourceNode(new RowsSource(name, Schema.of(fields), [], statistics));

/** A plan as the tree that explain() draws, without indentation and estimates. */
export const planLines = (...roots: readonly LogicalNode[]): string[] =>
  formatPlan(explainSteps(roots)).map((line) => line.slice(2).replace(/ {2}\[~[\d,]+ rows\]$/, ""));

/** The optimized plan in the same form. */
export const optimizedLines = (...roots: readonly LogicalNode[]): string[] => planLines(...optimize(roots));

export const column = columnNode;
export const value = literalNode;

/** `call("gt", "a", 1)`: text names a column, other values are literals. */
export const call = (
  fn: string,
  ...args: readonly (ExpressionNode | string | number | boolean | null)[]
): ExpressionNode =>
  callNode(
    fn,
    ...args.map((arg) => (typeof arg === "string" ? columnNode(arg) : isNode(arg) ? arg : literalNode(arg))),
  );

const isNode = (arg: unknown): arg is ExpressionNode => typeof arg === "object" && arg !== null;
