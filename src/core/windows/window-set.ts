import { heapBytes, sampledBytes } from "../state/heap-size.ts";
import type { StateKey } from "../state/state-key.ts";
import { END_OF_TIME_MS } from "../time/time.ts";
import { compareKeys, type KeyMap, OpenWindow, WindowsOfKey } from "./open-windows.ts";
import { TimeQueue } from "./time-queue.ts";
import type { Trigger } from "./trigger.ts";
import type { TriggerTimers } from "./trigger-timers.ts";
import { sameWindow, type TimeWindow } from "./window.ts";
import type { WindowAssigner } from "./window-assigner.ts";
import type { Accumulation } from "./window-contents.ts";

const COMPACT_SIZE = 64;
/** An open window with its key and its place in maps and queues, without what it holds; roughly. */
const WINDOW_BYTES = 320;

export interface WindowRules {
  readonly assigner: WindowAssigner;
  /** Undefined: windows fire by default once they are due. */
  readonly trigger: Trigger | undefined;
  readonly accumulation: Accumulation | undefined;
  readonly times: TriggerTimers;
  readonly latenessMs: number;
}

/** The open windows of all keys: which one a row goes to, which become one, and when each is due. */
export class WindowSet {
  /** Windows that are open. */
  count = 0;
  readonly #rules: WindowRules;
  readonly #keys: KeyMap = new Map();
  /** When windows close, or fire by default. */
  readonly #due = new TimeQueue<OpenWindow>();

  constructor(rules: WindowRules) {
    this.#rules = rules;
  }

