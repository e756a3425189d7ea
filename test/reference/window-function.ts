import { END_OF_TIME_MS, START_OF_TIME_MS } from "../../src/core/time/time.ts";
import type { Evictor, TimedRow } from "../../src/core/windows/evictor.ts";
import type { Trigger, TriggerMergeContext, TriggerResult } from "../../src/core/windows/trigger.ts";
import { GLOBAL_WINDOW, LAST_EVENT_TIME_MS, type TimeWindow } from "../../src/core/windows/window.ts";

type Row = Record<string, unknown>;

/** What a naive run of windows needs; everything is looked for in lists. */
export interface NaiveWindows {
  readonly keyOf: (row: Row) => unknown;
  readonly windowsOf: (row: Row, timeMs: number) => readonly TimeWindow[];
  readonly merges: boolean;
  readonly domain: "event" | "processing";
  readonly trigger: Trigger;
  readonly evictor?: Evictor;
  readonly latenessMs: number;
}

export interface Firing {
  readonly key: unknown;
  readonly window: TimeWindow;
  readonly rows: readonly Row[];
  readonly timeMs: number;
}

interface Timer {
  readonly domain: "event" | "processing";
  readonly timeMs: number;
  readonly open: Open;
}

interface Open {
  readonly key: unknown;
  readonly window: TimeWindow;
  rows: TimedRow[];
  state: unknown;
}

/** Windows as Flink's window operator has them, row by row, with one list of windows and one of timers. */
export class NaiveWindowOperator {
  readonly firings: Firing[] = [];
  readonly late: Row[] = [];
  readonly outside: Row[] = [];
  watermarkMs = START_OF_TIME_MS;
  nowMs = 0;
  #opens: Open[] = [];
  #timers: Timer[] = [];
  #mergedStates: unknown[] = [];
  /** Behind the end of the input no timer of the clock is taken any more. */
  #isClockStopped = false;
  readonly #spec: NaiveWindows;

  constructor(spec: NaiveWindows) {
    this.#spec = spec;
  }

  row(row: Row, eventMs: number): void {
    const { keyOf, windowsOf, domain, trigger } = this.#spec;
    const timeMs = domain === "event" ? eventMs : this.nowMs;
    const key = keyOf(row);
    const windows = windowsOf(row, timeMs);
    let isTaken = false;
    for (const window of windows) {
      const open = this.#place(key, window);
      if (open === undefined) continue;
      isTaken = true;
      open.rows.push({ row, timestampMs: timeMs });
      this.#obey(open, trigger.onElement(row, timeMs, open.window, this.#context(open)));
    }
    if (windows.length === 0) this.outside.push(row);
    else if (!isTaken) this.late.push(row);
  }

