import type { PruningPredicate } from "../../core/source.ts";

const SYMBOLS = { eq: "=", lt: "<", le: "<=", gt: ">", ge: ">=" } as const;
const LONGEST_LIST = 8;

/** A pruning predicate as a condition to read: `delay >= 10 and origin in ('JFK', 'LGA')`. */
export function formatPruning(predicate: PruningPredicate): string {
  if ("args" in predicate) {
    const parts = predicate.args.map((arg) => ("args" in arg ? `(${formatPruning(arg)})` : formatPruning(arg)));
    return parts.join(` ${predicate.op} `);
  }
  switch (predicate.op) {
    case "isNull":
      return `${predicate.column} is null`;
    case "isNotNull":
      return `${predicate.column} is not null`;
    case "in": {
      const shown = predicate.values.slice(0, LONGEST_LIST).map(formatValue);
      const more = predicate.values.length - shown.length;
      return `${predicate.column} in (${shown.join(", ")}${more > 0 ? `, ... ${more} more` : ""})`;
    }
    default:
      return `${predicate.column} ${SYMBOLS[predicate.op]} ${formatValue(predicate.value)}`;
  }
}

function formatValue(value: unknown): string {
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  return value instanceof Uint8Array ? `x'${Buffer.from(value).toString("hex")}'` : String(value);
}