  /** About what the windows take with their rows or accumulators, from some of them. */
  get memoryBytes(): number {
    return sampledBytes(this.#some(), this.count, ({ accumulator, rows, times, triggerState }) => {
      return (
        WINDOW_BYTES + [accumulator, rows, times, triggerState].reduce<number>((sum, one) => sum + heapBytes(one), 0)
      );
    });
  }

  *#some(): Generator<OpenWindow, void, void> {
    for (const key of this.#keys.values()) yield* key.all();
  }

  windowsOf(key: StateKey): WindowsOfKey {
    return this.#keys.get(key.id) ?? new WindowsOfKey(key);
  }

  /** By key group, key and start: an order that a restore does not change. */
  all(): OpenWindow[] {
    const keys = [...this.#keys.values()].sort((a, b) => compareKeys(a.key, b.key));
    return keys.flatMap((key) => key.all());
  }

  /** The open window that a row goes to; undefined where it is closed. */
  placeOf(key: WindowsOfKey, window: TimeWindow): OpenWindow | undefined {
    const { merge, hasUniqueEnds } = this.#rules.assigner;
    if (merge !== undefined) return this.#mergedPlace(key, window, merge);
    return key.find(window, hasUniqueEnds) ?? (this.#isClosed(window) ? undefined : this.open(key, window));
  }

  open(key: WindowsOfKey, window: TimeWindow): OpenWindow {
    const { hasUniqueEnds } = this.#rules.assigner;
    const known = key.find(window, hasUniqueEnds);
    if (known !== undefined) return known;
    if (key.isEmpty) this.#keys.set(key.key.id, key);
    const open = new OpenWindow(key, window);
    key.add(open, hasUniqueEnds);
    this.count++;
    open.dueMs = this.#firstDueMs(window);
    this.queue(open);
    return open;
  }

  /** The window is no more; its timers and trigger state are the caller's. */
  retire(open: OpenWindow): void {
    const { owner } = open;
    owner.remove(open, this.#rules.assigner.hasUniqueEnds);
    if (owner.isEmpty) this.#keys.delete(owner.key.id);
    open.isClosed = true;
    this.count--;
  }

  /** When nothing is left of a window; infinity for a global one. */
  closeMs({ endMs }: TimeWindow): number {
    const { assigner, latenessMs } = this.#rules;
    if (assigner.isGlobal) return Number.POSITIVE_INFINITY;
    if (assigner.domain === "processing") return endMs;
    return Math.min(endMs - 1 + latenessMs, END_OF_TIME_MS);
  }

  /** Whether an event-time window has fired by default. */
  hasFired({ endMs }: TimeWindow): boolean {
    return endMs - 1 <= this.#rules.times.currentWatermarkMs && this.#rules.assigner.domain === "event";
  }

  /** Lets the window come up in `takeDue` at its `dueMs`. */
  queue(open: OpenWindow): void {
    if (open.dueMs >= open.queuedMs) return;
    open.queuedMs = open.dueMs;
    this.#due.add(open.dueMs, open);
  }

  get nextDueMs(): number {
    return this.#due.nextMs;
  }

  /** Windows that may be due at the next time: `isDue` tells. */
  takeDue(): { readonly timeMs: number; readonly items: readonly OpenWindow[] } {
    return this.#due.take();
  }

  /** Whether a window that came up is due now; if it has grown since, it is queued anew. */
  isDue(open: OpenWindow, timeMs: number): boolean {
    if (!isQueued(open, timeMs)) return false;
    open.queuedMs = Number.POSITIVE_INFINITY;
    if (open.dueMs <= timeMs) return true;
    this.queue(open);
    return false;
  }

  /** The next times at which windows are due, and these. */
  firstDue(count: number): { timeMs: number; items: readonly OpenWindow[] }[] {
    return this.#due.first(count, isQueued);
  }

  /** Forgets times at which nothing is due any more, where they are many. */
  compact(): void {
    if (this.#due.size > COMPACT_SIZE + this.count * 2) this.#due.compact(isQueued);
  }

  clear(): void {
    this.#keys.clear();
    this.#due.clear();
  }

  #firstDueMs(window: TimeWindow): number {
    const { trigger, assigner } = this.#rules;
    const isDefault = trigger === undefined && assigner.domain === "event";
    return isDefault && !this.hasFired(window) ? window.endMs - 1 : this.closeMs(window);
  }

  #isClosed(window: TimeWindow): boolean {
    const { assigner, times } = this.#rules;
    return assigner.domain === "event" && this.closeMs(window) <= times.currentWatermarkMs;
  }

  #mergedPlace(
    key: WindowsOfKey,
    added: TimeWindow,
    merge: NonNullable<WindowAssigner["merge"]>,
  ): OpenWindow | undefined {
    const all = key.all();
    const found = merge(
      all.map(({ window }) => window),
      added,
    );
    const window = found?.window ?? added;
    if (this.#isClosed(window)) return undefined;
    const parts =
      found === undefined ? [] : all.filter((open) => found.merged.some((one) => sameWindow(one, open.window)));
    if (parts.length === 0) return this.open(key, window);
    if (parts.length === 1 && sameWindow(parts[0].window, window)) return parts[0];
    return this.#merge(key, parts, window);
  }

  /** Makes one window of several, by start. */
  #merge(key: WindowsOfKey, parts: readonly OpenWindow[], window: TimeWindow): OpenWindow {
    const { trigger, accumulation, times: timers } = this.#rules;
    if (trigger === undefined && parts.length === 1) return this.#extend(parts[0], window);
    for (const part of parts) this.retire(part);
    const merged = this.open(key, window);
    for (const part of parts) {
      const { accumulator, rows, times } = part;
      if (merged.accumulator === undefined) merged.accumulator = accumulator;
      else if (accumulator !== undefined) {
        merged.accumulator = accumulation?.merge(merged.accumulator, accumulator);
      }
      merged.rows = merged.rows.length === 0 ? rows : merged.rows.concat(rows);
      merged.times = merged.times.length === 0 ? times : merged.times.concat(times);
      merged.latestMs = Math.max(merged.latestMs, part.latestMs);
    }
    if (trigger === undefined) return merged;
    timers.mergedStates = parts.flatMap(({ triggerState }) => (triggerState === undefined ? [] : [triggerState]));
    trigger.onMerge?.(window, timers.of(merged));
    timers.mergedStates = [];
    for (const part of parts) {
      trigger.clear(part.window, timers.of(part));
      timers.drop(part);
    }
    return merged;
  }

  /** Sessions grow row by row: without timers of a trigger the open window stays, and is queued anew once it is due. */
  #extend(open: OpenWindow, window: TimeWindow): OpenWindow {
    const { owner } = open;
    const { hasUniqueEnds } = this.#rules.assigner;
    owner.remove(open, hasUniqueEnds);
    open.window = window;
    owner.add(open, hasUniqueEnds);
    open.dueMs = this.#firstDueMs(window);
    this.queue(open);
    return open;
  }
}

const isQueued = (open: OpenWindow, timeMs: number): boolean => !open.isClosed && open.queuedMs === timeMs;
