import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";

/** [startMs, endMs) in epoch milliseconds, of event time or processing time. */
export interface TimeWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** The one window of all rows. */
export const GLOBAL_WINDOW: TimeWindow = Object.freeze({ startMs: START_OF_TIME_MS, endMs: END_OF_TIME_MS });

export const sameWindow = (a: TimeWindow, b: TimeWindow): boolean => a.startMs === b.startMs && a.endMs === b.endMs;

/** By start, then by end. */
export const compareWindows = (a: TimeWindow, b: TimeWindow): number => a.startMs - b.startMs || a.endMs - b.endMs;
