import type { LoadedPanes } from "./loaded-panes.ts";

/** Panes that are read together at most. */
const MOST_PANES = 64;
/** Before anything is known. */
const FIRST_PANES = 8;
/** Groups that are read together, unless one pane has more. */
export const ROWS_AHEAD = 4096;

/**
 * How many panes are read before their windows fire. Reading one at a time costs a look at its table each; reading
 * many numbers the keys of all of them, which every window in between then steps over.
 */
export class ReadAhead {
  readonly #rows: number;
  #panes = FIRST_PANES;

  constructor(rows = ROWS_AHEAD) {
    this.#rows = rows;
  }

  /** Behind the last pane to read with `pane`; none from `limit` on may be read. */
  endFrom(pane: number, limit: number): number {
    return Math.max(pane + 1, Math.min(pane + this.#panes, limit));
  }

  /** Panes that were read tell how many of the next make up as many groups as are wanted. */
  note({ first, end, rowCount }: LoadedPanes): void {
    this.#panes = Math.max(1, Math.min(MOST_PANES, Math.floor((this.#rows * (end - first)) / Math.max(1, rowCount))));
  }
}
