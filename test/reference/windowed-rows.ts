import type { AlignedWindowSpec } from "../../src/core/windows/window-spec.ts";
import { windowsOf } from "./windows.ts";

/** Windows and late rows by definition: every row is in every window that is not closed when it comes. */
export class WindowedRows<R extends { readonly key: string; readonly time: number }> {
  /** By `windowId`. */
  readonly windows = new Map<string, R[]>();
  readonly late: R[] = [];
  /** Rows that no window covers. */
  outside = 0;
  readonly #window: AlignedWindowSpec;
  readonly #latenessMs: number;
  readonly #isKeyed: boolean;

  constructor(window: AlignedWindowSpec, latenessMs: number, isKeyed: boolean) {
    this.#window = window;
    this.#latenessMs = latenessMs;
    this.#isKeyed = isKeyed;
  }

  add(row: R, watermarkMs: number): void {
    const covering = windowsOf(this.#window, row.time);
    const open = covering.filter(([, end]) => end - 1 + this.#latenessMs > watermarkMs);
    if (covering.length === 0) this.outside++;
    else if (open.length === 0) this.late.push(row);
    for (const [start, end] of open) {
      const id = windowId(this.#isKeyed ? row.key : "", start, end);
      const rows = this.windows.get(id);
      if (rows === undefined) this.windows.set(id, [row]);
      else rows.push(row);
    }
  }
}

/** The key is empty where windows have none. */
export const windowId = (key: string, startMs: number, endMs: number): string => JSON.stringify([key, startMs, endMs]);
