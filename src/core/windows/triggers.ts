import { PlanError } from "../errors.ts";
import type { Row } from "../rows/row-view.ts";
import { type Trigger, type TriggerContext, type TriggerMergeContext, TriggerResult } from "./trigger.ts";
import type { TimeWindow } from "./window.ts";

const { CONTINUE, FIRE, FIRE_AND_PURGE, PURGE } = TriggerResult;

/**
 * Fires once the watermark has reached the window's last millisecond, and again for each row that comes within the
 * allowed lateness. The default of event-time windows. For a global window: at the end of the input.
 */
export class EventTimeTrigger implements Trigger {
  onElement(_row: Row, _timestampMs: number, { endMs }: TimeWindow, context: TriggerContext): TriggerResult {
    if (endMs - 1 <= context.currentWatermarkMs) return FIRE;
    context.registerEventTimeTimer(endMs - 1);
    return CONTINUE;
  }

  onEventTime(timeMs: number, { endMs }: TimeWindow): TriggerResult {
    return timeMs === endMs - 1 ? FIRE : CONTINUE;
  }

  onProcessingTime(): TriggerResult {
    return CONTINUE;
  }

  onMerge({ endMs }: TimeWindow, context: TriggerContext): void {
    if (endMs - 1 > context.currentWatermarkMs) context.registerEventTimeTimer(endMs - 1);
  }

  clear({ endMs }: TimeWindow, context: TriggerContext): void {
    context.deleteEventTimeTimer(endMs - 1);
  }
}

/** Fires once the clock has reached the window's end. The default of processing-time windows. */
export class ProcessingTimeTrigger implements Trigger {
  onElement(_row: Row, _timestampMs: number, { endMs }: TimeWindow, context: TriggerContext): TriggerResult {
    context.registerProcessingTimeTimer(endMs);
    return CONTINUE;
  }

  onEventTime(): TriggerResult {
    return CONTINUE;
  }

  onProcessingTime(timeMs: number, { endMs }: TimeWindow): TriggerResult {
    return timeMs === endMs ? FIRE : CONTINUE;
  }

  onMerge({ endMs }: TimeWindow, context: TriggerContext): void {
    context.registerProcessingTimeTimer(endMs);
  }

  clear({ endMs }: TimeWindow, context: TriggerContext): void {
    context.deleteProcessingTimeTimer(endMs);
  }
}

/** Fires at every `count`th row of the window. */
export class CountTrigger implements Trigger<number> {
  readonly #count: number;

  private constructor(count: number) {
    this.#count = count;
  }

  /** @throws {PlanError} TRIGGER_INVALID */
  static of(count: number): CountTrigger {
    return new CountTrigger(positive("CountTrigger", count, "rows"));
  }

  onElement(_row: Row, _timestampMs: number, _window: TimeWindow, context: TriggerContext<number>): TriggerResult {
    const count = (context.state ?? 0) + 1;
    context.state = count < this.#count ? count : undefined;
    return count < this.#count ? CONTINUE : FIRE;
  }

  onEventTime(): TriggerResult {
    return CONTINUE;
  }

  onProcessingTime(): TriggerResult {
    return CONTINUE;
  }

  onMerge(_window: TimeWindow, context: TriggerMergeContext<number>): void {
    const count = context.mergedStates.reduce((sum, each) => sum + each, 0);
    context.state = count > 0 ? count : undefined;
  }

  clear(_window: TimeWindow, context: TriggerContext<number>): void {
    context.state = undefined;
  }
}

/**
 * Fires at every multiple of the interval that the watermark reaches while the window has rows, and at the window's end.
 * Several multiples that one watermark passes are one firing: no row has come between them.
 */
export class ContinuousEventTimeTrigger implements Trigger<number> {
  readonly #intervalMs: number;

