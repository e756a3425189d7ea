import type { PlanError } from "../../errors.ts";
import type { DataType } from "../../types.ts";
import type { BoundLiteral, BoundNode, Routine } from "../bound.ts";
import type { CallNode, ExpressionNode, LiteralNode } from "../node.ts";

/** What a function definition uses to settle a call. */
export interface TypeBinder {
  literal(literal: LiteralNode): BoundLiteral;
  list(source: ExpressionNode, type: DataType, literals: readonly LiteralNode[]): BoundNode;
  call(source: ExpressionNode, routine: Routine, type: DataType, args: readonly BoundNode[]): BoundNode;
  logical(source: ExpressionNode, isOr: boolean, left: BoundNode, right: BoundNode): BoundNode;
  caseOf(
    source: ExpressionNode,
    branches: readonly { when: BoundNode; value: BoundNode }[],
    otherwise: BoundNode,
  ): BoundNode;
  /** The node as another type: itself, an adapted literal or a conversion; TYPE_MISMATCH where there is none. */
  coerce(arg: BoundNode, type: DataType, source?: ExpressionNode): BoundNode;
  /** All arguments as one type, literals adapting to the rest; with `widens`, to the type that also holds them. */
  unify(source: ExpressionNode, args: readonly BoundNode[], widens?: boolean): { type: DataType; args: BoundNode[] };
  mismatch(source: ExpressionNode, found: readonly DataType[], expected?: string): PlanError;
  bind(node: ExpressionNode): BoundNode;
}

/** One function of the expression language. */
export interface FunctionDefinition {
  /** Least and most arguments. */
  readonly arity: readonly [least: number, most: number];
  /** Types the call, and chooses its routine or rewrites it to simpler calls. */
  bind(binder: TypeBinder, node: CallNode, args: readonly BoundNode[]): BoundNode;
}

export type FunctionTable = Readonly<Record<string, FunctionDefinition>>;

/** A literal that takes the type of what it meets. */
export const isFlexible = (node: BoundNode): node is BoundLiteral =>
  node.kind === "literal" && node.literal.flexible === true;
