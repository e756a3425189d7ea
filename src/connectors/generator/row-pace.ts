import type { Host } from "../../core/host.ts";

/** Rows that come due at once are given at once: a timer per row would cost more than the rows. */
const LEAST_WAIT_MS = 1;
/** Who could not give rows for longer makes up for this much of it. */
const LONGEST_DEBT_MS = 1000;

/** Says how many rows may be given by now; the first is due at once. */
export class RowPace {
  readonly #host: Pick<Host, "clock" | "scheduler">;
  readonly #perMs: number | undefined;
  #startMs: number;
  #given = 0;
  #endWait: () => void = () => undefined;

  /** Without a pace all rows are due. */
  constructor(host: Pick<Host, "clock" | "scheduler">, rowsPerSecond: number | undefined) {
    this.#host = host;
    this.#perMs = rowsPerSecond === undefined ? undefined : rowsPerSecond / 1000;
    this.#startMs = host.clock.monotonicMs();
  }

  /** At most `wanted` of the rows that are due, which count as given. */
  take(wanted: number): number {
    if (this.#perMs === undefined) return wanted;
    const nowMs = this.#host.clock.monotonicMs();
    const due = 1 + Math.floor((nowMs - this.#startMs) * this.#perMs) - this.#given;
    const most = Math.ceil(LONGEST_DEBT_MS * this.#perMs) + 1;
    if (due > most) this.#startMs += (due - most) / this.#perMs;
    const taken = Math.max(0, Math.min(wanted, due, most));
    this.#given += taken;
    return taken;
  }

  /** Until a row is due, or `close`. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      const dueMs = this.#startMs + this.#given / (this.#perMs ?? Number.POSITIVE_INFINITY);
      const delayMs = Math.max(LEAST_WAIT_MS, dueMs - this.#host.clock.monotonicMs());
      const cancel = this.#host.scheduler.after(delayMs, resolve);
      this.#endWait = () => {
        cancel();
        resolve();
      };
    });
  }

  close(): void {
    this.#endWait();
  }
}