  advance(domain: "event" | "processing", toMs: number): void {
    const { trigger } = this.#spec;
    if (domain === "event") this.watermarkMs = toMs;
    else if (toMs === END_OF_TIME_MS) this.#isClockStopped = true;
    else this.nowMs = toMs;
    for (;;) {
      const timers = this.#timers.filter((timer) => timer.domain === domain && timer.timeMs <= toMs);
      const closing =
        domain === this.#spec.domain ? this.#opens.filter((open) => this.#closeMs(open.window) <= toMs) : [];
      const timerMs = Math.min(...timers.map(({ timeMs }) => timeMs));
      const closeMs = Math.min(...closing.map(({ window }) => this.#closeMs(window)));
      if (timers.length + closing.length === 0) return;
      if (timerMs <= closeMs) {
        const timer = timers.find(({ timeMs }) => timeMs === timerMs) as Timer;
        this.#timers = this.#timers.filter((each) => each !== timer);
        const { open } = timer;
        const call = domain === "event" ? trigger.onEventTime : trigger.onProcessingTime;
        const asked = call.call(trigger, timerMs, open.window, this.#context(open));
        this.#obey(open, asked, domain === "event" ? timerMs : undefined);
      } else {
        const open = closing.find(({ window }) => this.#closeMs(window) === closeMs) as Open;
        trigger.clear(open.window, this.#context(open));
        this.#drop(open);
      }
    }
  }

  end(): void {
    this.advance("processing", END_OF_TIME_MS);
    this.advance("event", END_OF_TIME_MS);
  }

  #place(key: unknown, window: TimeWindow): Open | undefined {
    const same = (open: Open, { startMs, endMs }: TimeWindow) =>
      open.key === key && open.window.startMs === startMs && open.window.endMs === endMs;
    if (!this.#spec.merges) {
      const found = this.#opens.find((open) => same(open, window));
      return found ?? (this.#isClosed(window) ? undefined : this.#open(key, window));
    }
    const parts = this.#opens
      .filter((open) => open.key === key && open.window.startMs < window.endMs && window.startMs < open.window.endMs)
      .sort((a, b) => a.window.startMs - b.window.startMs);
    const union = {
      startMs: Math.min(window.startMs, ...parts.map((open) => open.window.startMs)),
      endMs: Math.max(window.endMs, ...parts.map((open) => open.window.endMs)),
    };
    if (this.#isClosed(union)) return undefined;
    if (parts.length === 0) return this.#open(key, union);
    if (parts.length === 1 && same(parts[0], union)) return parts[0];
    const merged = this.#open(key, union);
    merged.rows = parts.flatMap(({ rows }) => rows);
    this.#mergedStates = parts.map(({ state }) => state).filter((state) => state !== undefined);
    this.#spec.trigger.onMerge?.(union, this.#context(merged));
    for (const part of parts) {
      this.#spec.trigger.clear(part.window, this.#context(part));
      this.#drop(part);
    }
    return merged;
  }

  #open(key: unknown, window: TimeWindow): Open {
    const open: Open = { key, window, rows: [], state: undefined };
    this.#opens.push(open);
    return open;
  }

  #drop(open: Open): void {
    this.#opens = this.#opens.filter((each) => each !== open);
    this.#timers = this.#timers.filter((timer) => timer.open !== open);
  }

  #closeMs({ endMs }: TimeWindow): number {
    if (endMs === GLOBAL_WINDOW.endMs) return Number.POSITIVE_INFINITY;
    return this.#spec.domain === "event" ? endMs - 1 + this.#spec.latenessMs : endMs;
  }

  #isClosed(window: TimeWindow): boolean {
    return this.#spec.domain === "event" && this.#closeMs(window) <= this.watermarkMs;
  }

  #obey(open: Open, result: TriggerResult, timerMs = Number.NEGATIVE_INFINITY): void {
    if (result === "FIRE" || result === "FIRE_AND_PURGE") this.#fire(open, timerMs);
    if (result === "PURGE" || result === "FIRE_AND_PURGE") open.rows = [];
  }

  #fire(open: Open, timerMs: number): void {
    const { evictor, domain } = this.#spec;
    const clock = { currentWatermarkMs: this.watermarkMs, currentProcessingTimeMs: this.nowMs };
    if (open.rows.length === 0) return;
    let kept: readonly TimedRow[] = open.rows;
    if (evictor?.evictBefore !== undefined) kept = evictor.evictBefore(kept, open.window, clock);
    if (kept.length > 0) {
      const isGlobal = open.window.endMs === GLOBAL_WINDOW.endMs;
      const latestMs = Math.max(...kept.map(({ timestampMs }) => timestampMs));
      const globalMs = Math.max(latestMs, Math.min(timerMs, LAST_EVENT_TIME_MS));
      const timeMs = isGlobal ? globalMs : domain === "event" ? open.window.endMs - 1 : this.nowMs;
      this.firings.push({ key: open.key, window: open.window, rows: kept.map(({ row }) => row), timeMs });
      if (evictor?.evictAfter !== undefined) kept = evictor.evictAfter(kept, open.window, clock);
    }
    open.rows = [...kept];
  }

  #context(open: Open): TriggerMergeContext {
    const register = (domain: "event" | "processing", timeMs: number) => {
      if (domain === "processing" && this.#isClockStopped) return;
      const isKnown = this.#timers.some(
        (each) => each.open === open && each.domain === domain && each.timeMs === timeMs,
      );
      if (!isKnown) this.#timers.push({ domain, timeMs, open });
    };
    const remove = (domain: "event" | "processing", timeMs: number) => {
      this.#timers = this.#timers.filter(
        (each) => each.open !== open || each.domain !== domain || each.timeMs !== timeMs,
      );
    };
    return {
      currentWatermarkMs: this.watermarkMs,
      currentProcessingTimeMs: this.nowMs,
      isBatchMode: false,
      mergedStates: this.#mergedStates,
      get state() {
        return open.state;
      },
      set state(state) {
        open.state = state;
      },
      registerEventTimeTimer: (timeMs) => register("event", timeMs),
      registerProcessingTimeTimer: (timeMs) => register("processing", timeMs),
      deleteEventTimeTimer: (timeMs) => remove("event", timeMs),
      deleteProcessingTimeTimer: (timeMs) => remove("processing", timeMs),
    };
  }
}
