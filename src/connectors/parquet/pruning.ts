import type { PruningPredicate } from "../../core/source.ts";
import type { DataType } from "../../core/types.ts";
import { type ColumnFacts, type Comparable, comparableOf, compareBounds } from "./bounds.ts";

/** A column as a predicate sees it. */
export interface PrunableColumn {
  readonly type: DataType;
  readonly facts: ColumnFacts;
}

/**
 * True only if no row can match: whatever is unknown, untrusted or of another type counts as a possible match.
 * The engine orders NaN above all numbers, and bounds leave NaN out, so an upper bound of floats excludes nothing.
 */
export function cannotMatch(
  predicate: PruningPredicate,
  columnOf: (name: string) => PrunableColumn | undefined,
): boolean {
  switch (predicate.op) {
    case "and":
      return predicate.args.some((arg) => cannotMatch(arg, columnOf));
    case "or":
      return predicate.args.length > 0 && predicate.args.every((arg) => cannotMatch(arg, columnOf));
    default: {
      const column = columnOf(predicate.column);
      return column !== undefined && columnCannotMatch(predicate, column);
    }
  }
}

type ColumnPredicate = Extract<PruningPredicate, { column: string }>;

function columnCannotMatch(predicate: ColumnPredicate, column: PrunableColumn): boolean {
  const { rowCount, nullCount } = column.facts;
  if (rowCount === 0) return true;
  const isAllNull = nullCount !== undefined && nullCount >= rowCount;
  switch (predicate.op) {
    case "isNull":
      return nullCount === 0;
    case "isNotNull":
      return isAllNull;
    case "in":
      return isAllNull || predicate.values.every((value) => cannotEqual(column, value));
    case "eq":
      return isAllNull || cannotEqual(column, predicate.value);
    default:
      return isAllNull || cannotCompare(predicate.op, column, predicate.value);
  }
}

function cannotEqual(column: PrunableColumn, value: unknown): boolean {
  const wanted = comparableOf(column.type, value);
  if (wanted === undefined) return false;
  const { min, max, mightContain } = column.facts;
  if (min !== undefined && compareBounds(wanted, min) < 0) return true;
  if (max !== undefined && compareBounds(wanted, max) > 0) return true;
  return mightContain !== undefined && !mightContain(value);
}

function cannotCompare(op: "lt" | "le" | "gt" | "ge", column: PrunableColumn, value: unknown): boolean {
  const wanted = comparableOf(column.type, value);
  if (wanted === undefined) return false;
  const { min, max } = column.facts;
  const isFloat = column.type.kind === "float32" || column.type.kind === "float64";
  const below = (bound: Comparable | undefined): number | undefined =>
    bound === undefined ? undefined : compareBounds(bound, wanted);
  if (op === "lt" || op === "le") {
    const order = below(min);
    return order !== undefined && (op === "lt" ? order >= 0 : order > 0);
  }
  const order = isFloat ? undefined : below(max);
  return order !== undefined && (op === "gt" ? order <= 0 : order < 0);
}
