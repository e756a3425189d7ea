import type { ChangedChunk } from "./chunk-changes.ts";
import type { PaneChunk, PaneGroups } from "./pane-chunk.ts";
import type { PaneRange } from "./pane-grid.ts";

/** The groups of all open panes that have changed since the snapshot on which the one at hand builds. */
export class ChangedPanes {
  /** Groups that there are. */
  readonly total: number;
  /** Those of them that have changed. */
  readonly count: number;
  readonly #chunks: readonly { readonly chunk: PaneChunk; readonly changed: ChangedChunk }[];

  constructor(chunks: readonly PaneChunk[], joins: boolean) {
    this.#chunks = chunks.map((chunk) => ({ chunk, changed: chunk.takeChanges(joins) }));
    this.total = chunks.reduce((sum, { groupCount }) => sum + groupCount, 0);
    this.count = this.#chunks.reduce((sum, { changed }) => sum + changed.count, 0);
  }

  /** Partial states of those in panes of `range`, in pieces; `firstPane` is what the numbers in `panes` count from. */
  *groups(range: PaneRange, rowLimit: number): Generator<{ groups: PaneGroups; firstPane: number }, void, void> {
    for (const { chunk, changed } of this.#chunks) {
      const { first: firstPane, end } = chunk.range;
      if (changed.count === 0 || firstPane >= range.end || end <= range.first) continue;
      if (changed.groups === undefined) {
        for (const groups of chunk.groups(range, "states", rowLimit)) yield { groups, firstPane };
        continue;
      }
      const limit = chunk.gathersStates ? rowLimit : changed.count;
      for (let from = 0; from < changed.count; from += limit) {
        const count = Math.min(limit, changed.count - from);
        const groups = chunk.groupsAt(changed.groups.address + from * 4, count, range);
        if (groups !== undefined) yield { groups, firstPane };
      }
    }
  }

  release(): void {
    for (const { changed } of this.#chunks) changed.groups?.release();
  }
}
