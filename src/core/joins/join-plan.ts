import { PlanError } from "../errors.ts";
import type { ExpressionNode } from "../expressions/node.ts";
import { Schema } from "../schema.ts";
import { formatType, sameType } from "../types.ts";

/** semi and anti keep the left rows that have a match, or have none. */
export type JoinType = "inner" | "left" | "right" | "full" | "semi" | "anti";
export type JoinSide = "left" | "right";

/** Where an output column comes from. */
export interface JoinColumn {
  readonly side: JoinSide;
  readonly column: string;
  readonly name: string;
}

/** An equi-join as plain data. */
export interface JoinSpec {
  readonly type: JoinType;
  /** Keys in pairs: leftKeys[i] equals rightKeys[i]. At least one pair, each of one type. */
  readonly leftKeys: readonly string[];
  readonly rightKeys: readonly string[];
  readonly output: readonly JoinColumn[];
  /** Whether null keys equal each other; by default they match nothing. */
  readonly nullEquals?: boolean;
  /** A further condition for a pair to match, over these columns by their names here. */
  readonly residual?: { readonly columns: readonly JoinColumn[]; readonly condition: ExpressionNode };
}

/** One input of a join: which of its columns are needed, and which of those are the keys. */
export interface SidePlan {
  /** Positions in the input. */
  readonly columns: readonly number[];
  /** The needed columns only; positions below are positions in it. */
  readonly schema: Schema;
  readonly keys: readonly number[];
}

/** An output column by side and position in the side's needed columns. */
export interface ColumnSource {
  readonly side: JoinSide;
  readonly column: number;
}

/** A join whose names are settled. */
export interface JoinPlan {
  readonly type: JoinType;
  readonly left: SidePlan;
  readonly right: SidePlan;
  readonly nullEquals: boolean;
  readonly output: readonly ColumnSource[];
  readonly outputSchema: Schema;
  readonly residual: { columns: readonly ColumnSource[]; schema: Schema; condition: ExpressionNode } | undefined;
}

/** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, JOIN_KEY_TYPES */
export function planJoin(spec: JoinSpec, left: Schema, right: Schema): JoinPlan {
  if (spec.leftKeys.length !== spec.rightKeys.length) {
    throw new PlanError(
      "JOIN_KEY_TYPES",
      `The join has ${spec.leftKeys.length} left keys and ${spec.rightKeys.length} right keys.`,
      "Give one right key for each left key.",
    );
  }
  for (const [i, name] of spec.leftKeys.entries()) {
    const [a, b] = [left.typeOf(name), right.typeOf(spec.rightKeys[i])];
    if (sameType(a, b)) continue;
    throw new PlanError(
      "JOIN_KEY_TYPES",
      `The join compares "${name}" of type ${formatType(a)} with "${spec.rightKeys[i]}" of type ${formatType(b)}.`,
      "Cast one of them, so that both have one type.",
    );
  }
  const columns = [...spec.output, ...(spec.residual?.columns ?? [])];
  const sides = {
    left: planSide(left, spec.leftKeys, columns, "left"),
    right: planSide(right, spec.rightKeys, columns, "right"),
  };
  const sourceOf = ({ side, column }: JoinColumn): ColumnSource => {
    return { side, column: sides[side].schema.indexOf(column) };
  };
  const schemaOf = (fields: readonly JoinColumn[]): Schema =>
    new Schema(
      fields.map(({ side, column, name }) => ({ name, type: (side === "left" ? left : right).typeOf(column) })),
    );
  return {
    type: spec.type,
    ...sides,
    nullEquals: spec.nullEquals ?? false,
    output: spec.output.map(sourceOf),
    outputSchema: schemaOf(spec.output),
    residual: spec.residual && {
      columns: spec.residual.columns.map(sourceOf),
      schema: schemaOf(spec.residual.columns),
      condition: spec.residual.condition,
    },
  };
}

function planSide(schema: Schema, keys: readonly string[], columns: readonly JoinColumn[], side: JoinSide): SidePlan {
  const names = new Set(keys);
  for (const column of columns) if (column.side === side) names.add(column.column);
  const needed = schema.pick([...names]);
  return {
    columns: [...names].map((name) => schema.indexOf(name)),
    schema: needed,
    keys: keys.map((key) => needed.indexOf(key)),
  };
}

/** Which rows a join gives besides matching pairs, seen from one side. */
export const keepsUnmatched = (type: JoinType, side: JoinSide): boolean => type === side || type === "full";

/** Whether pairs of matching rows are part of the result. */
export const givesPairs = (type: JoinType): boolean => type !== "semi" && type !== "anti";
