import { formatTimeMs } from "../time/format-time.ts";
import type { PendingTime } from "../time/pending-time.ts";
import type { PaneGrid } from "./pane-grid.ts";
import type { PaneStore } from "./pane-store.ts";
import type { TimeDomain } from "./window-spec.ts";

/** Windows that it tells. */
const PENDING = 3;
/** Windows that it looks at to find these. */
const MOST_TRIED = 64;

/** The next windows from `firstOpen` on that have rows. */
export function pendingWindows(store: PaneStore, grid: PaneGrid, domain: TimeDomain, firstOpen: number): PendingTime[] {
  const pending: PendingTime[] = [];
  let window = store.nextWindow(firstOpen);
  for (let tried = 0; tried < MOST_TRIED && pending.length < PENDING && Number.isFinite(window); tried++) {
    const [startMs, endMs] = [grid.windowStartMs(window), grid.windowEndMs(window)];
    if (store.hasRows(grid.panesOf(window))) {
      pending.push({
        what: `window [${formatTimeMs(startMs)}, ${formatTimeMs(endMs)})`,
        timeDomain: domain,
        atMs: domain === "event" ? endMs - 1 : endMs,
        count: 1,
      });
    }
    window = store.nextWindow(window + 1);
  }
  return pending;
}
