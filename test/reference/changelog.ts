/** A row of a changelog and the group that it belongs to. */
export interface Change {
  readonly group: number;
  readonly isBack: boolean;
}

/**
 * The rows that count: those that are added, and those that take back what is there. A group that had rows and has lost all
 * of them is "emptied"; the next row that is added to it ends the reading. Changes `counts`.
 */
export function presentRows(changes: readonly Change[], counts: (number | "emptied")[]) {
  const rows: number[] = [];
  for (const [row, { group, isBack }] of changes.entries()) {
    const count = counts[group];
    if (isBack) {
      if (count === "emptied" || count === 0) continue;
      counts[group] = count === 1 ? "emptied" : count - 1;
    } else {
      if (count === "emptied") return { rows, seen: row };
      counts[group] = count + 1;
    }
    rows.push(row);
  }
  return { rows, seen: changes.length };
}
