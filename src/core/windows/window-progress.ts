import type { Row } from "../rows/row-view.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { compareOpen, type OpenWindow } from "./open-windows.ts";
import type { Trigger, TriggerResult } from "./trigger.ts";
import type { TriggerTimers } from "./trigger-timers.ts";
import { isFire, isPurge } from "./triggers.ts";
import type { WindowAssigner } from "./window-assigner.ts";
import type { WindowFiring } from "./window-firing.ts";
import type { WindowSet } from "./window-set.ts";
import type { TimeDomain } from "./window-spec.ts";

export interface ProgressParts {
  readonly assigner: WindowAssigner;
  /** Undefined: windows fire by default. */
  readonly trigger: Trigger | undefined;
  readonly times: TriggerTimers;
  readonly windows: WindowSet;
  readonly firing: WindowFiring;
  /** Windows that are due at one time come in an order that a restore does not change. */
  readonly isOrdered: boolean;
}

/** Time goes on in a domain; the watermark travels on behind it. */
interface Advance {
  readonly domain: TimeDomain;
  readonly toMs: number;
  readonly watermark: Watermark | undefined;
  /** Windows that are due at one time, and how many of them were called. */
  timeMs: number;
  items: readonly OpenWindow[];
  at: number;
  isTimer: boolean;
}

/** Lets windows fire and close as rows come and time goes on. */
export class WindowProgress {
  /** Event time has come to its end. */
  hasEnded = false;
  readonly #parts: ProgressParts;
  readonly #advances: Advance[] = [];

  constructor(parts: ProgressParts) {
    this.#parts = parts;
  }

  /** A row was put in a window. */
  onElement(open: OpenWindow, row: Row, timeMs: number): void {
    const { trigger, times, windows, firing } = this.#parts;
    if (trigger !== undefined) this.#obey(open, trigger.onElement(row, timeMs, open.window, times.of(open)));
    else if (windows.hasFired(open.window)) firing.fire(open);
  }

  /** Has `run` go on to a time. */
  advanceTo(domain: TimeDomain, toMs: number, watermark?: Watermark): void {
    this.#advances.push({ domain, toMs, watermark, timeMs: START_OF_TIME_MS, items: [], at: 0, isTimer: false });
  }

  /** Calls what is due up to the times that were told, and `onReached` behind each; false where it was full before. */
  run(isFull: () => boolean, onReached: (watermark: Watermark | undefined) => void): boolean {
    for (let next = this.#advances[0]; next !== undefined; next = this.#advances[0]) {
      if (!this.#advance(next, isFull)) return false;
      this.#advances.shift();
      onReached(next.watermark);
    }
    return true;
  }

  /** In the order of time. */
  #advance(advance: Advance, isFull: () => boolean): boolean {
    const { times, assigner, windows, isOrdered } = this.#parts;
    const { domain, toMs } = advance;
    if (domain === "event") times.currentWatermarkMs = toMs;
    else times.isClockStopped ||= toMs >= END_OF_TIME_MS;
    this.hasEnded ||= domain === "event" && toMs >= END_OF_TIME_MS;
    const due = domain === assigner.domain ? windows : undefined;
    for (;;) {
      while (advance.at < advance.items.length) {
        const open = advance.items[advance.at++];
        if (advance.isTimer) this.#callTrigger(open, domain, advance.timeMs);
        else this.#takeDue(open, advance.timeMs);
        if (isFull()) return false;
      }
      const timerMs = times.nextMs(domain);
      const dueMs = due?.nextDueMs ?? Number.POSITIVE_INFINITY;
      if (Math.min(timerMs, dueMs) > toMs) return true;
      // Of one time the trigger is asked first, then the window closes.
      advance.isTimer = timerMs <= dueMs || due === undefined;
      const next = advance.isTimer || due === undefined ? times.take(domain) : due.takeDue();
      advance.timeMs = next.timeMs;
      advance.items = isOrdered ? [...next.items].sort(compareOpen) : next.items;
      advance.at = 0;
    }
  }

  #callTrigger(open: OpenWindow, domain: TimeDomain, timeMs: number): void {
    const { times, trigger } = this.#parts;
    if (open.isClosed || trigger === undefined || !times.fire(domain, open, timeMs)) return;
    const result =
      domain === "event"
        ? trigger.onEventTime(timeMs, open.window, times.of(open))
        : trigger.onProcessingTime(timeMs, open.window, times.of(open));
    this.#obey(open, result, domain === "event" ? timeMs : undefined);
  }

  #takeDue(open: OpenWindow, timeMs: number): void {
    const { windows, firing, trigger, assigner } = this.#parts;
    if (!windows.isDue(open, timeMs)) return;
    const closeMs = windows.closeMs(open.window);
    if (trigger === undefined) {
      const fireMs = assigner.domain === "event" ? open.window.endMs - 1 : closeMs;
      if (timeMs === fireMs) firing.fire(open);
    }
    if (closeMs <= timeMs) {
      this.#close(open);
      return;
    }
    open.dueMs = closeMs;
    windows.queue(open);
  }

  #obey(open: OpenWindow, result: TriggerResult, timerMs?: number): void {
    if (result === "CONTINUE") return;
    if (isFire(result)) this.#parts.firing.fire(open, timerMs);
    if (!isPurge(result)) return;
    clearContents(open);
    // Nothing would ever close it: a global window that starts anew with the next row.
    const isIdle = open.triggerState === undefined && open.eventTimers.length + open.processingTimers.length === 0;
    if (open.dueMs === Number.POSITIVE_INFINITY && isIdle) this.#parts.windows.retire(open);
  }

  #close(open: OpenWindow): void {
    const { trigger, times, windows, firing } = this.#parts;
    trigger?.clear(open.window, times.of(open));
    times.drop(open);
    firing.close(open);
    windows.retire(open);
  }
}

function clearContents(open: OpenWindow): void {
  open.accumulator = undefined;
  // New arrays: a function may still read the old ones.
  open.rows = [];
  open.times = [];
  open.latestMs = Number.NEGATIVE_INFINITY;
}
