import type { PruningPredicate } from "../../src/core/source.ts";
import { compareValues, type Row, type Value } from "./plan-rows.ts";

/** Whether a row satisfies a pruning predicate: the most that a source may use it for. */
export function mayMatch(predicate: PruningPredicate, row: Row): boolean {
  if ("args" in predicate) {
    const matches = (arg: PruningPredicate): boolean => mayMatch(arg, row);
    return predicate.op === "and" ? predicate.args.every(matches) : predicate.args.some(matches);
  }
  const { column } = predicate;
  const value = row[column];
  if (predicate.op === "isNull") return value === null;
  if (value === null) return false;
  switch (predicate.op) {
    case "isNotNull":
      return true;
    case "in":
      return predicate.values.some((other) => compareValues(value, other as Value) === 0);
    case "eq":
      return compareValues(value, predicate.value as Value) === 0;
    case "lt":
      return compareValues(value, predicate.value as Value) < 0;
    case "le":
      return compareValues(value, predicate.value as Value) <= 0;
    case "gt":
      return compareValues(value, predicate.value as Value) > 0;
    case "ge":
      return compareValues(value, predicate.value as Value) >= 0;
  }
}