  private constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** @throws {PlanError} TRIGGER_INVALID */
  static of(intervalMs: number): ContinuousEventTimeTrigger {
    return new ContinuousEventTimeTrigger(positive("ContinuousEventTimeTrigger", intervalMs, "milliseconds"));
  }

  onElement(_row: Row, timestampMs: number, window: TimeWindow, context: TriggerContext<number>): TriggerResult {
    const lastMs = window.endMs - 1;
    if (lastMs <= context.currentWatermarkMs) return FIRE;
    context.registerEventTimeTimer(lastMs);
    if (context.state === undefined) this.#registerNext(timestampMs, window, context);
    return CONTINUE;
  }

  onEventTime(timeMs: number, window: TimeWindow, context: TriggerContext<number>): TriggerResult {
    if (timeMs === window.endMs - 1) return FIRE;
    if (timeMs !== context.state) return CONTINUE;
    context.state = undefined;
    // The timer of the end is due too, and gives the same rows.
    if (window.endMs - 1 <= context.currentWatermarkMs) return CONTINUE;
    this.#registerNext(Math.max(timeMs, context.currentWatermarkMs), window, context);
    return FIRE;
  }

  onProcessingTime(): TriggerResult {
    return CONTINUE;
  }

  onMerge(window: TimeWindow, context: TriggerMergeContext<number>): void {
    const lastMs = window.endMs - 1;
    if (lastMs > context.currentWatermarkMs) context.registerEventTimeTimer(lastMs);
    if (context.mergedStates.length === 0) return;
    context.state = Math.min(...context.mergedStates);
    context.registerEventTimeTimer(context.state);
  }

  clear(window: TimeWindow, context: TriggerContext<number>): void {
    context.deleteEventTimeTimer(window.endMs - 1);
    if (context.state !== undefined) context.deleteEventTimeTimer(context.state);
    context.state = undefined;
  }

  #registerNext(afterMs: number, { endMs }: TimeWindow, context: TriggerContext<number>): void {
    const nextMs = nextMultiple(afterMs, this.#intervalMs);
    if (context.isBatchMode || nextMs >= endMs - 1) return;
    context.state = nextMs;
    context.registerEventTimeTimer(nextMs);
  }
}

/** Fires at every multiple of the interval that the clock reaches while the window has rows, and at the window's end. */
export class ContinuousProcessingTimeTrigger implements Trigger<number> {
  readonly #intervalMs: number;

  private constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** @throws {PlanError} TRIGGER_INVALID */
  static of(intervalMs: number): ContinuousProcessingTimeTrigger {
    return new ContinuousProcessingTimeTrigger(positive("ContinuousProcessingTimeTrigger", intervalMs, "milliseconds"));
  }

  onElement(_row: Row, _timestampMs: number, window: TimeWindow, context: TriggerContext<number>): TriggerResult {
    if (context.state === undefined) this.#registerNext(context.currentProcessingTimeMs, window, context);
    return CONTINUE;
  }

  onEventTime(): TriggerResult {
    return CONTINUE;
  }

  onProcessingTime(timeMs: number, window: TimeWindow, context: TriggerContext<number>): TriggerResult {
    if (timeMs !== context.state) return CONTINUE;
    context.state = undefined;
    if (timeMs < window.endMs) this.#registerNext(Math.max(timeMs, context.currentProcessingTimeMs), window, context);
    return FIRE;
  }

  onMerge(window: TimeWindow, context: TriggerMergeContext<number>): void {
    if (context.mergedStates.length === 0) return;
    context.state = Math.min(...context.mergedStates, window.endMs);
    context.registerProcessingTimeTimer(context.state);
  }

  clear(_window: TimeWindow, context: TriggerContext<number>): void {
    if (context.state !== undefined) context.deleteProcessingTimeTimer(context.state);
    context.state = undefined;
  }

