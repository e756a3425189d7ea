import type { Column } from "../column.ts";
import { concatColumns } from "../columns/concat.ts";
import type { Workspace } from "../workspace.ts";
import { type LoadedGroups, type PaneGroups, releaseGroups } from "./pane-chunk.ts";
import type { PaneRange } from "./pane-grid.ts";

/** All given groups in one; takes them over. */
export function joinGroups(workspace: Workspace, pieces: readonly PaneGroups[]): PaneGroups | undefined {
  if (pieces.length <= 1) return pieces[0];
  const join = (columnOf: (groups: PaneGroups) => Column) => concatColumns(workspace, pieces.map(columnOf));
  const joined: PaneGroups = {
    rowCount: pieces.reduce((sum, { rowCount }) => sum + rowCount, 0),
    keys: pieces[0].keys.map((_, i) => join(({ keys }) => keys[i])),
    panes: join(({ panes }) => panes),
    values: pieces[0].values.map((_, i) => join(({ values }) => values[i])),
  };
  for (const piece of pieces) releaseGroups(piece);
  return joined;
}

/** Groups of several chunks behind each other; takes them over. */
export function joinLoaded(
  workspace: Workspace,
  range: PaneRange,
  pieces: readonly { range: PaneRange; groups: LoadedGroups }[],
): LoadedGroups | undefined {
  if (pieces.length === 0) return undefined;
  const rowCount = pieces.reduce((sum, { groups }) => sum + groups.rowCount, 0);
  const ends = new Uint32Array(range.end - range.first);
  let base = 0;
  for (const { range: own, groups } of pieces) {
    const first = Math.max(own.first, range.first) - range.first;
    groups.ends.forEach((end, i) => {
      ends[first + i] = base + end;
    });
    base += groups.rowCount;
    // Panes up to the next chunk have no rows.
    ends.fill(base, first + groups.ends.length);
  }
  if (pieces.length === 1) return { ...pieces[0].groups, ends };
  const keys = workspace.allocate(rowCount * 4);
  let at = keys.address;
  for (const { groups } of pieces) {
    workspace.kernels.copyBytes(at, groups.keys.address, groups.rowCount * 4);
    at += groups.rowCount * 4;
  }
  const states = pieces[0].groups.states.map((_, i) =>
    concatColumns(
      workspace,
      pieces.map(({ groups }) => groups.states[i]),
    ),
  );
  for (const { groups } of pieces) releaseLoaded(groups);
  return { rowCount, keys, states, ends };
}

export function releaseLoaded({ keys, states }: LoadedGroups): void {
  keys.release();
  for (const column of states) column.release();
}
