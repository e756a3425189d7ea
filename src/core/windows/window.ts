import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";

/** [startMs, endMs) in epoch milliseconds, of event time or processing time. */
export interface TimeWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** The one window of all rows. */
export const GLOBAL_WINDOW: TimeWindow = Object.freeze({ startMs: START_OF_TIME_MS, endMs: END_OF_TIME_MS });

/**
 * The event time of what only the end of the input brings about, the beginning of the year 275,000: behind every real row,
 * so that it is late for no step, and far enough from the end of time that a window of time which holds it has an end,
 * and bounds that are dates.
 */
export const LAST_EVENT_TIME_MS = 8_615_994_624_000_000;

export const sameWindow = (a: TimeWindow, b: TimeWindow): boolean => a.startMs === b.startMs && a.endMs === b.endMs;

/** By start, then by end. */
export const compareWindows = (a: TimeWindow, b: TimeWindow): number => a.startMs - b.startMs || a.endMs - b.endMs;
