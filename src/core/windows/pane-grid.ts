import type { AlignedWindowSpec } from "./window-spec.ts";

/** Panes [first, end), numbered along the time axis. */
export interface PaneRange {
  readonly first: number;
  readonly end: number;
}

/**
 * The time axis cut into panes, such that every window is a range of whole panes: rows are aggregated once, per pane,
 * however many windows they fall into. Sliding windows cut it where one starts and where one ends, so there are at most
 * two panes per slide (Krishnamurthy, Wu, Franklin, "On-the-Fly Sharing for Streamed Aggregation", SIGMOD 2006).
 * Windows are numbered in the order of their ends.
 */
export class PaneGrid {
  readonly offsetMs: number;
  /** The cuts repeat after so long. */
  readonly periodMs: number;
  /** Each period is cut once more, so long after its start; 0 where it is one pane. */
  readonly cutMs: number;
  /** Panes of the longest window. */
  readonly panesPerWindow: number;
  /** Panes from one window's start to the next one's (sliding), or of a whole cycle (cumulate). */
  readonly #stride: number;
  readonly #isCumulate: boolean;
  readonly #sizeMs: number;

  constructor(spec: AlignedWindowSpec) {
    this.offsetMs = spec.offsetMs ?? 0;
    this.#isCumulate = spec.kind === "cumulate";
    if (spec.kind === "cumulate") {
      this.#sizeMs = spec.maxSizeMs;
      this.periodMs = spec.stepMs;
      this.cutMs = 0;
      this.panesPerWindow = spec.maxSizeMs / spec.stepMs;
      this.#stride = this.panesPerWindow;
      return;
    }
    this.#sizeMs = spec.sizeMs;
    this.periodMs = spec.kind === "sliding" ? spec.slideMs : spec.sizeMs;
    this.cutMs = spec.sizeMs % this.periodMs;
    this.#stride = this.cutMs === 0 ? 1 : 2;
    const wholePeriods = Math.floor(spec.sizeMs / this.periodMs);
    this.panesPerWindow = this.cutMs === 0 ? wholePeriods : 2 * wholePeriods + 1;
  }

  /** Whether every window is one pane of its own, and every pane a window. */
  get isTumbling(): boolean {
    return this.panesPerWindow === 1 && this.#stride === 1;
  }

  /** Whether there are times that no window covers: those behind the cut of each period. */
  get hasGaps(): boolean {
    return this.#stride > this.panesPerWindow;
  }

  paneOf(timeMs: number): number {
    const sinceOffset = timeMs - this.offsetMs;
    const period = Math.floor(sinceOffset / this.periodMs);
    if (this.cutMs === 0) return period;
    return 2 * period + (sinceOffset - period * this.periodMs >= this.cutMs ? 1 : 0);
  }

  /** First millisecond of a pane. */
  startMs(pane: number): number {
    if (this.cutMs === 0) return this.offsetMs + pane * this.periodMs;
    const period = Math.floor(pane / 2);
    return this.offsetMs + period * this.periodMs + (pane - 2 * period) * this.cutMs;
  }

  /** The panes of a window. */
  panesOf(window: number): PaneRange {
    if (this.#isCumulate) return { first: Math.floor(window / this.#stride) * this.#stride, end: window + 1 };
    const first = window * this.#stride;
    return { first, end: first + this.panesPerWindow };
  }

  /** The window that ends first among those that hold the pane or, in a gap, a later one. */
  firstWindowOf(pane: number): number {
    return this.#isCumulate ? pane : Math.ceil((pane - this.panesPerWindow + 1) / this.#stride);
  }

  /** The window that ends last among those that hold the pane or, in a gap, an earlier one. */
  lastWindowOf(pane: number): number {
    const cycle = Math.floor(pane / this.#stride);
    return this.#isCumulate ? (cycle + 1) * this.#stride - 1 : cycle;
  }

  /** The first window whose last millisecond is greater than `timeMs`. */
  firstWindowEndingAfter(timeMs: number): number {
    const endMs = timeMs + 1 - this.offsetMs;
    if (this.#isCumulate) return Math.floor(endMs / this.periodMs);
    return Math.floor((endMs - this.#sizeMs) / this.periodMs) + 1;
  }

  /** First millisecond of a window. */
  windowStartMs(window: number): number {
    return this.startMs(this.panesOf(window).first);
  }

  /** First millisecond behind a window. */
  windowEndMs(window: number): number {
    return this.startMs(this.panesOf(window).end);
  }
}
