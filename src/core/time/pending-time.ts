/** Something that an operator will do when time has come: a window that is open, a timer. */
export interface PendingTime {
  /** "window [10:00, 11:00)", "timer of onOrder". */
  readonly what: string;
  readonly timeDomain: "event" | "processing";
  /** It fires when the watermark, or the clock, has reached this; epoch milliseconds. */
  readonly atMs: number;
  /** How many windows or timers fire then. */
  readonly count: number;
}
