import type { StateRow } from "../state/savepoints/state-contents.ts";
import { invalid } from "./command-line.ts";

type Compare = (value: unknown, given: string) => boolean;

const order = (value: unknown, given: string): number => {
  if (typeof value === "bigint" && /^-?\d+$/.test(given))
    return value < BigInt(given) ? -1 : value > BigInt(given) ? 1 : 0;
  if (typeof value === "number" || typeof value === "bigint") return Number(value) - Number(given);
  const text = value instanceof Date ? value.toISOString() : String(value);
  return text < given ? -1 : text > given ? 1 : 0;
};
const OPERATORS: Readonly<Record<string, Compare>> = {
  "=": (value, given) => order(value, given) === 0,
  "!=": (value, given) => order(value, given) !== 0,
  "<": (value, given) => order(value, given) < 0,
  "<=": (value, given) => order(value, given) <= 0,
  ">": (value, given) => order(value, given) > 0,
  ">=": (value, given) => order(value, given) >= 0,
};

/**
 * A condition on rows of a state: comparisons of columns with values, with `and` between them. Numbers are compared as
 * numbers, the rest as text, which may stand in quotes. A comparison with null is not met, as in SQL.
 * @throws {PlanError} COMMAND_INVALID
 */
export function rowFilter(condition: string, names: readonly string[]): (row: StateRow) => boolean {
  const terms = condition.split(/\s+and\s+/i).map((term) => termOf(term.trim(), names));
  return (row) => terms.every((passes) => passes(row));
}

function termOf(term: string, names: readonly string[]): (row: StateRow) => boolean {
  // Names may hold spaces: the longest that fits is meant.
  const name = [...names]
    .sort((a, b) => b.length - a.length)
    .find((each) => /^(?:\s|[=!<>])/.test(term.slice(each.length)) && term.startsWith(each));
  if (name === undefined) throw invalid(`The condition "${term}" begins with none of the columns ${names.join(", ")}.`);
  const rest = term.slice(name.length).trim();
  const [, not] = /^is\s+(not\s+)?null$/i.exec(rest) ?? [undefined, null];
  if (not !== null) return (row) => (row[name] === null) === (not === undefined);
  const [, operator, given] = /^(=|!=|<=|>=|<|>)\s*(.+)$/s.exec(rest) ?? [];
  if (operator === undefined) throw invalid(`The condition "${term}" has no comparison that is known.`);
  const text = /^(["']).*\1$/s.test(given) ? given.slice(1, -1) : given;
  return (row) => row[name] !== null && OPERATORS[operator](row[name], text);
}
