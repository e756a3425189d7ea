import type { Row } from "../rows/row-view.ts";
import type { TimeWindow } from "./window.ts";

/**
 * What happens to a window now. FIRE gives its result and keeps its rows; PURGE drops its rows without a result;
 * FIRE_AND_PURGE does both. A window without rows gives no result.
 */
export const TriggerResult = {
  CONTINUE: "CONTINUE",
  FIRE: "FIRE",
  PURGE: "PURGE",
  FIRE_AND_PURGE: "FIRE_AND_PURGE",
} as const;
export type TriggerResult = (typeof TriggerResult)[keyof typeof TriggerResult];

/** What a trigger may ask and keep, for one key and window; valid during the call. */
export interface TriggerContext<S = unknown> {
  /** START_OF_TIME_MS before the first watermark, END_OF_TIME_MS once the input has ended. */
  readonly currentWatermarkMs: number;
  readonly currentProcessingTimeMs: number;
  /** Only the final result is wanted: firings that later ones replace can be left out. */
  readonly isBatchMode: boolean;
  /**
   * The trigger's own state of this key and window; undefined where there is none, or to free it. It survives restarts,
   * so it is plain data: numbers, texts, bigints, Dates, arrays, Maps, Sets, plain objects. Assign it to change it.
   */
  state: S | undefined;
  /** At most one timer per time; one for a time that has come fires with the next advance of time. */
  registerEventTimeTimer(timeMs: number): void;
  registerProcessingTimeTimer(timeMs: number): void;
  deleteEventTimeTimer(timeMs: number): void;
  deleteProcessingTimeTimer(timeMs: number): void;
}

export interface TriggerMergeContext<S = unknown> extends TriggerContext<S> {
  /** States of the windows that were merged, those that have one, by start of the window. */
  readonly mergedStates: readonly S[];
}

/**
 * Decides when a window gives its result. One object serves all keys and windows of a subtask, so what it remembers
 * belongs in `context.state`.
 */
export interface Trigger<S = unknown, T = Row> {
  /** A row was put in the window; `row` is a view that is valid during the call. */
  onElement(row: T, timestampMs: number, window: TimeWindow, context: TriggerContext<S>): TriggerResult;
  /** An event-time timer of the window has come. */
  onEventTime(timeMs: number, window: TimeWindow, context: TriggerContext<S>): TriggerResult;
  /** A processing-time timer of the window has come. */
  onProcessingTime(timeMs: number, window: TimeWindow, context: TriggerContext<S>): TriggerResult;
  /**
   * Windows were merged into `window`, which has no state and timers yet; `clear` follows for each of the old ones.
   * A trigger without this cannot serve windows that merge.
   */
  onMerge?(window: TimeWindow, context: TriggerMergeContext<S>): void;
  /** The window closes: deletes what timers and state are left. */
  clear(window: TimeWindow, context: TriggerContext<S>): void;
}
