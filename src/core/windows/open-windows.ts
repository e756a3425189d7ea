import { compareIds, type KeyId } from "../state/key-identity.ts";
import type { StateKey } from "../state/state-key.ts";
import { compareWindows, type TimeWindow } from "./window.ts";

/** A window of a key that has rows, or had some and may get more. */
export class OpenWindow {
  readonly owner: WindowsOfKey;
  /** Grows where windows merge. */
  window: TimeWindow;
  /** What reduce or aggregate has made of the rows; undefined where there is none. */
  accumulator: unknown = undefined;
  /** The rows where they are kept, with their times. */
  rows: Record<string, unknown>[] = [];
  times: number[] = [];
  /** Greatest time of a row so far. */
  latestMs = Number.NEGATIVE_INFINITY;
  triggerState: unknown = undefined;
  /** Times of the trigger's timers. */
  eventTimers: number[] = [];
  processingTimers: number[] = [];
  /** When it fires by default or closes next, and the time under which it is queued; it may be queued too early. */
  dueMs = Number.POSITIVE_INFINITY;
  queuedMs = Number.POSITIVE_INFINITY;
  isClosed = false;
  /** Timers that were registered behind the end of the input. */
  timersAtEnd = 0;

  constructor(owner: WindowsOfKey, window: TimeWindow) {
    this.owner = owner;
    this.window = window;
  }
}

/** The open windows of one key. */
export class WindowsOfKey {
  readonly key: StateKey;
  /** The one that was asked for last: most rows go where the row before went. */
  #recent: OpenWindow | undefined;
  #only: OpenWindow | undefined;
  /** All, once there are two. */
  #all: Map<number | string, OpenWindow> | undefined;

  constructor(key: StateKey) {
    this.key = key;
  }

  get isEmpty(): boolean {
    return this.#only === undefined && (this.#all === undefined || this.#all.size === 0);
  }

  find(window: TimeWindow, hasUniqueEnds: boolean): OpenWindow | undefined {
    const recent = this.#recent;
    if (recent !== undefined && isOf(recent, window)) return recent;
    const found = this.#all === undefined ? this.#only : this.#all.get(idOf(window, hasUniqueEnds));
    if (found === undefined || !isOf(found, window)) return undefined;
    this.#recent = found;
    return found;
  }

  add(open: OpenWindow, hasUniqueEnds: boolean): void {
    this.#recent = open;
    if (this.#all !== undefined) this.#all.set(idOf(open.window, hasUniqueEnds), open);
    else if (this.#only === undefined) this.#only = open;
    else {
      const both = [this.#only, open];
      this.#all = new Map(both.map((each) => [idOf(each.window, hasUniqueEnds), each]));
      this.#only = undefined;
    }
  }

  /** Also before the window of an open one changes. */
  remove(open: OpenWindow, hasUniqueEnds: boolean): void {
    if (this.#recent === open) this.#recent = undefined;
    if (this.#only === open) this.#only = undefined;
    this.#all?.delete(idOf(open.window, hasUniqueEnds));
  }

  /** By start. */
  all(): OpenWindow[] {
    if (this.#all === undefined) return this.#only === undefined ? [] : [this.#only];
    return [...this.#all.values()].sort((a, b) => compareWindows(a.window, b.window));
  }
}

const isOf = (open: OpenWindow, { startMs, endMs }: TimeWindow): boolean =>
  open.window.endMs === endMs && open.window.startMs === startMs;

const idOf = ({ startMs, endMs }: TimeWindow, hasUniqueEnds: boolean): number | string =>
  hasUniqueEnds ? endMs : `${startMs}:${endMs}`;

/** By key group, key and window: an order that a restore does not change. */
export function compareOpen(a: OpenWindow, b: OpenWindow): number {
  if (a.owner === b.owner) return compareWindows(a.window, b.window);
  return compareKeys(a.owner.key, b.owner.key);
}

export const compareKeys = (a: StateKey, b: StateKey): number => a.keyGroup - b.keyGroup || compareIds(a.id, b.id);

export type KeyMap = Map<KeyId, WindowsOfKey>;