  #registerNext(afterMs: number, { endMs }: TimeWindow, context: TriggerContext<number>): void {
    const nextMs = context.isBatchMode ? endMs : Math.min(nextMultiple(afterMs, this.#intervalMs), endMs);
    context.state = nextMs;
    context.registerProcessingTimeTimer(nextMs);
  }
}

/** How far a row is from the one that fired last. */
export type DeltaFunction = (last: Row, current: Row) => number;

/** Fires at a row that is further than the threshold from the row that fired last, or from the first one. */
export class DeltaTrigger implements Trigger<Row> {
  readonly #threshold: number;
  readonly #delta: DeltaFunction;

  private constructor(threshold: number, delta: DeltaFunction) {
    this.#threshold = threshold;
    this.#delta = delta;
  }

  static of(threshold: number, delta: DeltaFunction): DeltaTrigger {
    return new DeltaTrigger(threshold, delta);
  }

  onElement(row: Row, _timestampMs: number, _window: TimeWindow, context: TriggerContext<Row>): TriggerResult {
    const last = context.state;
    if (last !== undefined && !(this.#delta(last, row) > this.#threshold)) return CONTINUE;
    context.state = { ...row };
    return last === undefined ? CONTINUE : FIRE;
  }

  onEventTime(): TriggerResult {
    return CONTINUE;
  }

  onProcessingTime(): TriggerResult {
    return CONTINUE;
  }

  clear(_window: TimeWindow, context: TriggerContext<Row>): void {
    context.state = undefined;
  }
}

/** Drops the rows of a window whenever another trigger fires. */
export class PurgingTrigger<S> implements Trigger<S> {
  readonly #trigger: Trigger<S>;
  readonly onMerge?: (window: TimeWindow, context: TriggerMergeContext<S>) => void;

  private constructor(trigger: Trigger<S>) {
    this.#trigger = trigger;
    if (trigger.onMerge !== undefined) this.onMerge = (window, context) => trigger.onMerge?.(window, context);
  }

  static of<S>(trigger: Trigger<S>): PurgingTrigger<S> {
    return new PurgingTrigger(trigger);
  }

  onElement(row: Row, timestampMs: number, window: TimeWindow, context: TriggerContext<S>): TriggerResult {
    return purging(this.#trigger.onElement(row, timestampMs, window, context));
  }

  onEventTime(timeMs: number, window: TimeWindow, context: TriggerContext<S>): TriggerResult {
    return purging(this.#trigger.onEventTime(timeMs, window, context));
  }

  onProcessingTime(timeMs: number, window: TimeWindow, context: TriggerContext<S>): TriggerResult {
    return purging(this.#trigger.onProcessingTime(timeMs, window, context));
  }

  clear(window: TimeWindow, context: TriggerContext<S>): void {
    this.#trigger.clear(window, context);
  }
}

/** Never fires. The default of global windows. */
export class NeverTrigger implements Trigger {
  onElement(): TriggerResult {
    return CONTINUE;
  }

  onEventTime(): TriggerResult {
    return CONTINUE;
  }

  onProcessingTime(): TriggerResult {
    return CONTINUE;
  }

  onMerge(): void {}

  clear(): void {}
}

const purging = (result: TriggerResult): TriggerResult => (result === FIRE ? FIRE_AND_PURGE : result);

/** Whether the window gives its result, or loses its rows. */
export const isFire = (result: TriggerResult): boolean => result === FIRE || result === FIRE_AND_PURGE;
export const isPurge = (result: TriggerResult): boolean => result === PURGE || result === FIRE_AND_PURGE;

const nextMultiple = (afterMs: number, intervalMs: number): number =>
  (Math.floor(afterMs / intervalMs) + 1) * intervalMs;

function positive(trigger: string, given: number, unit: string): number {
  if (Number.isSafeInteger(given) && given > 0) return given;
  throw new PlanError(
    "TRIGGER_INVALID",
    `${trigger}.of was given ${given}.`,
    `Give a whole number of ${unit} greater than 0.`,
  );
}
