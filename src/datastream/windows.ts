import { PlanError } from "../core/errors.ts";
import { Expression } from "../core/expressions/expression.ts";
import { columnNode } from "../core/expressions/node.ts";
import { checkWindow, type TimeDomain, type WindowSpec } from "../core/windows/window-spec.ts";

// Window assigners, by the names that users of Flink know. Lengths are milliseconds.

/** How rows are put in windows; made by the classes of this file. */
export class WindowAssigner {
  readonly spec: WindowSpec;

  /** @internal */
  constructor(spec: WindowSpec) {
    checkWindow(spec);
    this.spec = spec;
  }
}

const tumbling = (domain: TimeDomain, sizeMs: number, offsetMs: number) =>
  new WindowAssigner({ kind: "tumbling", sizeMs, offsetMs, domain });

const sliding = (domain: TimeDomain, sizeMs: number, slideMs: number, offsetMs: number) =>
  new WindowAssigner({ kind: "sliding", sizeMs, slideMs, offsetMs, domain });

/** [k size + offset, (k + 1) size + offset) of event time. */
export const TumblingEventTimeWindows = {
  /** @throws {PlanError} WINDOW_SIZE_INVALID, WINDOW_OFFSET_INVALID */
  of: (sizeMs: number, offsetMs = 0): WindowAssigner => tumbling("event", sizeMs, offsetMs),
} as const;

/** [k size + offset, (k + 1) size + offset) of the clock. */
export const TumblingProcessingTimeWindows = {
  of: (sizeMs: number, offsetMs = 0): WindowAssigner => tumbling("processing", sizeMs, offsetMs),
} as const;

/** Windows of one size that begin every `slideMs`: a row is in size / slide of them. */
export const SlidingEventTimeWindows = {
  /** @throws {PlanError} WINDOW_SIZE_INVALID, WINDOW_SLIDE_INVALID, WINDOW_OFFSET_INVALID */
  of: (sizeMs: number, slideMs: number, offsetMs = 0): WindowAssigner => sliding("event", sizeMs, slideMs, offsetMs),
} as const;

export const SlidingProcessingTimeWindows = {
  of: (sizeMs: number, slideMs: number, offsetMs = 0): WindowAssigner =>
    sliding("processing", sizeMs, slideMs, offsetMs),
} as const;

/** Windows that grow by a step up to a size, and start again: sums of the day so far, every hour. */
export const CumulateEventTimeWindows = {
  /** @throws {PlanError} WINDOW_SIZE_INVALID, WINDOW_STEP_INVALID, WINDOW_OFFSET_INVALID */
  of: (maxSizeMs: number, stepMs: number, offsetMs = 0): WindowAssigner =>
    new WindowAssigner({ kind: "cumulate", maxSizeMs, stepMs, offsetMs, domain: "event" }),
} as const;

/** Rows of a key that follow each other within a gap are one window. */
export const EventTimeSessionWindows = {
  /** @throws {PlanError} WINDOW_GAP_INVALID */
  withGap: (gapMs: number): WindowAssigner => new WindowAssigner({ kind: "session", gapMs, domain: "event" }),
  /** The gap of each row in milliseconds: a column or expression of whole numbers. */
  withDynamicGap: (gap: string | Expression): WindowAssigner => dynamicGap("event", gap),
} as const;

export const ProcessingTimeSessionWindows = {
  withGap: (gapMs: number): WindowAssigner => new WindowAssigner({ kind: "session", gapMs, domain: "processing" }),
  withDynamicGap: (gap: string | Expression): WindowAssigner => dynamicGap("processing", gap),
} as const;

/** One window of all rows of a key, which closes at the end of the input. */
export const GlobalWindows = { create: (): WindowAssigner => new WindowAssigner({ kind: "global" }) } as const;

function dynamicGap(domain: TimeDomain, gap: string | Expression): WindowAssigner {
  if (typeof gap === "string") return new WindowAssigner({ kind: "session", gap: columnNode(gap), domain });
  if (gap instanceof Expression) return new WindowAssigner({ kind: "session", gap: gap.node, domain });
  throw new PlanError(
    "WINDOW_GAP_INVALID",
    `withDynamicGap was given ${String(gap)}.`,
    "Name a column of milliseconds, or give an expression.",
  );
}
