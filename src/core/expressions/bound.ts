import type { Column } from "../column.ts";
import type { DataType } from "../types.ts";
import type { Frame } from "./frame.ts";
import type { ExpressionNode, LiteralNode } from "./node.ts";
import type { Operand } from "./operand.ts";

/**
 * An expression whose names, types and conversions are settled for one schema. Equal subexpressions are one object.
 */
export type BoundNode = BoundColumn | BoundLiteral | BoundList | BoundCall | BoundLogical | BoundCase;

interface BoundBase {
  /** Position in the program's list of nodes; inputs come before their users. */
  readonly id: number;
  readonly type: DataType;
  /** Reads no column, so it has one value for all rows. */
  readonly isConstant: boolean;
  /** May raise an EvaluationError for some values; such nodes run only on the rows that need them. */
  readonly isFallible: boolean;
  /** Worth running on fewer rows even though rows must be gathered for it. */
  readonly isCostly: boolean;
  /** What the user wrote, for messages. */
  readonly source: ExpressionNode;
}

export interface BoundColumn extends BoundBase {
  readonly kind: "column";
  /** Position in the schema. */
  readonly index: number;
}

export interface BoundLiteral extends BoundBase {
  readonly kind: "literal";
  readonly literal: LiteralNode;
}

/** Several constants of one type, none null: a column that a routine reads as a whole. */
export interface BoundList extends BoundBase {
  readonly kind: "list";
  readonly literals: readonly LiteralNode[];
}

export interface BoundCall extends BoundBase {
  readonly kind: "call";
  readonly routine: Routine;
  readonly args: readonly BoundNode[];
}

/** Three-valued AND or OR; the right side runs only where the left does not decide, if it may fail. */
export interface BoundLogical extends BoundBase {
  readonly kind: "logical";
  readonly isOr: boolean;
  readonly args: readonly [left: BoundNode, right: BoundNode];
}

export interface BoundCase extends BoundBase {
  readonly kind: "case";
  readonly branches: readonly { readonly when: BoundNode; readonly value: BoundNode }[];
  readonly otherwise: BoundNode;
}

/** What a call computes: a function settled on its argument types and constant arguments. */
export interface Routine {
  /** Names the computation, arguments aside: calls with equal keys and arguments have equal results. */
  readonly key: string;
  /**
   * strict: a row is null if any argument is; the frame has combined the validity, single arguments are not null, and
   * the routine may run on dictionary entries instead of rows. own: the routine sees nulls and decides itself.
   */
  readonly nulls: "strict" | "own";
  readonly isFallible: boolean;
  readonly isCostly?: boolean;
  /** The routine reads only validity and lengths, so dictionary columns are not decoded for it. */
  readonly takesDictionaries?: boolean;
  /**
   * Computes the result for `frame.rowCount` rows; arguments are plain columns (no dictionaries unless it takes them), borrowed.
   * The caller owns the result.
   */
  run(frame: Frame, args: readonly Operand[]): Column;
}
