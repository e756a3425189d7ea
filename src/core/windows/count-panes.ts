import { PlanError } from "../errors.ts";
import type { CountWindowSpec, GlobalWindowSpec } from "./window-spec.ts";

/**
 * How the rows of a key, numbered as they come, are cut into panes: every window of the key is a whole number of them.
 * The bounds repeat with each period of `slideRows` rows; see kernels/count-window.ts.
 */
export interface CountPanes {
  readonly slideRows: number;
  /** The row of a period with which a further pane begins; `slideRows` where none does. */
  readonly splitRows: number;
  /** Rows before `splitRows` are in no window. */
  readonly skips: boolean;
  readonly perWindow: number;
  readonly perPeriod: number;
}

/** No key ever has so many rows: a window that is never complete. */
const ENDLESS_ROWS = 2 ** 53;
/** A window of more panes would take seconds to merge. */
const MOST_PANES = 2 ** 22;

/** @throws {PlanError} WINDOW_PIECES_EXCEEDED */
export function countPanes(window: CountWindowSpec | GlobalWindowSpec): CountPanes {
  if (window.kind === "global") {
    return { slideRows: ENDLESS_ROWS, splitRows: ENDLESS_ROWS, skips: false, perWindow: 1, perPeriod: 1 };
  }
  const { rows, slideRows = rows } = window;
  const rest = rows % slideRows;
  if (rows < slideRows) return { slideRows, splitRows: slideRows - rows, skips: true, perWindow: 1, perPeriod: 1 };
  const whole = (rows - rest) / slideRows;
  const perWindow = rest === 0 ? whole : 2 * whole + 1;
  if (perWindow > MOST_PANES) {
    throw new PlanError(
      "WINDOW_PIECES_EXCEEDED",
      `A window of ${rows} rows every ${slideRows} rows is put together from ${perWindow} pieces.`,
      `Give a slideRows that is nearer to rows: at most ${MOST_PANES} pieces.`,
    );
  }
  return { slideRows, splitRows: slideRows - rest, skips: false, perWindow, perPeriod: rest === 0 ? 1 : 2 };
}
