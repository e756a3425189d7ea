import type { DataType } from "../types.ts";

/**
 * Expressions as plain JSON: what plans hold, workers receive and savepoints describe.
 * `src/core/expressions/expression.ts` builds them, `bind.ts` types them, `evaluate.ts` runs them.
 */
export type ExpressionNode = ColumnNode | LiteralNode | CallNode | CaseNode | CastNode | InNode | AliasNode;

export interface ColumnNode {
  readonly kind: "column";
  readonly name: string;
}

/** How a literal's value is written in JSON; see `literal.ts` for what each type uses. */
export type LiteralJson = null | boolean | number | string;

export interface LiteralNode {
  readonly kind: "literal";
  readonly type: DataType;
  readonly value: LiteralJson;
  /** Written as a plain JavaScript value: takes the type of the other operand where it fits exactly. */
  readonly flexible?: true;
}

/** A function or operator of the registry (`functions/registry.ts`). */
export interface CallNode {
  readonly kind: "call";
  readonly fn: string;
  readonly args: readonly ExpressionNode[];
}

/** The first branch whose condition is true; without `otherwise`, null. Branches not taken never fail. */
export interface CaseNode {
  readonly kind: "case";
  readonly branches: readonly { readonly when: ExpressionNode; readonly value: ExpressionNode }[];
  readonly otherwise?: ExpressionNode;
}

/** `safe` gives null where a value cannot be converted, otherwise that is an error. */
export interface CastNode {
  readonly kind: "cast";
  readonly input: ExpressionNode;
  readonly to: DataType;
  readonly safe: boolean;
}

/** Membership in a list of literals, with SQL's nulls: null where no value matches and the list holds a null. */
export interface InNode {
  readonly kind: "in";
  readonly input: ExpressionNode;
  readonly values: readonly LiteralNode[];
}

/** A name for the result; no effect on the value. */
export interface AliasNode {
  readonly kind: "alias";
  readonly name: string;
  readonly input: ExpressionNode;
}

export const columnNode = (name: string): ColumnNode => ({ kind: "column", name });

export const callNode = (fn: string, ...args: ExpressionNode[]): CallNode => ({ kind: "call", fn, args });

/** The inputs of a node, in order. */
export function childrenOf(node: ExpressionNode): readonly ExpressionNode[] {
  switch (node.kind) {
    case "column":
    case "literal":
      return [];
    case "call":
      return node.args;
    case "case":
      return [
        ...node.branches.flatMap((branch) => [branch.when, branch.value]),
        ...(node.otherwise === undefined ? [] : [node.otherwise]),
      ];
    case "in":
      return [node.input, ...node.values];
    default:
      return [node.input];
  }
}

/** The same node over changed inputs. */
export function mapChildren(node: ExpressionNode, change: (child: ExpressionNode) => ExpressionNode): ExpressionNode {
  switch (node.kind) {
    case "column":
    case "literal":
      return node;
    case "call":
      return { ...node, args: node.args.map(change) };
    case "case":
      return {
        kind: "case",
        branches: node.branches.map(({ when, value }) => ({ when: change(when), value: change(value) })),
        ...(node.otherwise === undefined ? {} : { otherwise: change(node.otherwise) }),
      };
    default:
      return { ...node, input: change(node.input) };
  }
}
