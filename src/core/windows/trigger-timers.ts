import { EvaluationError } from "../errors.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";
import { checkTime } from "../timers/keyed-timers.ts";
import type { OpenWindow } from "./open-windows.ts";
import { TimeQueue } from "./time-queue.ts";
import type { TriggerMergeContext } from "./trigger.ts";
import type { TimeDomain } from "./window-spec.ts";

/** Below this, a queue is not worth cleaning. */
const COMPACT_SIZE = 64;
/** A timer that renews itself so often behind the last row would do so for ever. */
const MOST_AT_END = 1000;

/** The timers of a trigger over all windows, and what the trigger sees of the window at hand. */
export class TriggerTimers implements TriggerMergeContext {
  readonly isBatchMode: boolean;
  currentWatermarkMs = START_OF_TIME_MS;
  currentProcessingTimeMs = 0;
  mergedStates: readonly unknown[] = [];
  /** The input has ended: processing time stands still. */
  isClockStopped = false;
  readonly #queues = { event: new TimeQueue<OpenWindow>(), processing: new TimeQueue<OpenWindow>() };
  readonly #liveCounts = { event: 0, processing: 0 };
  #open: OpenWindow | undefined;

  constructor(isBatchMode: boolean) {
    this.isBatchMode = isBatchMode;
  }

  /** The context for calls about a window. */
  of(open: OpenWindow): this {
    this.#open = open;
    return this;
  }

  get state(): unknown {
    return this.#atHand.triggerState;
  }

  set state(state: unknown) {
    this.#atHand.triggerState = state;
  }

  registerEventTimeTimer(timeMs: number): void {
    const open = this.#atHand;
    if (this.currentWatermarkMs >= END_OF_TIME_MS && ++open.timersAtEnd > MOST_AT_END) throw endless();
    this.restore("event", open, checkTime(timeMs));
  }

  registerProcessingTimeTimer(timeMs: number): void {
    if (!this.isClockStopped) this.restore("processing", this.#atHand, checkTime(timeMs));
  }

  deleteEventTimeTimer(timeMs: number): void {
    this.#delete("event", timeMs);
  }

  deleteProcessingTimeTimer(timeMs: number): void {
    this.#delete("processing", timeMs);
  }

  restore(domain: TimeDomain, open: OpenWindow, timeMs: number): void {
    const times = timersOf(open, domain);
    if (times.includes(timeMs)) return;
    times.push(timeMs);
    this.#queues[domain].add(timeMs, open);
    this.#liveCounts[domain]++;
  }

  nextMs(domain: TimeDomain): number {
    return this.#queues[domain].nextMs;
  }

  /** Windows that may have a timer at the next time; `fire` tells. */
  take(domain: TimeDomain): { readonly timeMs: number; readonly items: readonly OpenWindow[] } {
    const { timeMs, items } = this.#queues[domain].take();
    // Deleted and registered again, a timer is there twice.
    return { timeMs, items: [...new Set(items)] };
  }

  /** Whether a window has this timer, which is then gone. */
  fire(domain: TimeDomain, open: OpenWindow, timeMs: number): boolean {
    const times = timersOf(open, domain);
    const at = times.indexOf(timeMs);
    if (at < 0) return false;
    times.splice(at, 1);
    this.#liveCounts[domain]--;
    return true;
  }

  /** Drops all timers of a window. */
  drop(open: OpenWindow): void {
    this.#liveCounts.event -= open.eventTimers.length;
    this.#liveCounts.processing -= open.processingTimers.length;
    open.eventTimers.length = 0;
    open.processingTimers.length = 0;
  }

  /** Keeps the queues small though timers were deleted. */
  compact(): void {
    for (const domain of ["event", "processing"] as const) {
      const queue = this.#queues[domain];
      if (queue.size <= COMPACT_SIZE + this.#liveCounts[domain] * 2) continue;
      const seen = new Map<OpenWindow, Set<number>>();
      queue.compact((open, timeMs) => {
        const times = seen.get(open) ?? new Set();
        const isFirst = !times.has(timeMs) && timersOf(open, domain).includes(timeMs);
        if (isFirst) seen.set(open, times.add(timeMs));
        return isFirst;
      });
    }
  }

  first(domain: TimeDomain, count: number): { timeMs: number; items: readonly OpenWindow[] }[] {
    return this.#queues[domain].first(count, (open, timeMs) => timersOf(open, domain).includes(timeMs));
  }

  clear(): void {
    this.#open = undefined;
    this.#queues.event.clear();
    this.#queues.processing.clear();
  }

  get #atHand(): OpenWindow {
    if (this.#open !== undefined) return this.#open;
    throw new EvaluationError(
      "TRIGGER_CONTEXT_STALE",
      "A trigger used its context outside of a call.",
      "Use the context during the call that it is passed to.",
    );
  }

  #delete(domain: TimeDomain, timeMs: number): void {
    this.fire(domain, this.#atHand, checkTime(timeMs));
  }
}

export const timersOf = (open: OpenWindow, domain: TimeDomain): number[] =>
  domain === "event" ? open.eventTimers : open.processingTimers;

const endless = (): EvaluationError =>
  new EvaluationError(
    "TIMERS_ENDLESS",
    `The input has ended, and a trigger has registered ${MOST_AT_END} further timers for one window since.`,
    "A timer that renews itself must stop at the end: register no further one once currentWatermarkMs is END_OF_TIME_MS.",
  );
