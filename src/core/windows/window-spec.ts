import { PlanError } from "../errors.ts";
import type { ExpressionNode } from "../expressions/node.ts";

/** Whose clock decides which window a row falls into: that of the rows, or that of the host when they arrive. */
export type TimeDomain = "event" | "processing";

/** Windows of time that are the same for every key. Lengths in whole milliseconds; offsets shift all bounds, and may be negative. */
export type AlignedWindowSpec =
  /** [k size + offset, (k + 1) size + offset) for every whole k. */
  | { readonly kind: "tumbling"; readonly sizeMs: number; readonly offsetMs?: number; readonly domain?: TimeDomain }
  /**
   * [k slide + offset, k slide + offset + size) for every whole k; a row is in none, one or several of them. The size
   * need be no multiple of the slide, and a slide greater than the size leaves gaps.
   */
  | {
      readonly kind: "sliding";
      readonly sizeMs: number;
      readonly slideMs: number;
      readonly offsetMs?: number;
      readonly domain?: TimeDomain;
    }
  /** Within each [k maxSize + offset, (k + 1) maxSize + offset): from its start to each multiple of the step. */
  | {
      readonly kind: "cumulate";
      readonly maxSizeMs: number;
      readonly stepMs: number;
      readonly offsetMs?: number;
      readonly domain?: TimeDomain;
    };

/** The gap of a session: the same for all rows, or a whole number of milliseconds (int32 or int64) per row. */
export type SessionGap = { readonly gapMs: number } | { readonly gap: ExpressionNode };

/** Each row opens [time, time + gap); intervals of a key that overlap are one session. */
export type SessionWindowSpec = { readonly kind: "session"; readonly domain?: TimeDomain } & SessionGap;

/** The last `rows` rows of a key, at every `slideRows`th row; by default each row is in one window. */
export interface CountWindowSpec {
  readonly kind: "count";
  readonly rows: number;
  readonly slideRows?: number;
}

/** One window of all rows of a key; it closes at the end of the input. */
export interface GlobalWindowSpec {
  readonly kind: "global";
}

/** How rows are put in windows: plain data, which any thread can run. */
export type WindowSpec = AlignedWindowSpec | SessionWindowSpec | CountWindowSpec | GlobalWindowSpec;

/**
 * Checks the numbers of a window; types of expressions are checked by the operator.
 * @throws {PlanError} WINDOW_SIZE_INVALID, WINDOW_SLIDE_INVALID, WINDOW_STEP_INVALID, WINDOW_OFFSET_INVALID,
 * WINDOW_GAP_INVALID, WINDOW_ROWS_INVALID
 */
export function checkWindow(spec: WindowSpec): void {
  switch (spec.kind) {
    case "tumbling":
      checkPositive("WINDOW_SIZE_INVALID", "sizeMs", spec.sizeMs, "milliseconds");
      checkOffset(spec.offsetMs);
      return;
    case "sliding":
      checkPositive("WINDOW_SIZE_INVALID", "sizeMs", spec.sizeMs, "milliseconds");
      checkPositive("WINDOW_SLIDE_INVALID", "slideMs", spec.slideMs, "milliseconds");
      checkOffset(spec.offsetMs);
      return;
    case "cumulate":
      checkPositive("WINDOW_SIZE_INVALID", "maxSizeMs", spec.maxSizeMs, "milliseconds");
      checkPositive("WINDOW_STEP_INVALID", "stepMs", spec.stepMs, "milliseconds");
      checkOffset(spec.offsetMs);
      if (spec.maxSizeMs % spec.stepMs === 0) return;
      throw new PlanError(
        "WINDOW_STEP_INVALID",
        `A cumulating window grows to ${spec.maxSizeMs} ms by steps of ${spec.stepMs} ms, which do not add up to it.`,
        "Give a maxSizeMs that is a multiple of stepMs.",
      );
    case "session":
      if ("gapMs" in spec) checkPositive("WINDOW_GAP_INVALID", "gapMs", spec.gapMs, "milliseconds");
      return;
    case "count":
      checkPositive("WINDOW_ROWS_INVALID", "rows", spec.rows, "rows");
      if (spec.slideRows !== undefined) checkPositive("WINDOW_ROWS_INVALID", "slideRows", spec.slideRows, "rows");
      return;
    case "global":
      return;
  }
}

/** How late rows may be and still change the window they belong to. @throws {PlanError} WINDOW_LATENESS_INVALID */
export function checkLateness(allowedLatenessMs: number): void {
  if (Number.isSafeInteger(allowedLatenessMs) && allowedLatenessMs >= 0) return;
  throw new PlanError(
    "WINDOW_LATENESS_INVALID",
    `The allowed lateness is ${allowedLatenessMs}.`,
    "Give a whole number of milliseconds that is not negative.",
  );
}

/**
 * What `allowedLateness` was given, for windows that have late rows at all.
 * @throws {PlanError} WINDOW_LATENESS_INVALID
 */
export function checkLatenessOf(
  window: { readonly kind: string; readonly domain?: TimeDomain },
  givenMs: number,
): void {
  checkLateness(givenMs);
  const isCounted = window.kind === "count" || window.kind === "global";
  if (givenMs === 0 || !(isCounted || window.domain === "processing")) return;
  throw new PlanError(
    "WINDOW_LATENESS_INVALID",
    `A lateness of ${givenMs} ms is allowed for ${isCounted ? `${window.kind} windows` : "windows of processing time"}, for which no row is ever late.`,
    "Leave it out, or use windows of event time.",
  );
}

/** Lengths and offsets beyond this would leave the range in which times are exact: about 140,000 years. */
const LONGEST_MS = 2 ** 52;

function checkPositive(code: string, name: string, given: number, unit: string): void {
  if (Number.isSafeInteger(given) && given > 0 && given <= LONGEST_MS) return;
  throw new PlanError(code, `A window has ${name} ${given}.`, `Give a whole number of ${unit} greater than 0.`);
}

function checkOffset(offsetMs = 0): void {
  if (Number.isSafeInteger(offsetMs) && Math.abs(offsetMs) <= LONGEST_MS) return;
  throw new PlanError(
    "WINDOW_OFFSET_INVALID",
    `A window has offsetMs ${offsetMs}.`,
    "Give a whole number of milliseconds; it may be negative.",
  );
}
