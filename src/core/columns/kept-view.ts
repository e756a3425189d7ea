import type { Column } from "../column.ts";

/**
 * A column over the same blocks that widens its decimals into blocks of its own (`Column.data`), the caller's. Whoever
 * keeps columns beyond a job keeps such views and gives such views away, so that what is kept never changes.
 * Decimals in children and in the dictionary, which views share, are widened at once.
 */
export function keptView(column: Column): Column {
  for (const child of column.children) widen(child);
  if (column.dictionary !== undefined) widen(column.dictionary);
  return column.words === undefined ? column.retain() : column.view(column.length, column.layout);
}

function widen(column: Column): void {
  if (column.words !== undefined) void column.data;
  for (const child of column.children) widen(child);
}
