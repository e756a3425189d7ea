import { PlanError } from "../errors.ts";

const MOST_SUGGESTIONS = 3;

/** Known names that a mistyped one may have meant: few edits apart, nearest first. */
export function nearestNames(name: string, known: readonly string[]): string[] {
  const limit = Math.max(1, Math.floor(name.length / 3));
  return known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MOST_SUGGESTIONS)
    .map(({ candidate }) => candidate);
}

/** The error for a column that is not there, with those that may have been meant. */
export function unknownColumn(name: unknown, known: readonly string[]): PlanError {
  const near = typeof name === "string" ? nearestNames(name, known) : [];
  const suggestion = near.length > 0 ? `Did you mean ${near.map((each) => `"${each}"`).join(" or ")}? ` : "";
  return new PlanError(
    "COLUMN_UNKNOWN",
    `There is no column "${name}".`,
    `${suggestion}The columns are ${known.map((each) => `"${each}"`).join(", ") || "none"}.`,
  );
}

/** Levenshtein distance, by rows of the usual table; two swapped neighbours are one edit. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(previous[j] + 1, current[j - 1] + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        current[j] = Math.min(current[j], beforePrevious[j - 2] + 1);
      }
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length];
}
