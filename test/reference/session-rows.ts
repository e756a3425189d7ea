// What kernels/session-rows.ts means: rows in a list per node.

/** The rows of each node in the order in which they were added; `added` are the nodes of rows 0, 1, ... */
export const rowsByNode = (added: readonly number[], nodeCount: number): number[][] =>
  Array.from({ length: nodeCount }, (_, node) => added.flatMap((each, row) => (each === node ? [row] : [])));

/** [session, row] of the rows of some nodes, by session and row. */
export const rowsBySession = (
  lists: readonly (readonly number[])[],
  chosen: readonly { readonly node: number; readonly session: number }[],
): [session: number, row: number][] =>
  chosen
    .flatMap(({ node, session }) => lists[node].map((row): [number, number] => [session, row]))
    .sort(([a, i], [b, j]) => a - b || i - j);
