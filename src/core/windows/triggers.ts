import { describeValue } from "../describe-value.ts";
import { PlanError } from "../errors.ts";
import type { Row } from "../rows/row-view.ts";
import { type Trigger, type TriggerContext, type TriggerMergeContext, TriggerResult } from "./trigger.ts";
import type { TimeWindow } from "./window.ts";

const { CONTINUE, FIRE, FIRE_AND_PURGE, PURGE } = TriggerResult;

/**
 * Fires once the watermark has reached the window's last millisecond, and again for each row that comes within the
 * allowed lateness. The default of event-time windows, and of global windows, which it lets fire at the end of the input.
 */
export class EventTimeTrigger implements Trigger {
  static create(): EventTimeTrigger {
    return new EventTimeTrigger();
  }

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
  static create(): ProcessingTimeTrigger {
    return new ProcessingTimeTrigger();
  }

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
  readonly count: number;

  private constructor(count: number) {
    this.count = count;
  }

  /** @throws {PlanError} TRIGGER_INVALID */
  static of(count: number): CountTrigger {
    return new CountTrigger(positive("CountTrigger", count, "rows"));
  }

  onElement(_row: Row, _timestampMs: number, _window: TimeWindow, context: TriggerContext<number>): TriggerResult {
    const count = (context.state ?? 0) + 1;
    context.state = count < this.count ? count : undefined;
    return count < this.count ? CONTINUE : FIRE;
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
  readonly intervalMs: number;

  private constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
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
    const nextMs = context.isBatchMode ? endMs : Math.min(nextMultiple(afterMs, this.intervalMs), endMs);
    context.state = nextMs;
    context.registerProcessingTimeTimer(nextMs);
  }
}

/** How far a row is from the one that fired last. */
export type DeltaFunction<T = Row> = (last: T, current: T) => number;

/** Fires at a row that is further than the threshold from the row that fired last, or from the first one. */
export class DeltaTrigger<T = Row> implements Trigger<Row, T> {
  readonly #threshold: number;
  readonly #delta: DeltaFunction<T>;

  private constructor(threshold: number, delta: DeltaFunction<T>) {
    this.#threshold = threshold;
    this.#delta = delta;
  }

  /** @throws {PlanError} TRIGGER_INVALID */
  static of<T = Row>(threshold: number, delta: DeltaFunction<T>): DeltaTrigger<T> {
    if (typeof threshold === "number" && typeof delta === "function") return new DeltaTrigger(threshold, delta);
    throw new PlanError(
      "TRIGGER_INVALID",
      `DeltaTrigger.of was given the threshold ${describeValue(threshold)} and ${describeValue(delta)}.`,
      "Give a number, and a function of two rows that gives a number.",
    );
  }

  onElement(row: T, _timestampMs: number, _window: TimeWindow, context: TriggerContext<Row>): TriggerResult {
    const last = context.state as T | undefined;
    if (last !== undefined && !(this.#delta(last, row) > this.#threshold)) return CONTINUE;
    context.state = { ...row } as Row;
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
export class PurgingTrigger<S, T = Row> implements Trigger<S, T> {
  readonly trigger: Trigger<S, T>;
  readonly onMerge?: (window: TimeWindow, context: TriggerMergeContext<S>) => void;

  private constructor(trigger: Trigger<S, T>) {
    this.trigger = trigger;
    if (trigger.onMerge !== undefined) this.onMerge = (window, context) => trigger.onMerge?.(window, context);
  }

  /** @throws {PlanError} TRIGGER_INVALID */
  static of<S, T = Row>(trigger: Trigger<S, T>): PurgingTrigger<S, T> {
    return new PurgingTrigger(checkedTrigger("PurgingTrigger.of", trigger));
  }

  onElement(row: T, timestampMs: number, window: TimeWindow, context: TriggerContext<S>): TriggerResult {
    return purging(this.trigger.onElement(row, timestampMs, window, context));
  }

  onEventTime(timeMs: number, window: TimeWindow, context: TriggerContext<S>): TriggerResult {
    return purging(this.trigger.onEventTime(timeMs, window, context));
  }

  onProcessingTime(timeMs: number, window: TimeWindow, context: TriggerContext<S>): TriggerResult {
    return purging(this.trigger.onProcessingTime(timeMs, window, context));
  }

  clear(window: TimeWindow, context: TriggerContext<S>): void {
    this.trigger.clear(window, context);
  }
}

/** Never fires: the rows of a window are only kept. */
export class NeverTrigger implements Trigger {
  static create(): NeverTrigger {
    return new NeverTrigger();
  }

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

/** The trigger itself, once it has the methods of one. @throws {PlanError} TRIGGER_INVALID */
export function checkedTrigger<G extends object>(method: string, trigger: G): G {
  const given = trigger as Readonly<Record<string, unknown>> | null | undefined;
  const missing = ["onElement", "onEventTime", "onProcessingTime", "clear"].find(
    (name) => typeof given?.[name] !== "function",
  );
  if (missing === undefined) return trigger;
  throw new PlanError(
    "TRIGGER_INVALID",
    `${method} was given ${typeof given === "object" && given !== null ? `a trigger without ${missing}` : describeValue(given)}.`,
    "Give a trigger such as CountTrigger.of(100), or an object with onElement, onEventTime, onProcessingTime and clear.",
  );
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
    `${trigger}.of was given ${describeValue(given)}.`,
    `Give a whole number of ${unit} greater than 0.`,
  );
}
