/**
 * Event time in epoch milliseconds is a JavaScript number in control flow and int64 in columns. These bounds are exact
 * in both, and no real time comes near them.
 */
export const START_OF_TIME_MS = Number.MIN_SAFE_INTEGER;
/** The watermark behind the last row of bounded input: everything that is open closes. */
export const END_OF_TIME_MS = Number.MAX_SAFE_INTEGER;

/** No more rows with an event time at or before `timeMs` will come. */
export interface Watermark {
  readonly timeMs: number;
}
