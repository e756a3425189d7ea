import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { Expression } from "../core/expressions/expression.ts";
import { columnNode } from "../core/expressions/node.ts";
import type { Row } from "../core/rows/row-view.ts";
import type { Fields, TimestampType } from "../core/types.ts";
import type { Trigger } from "../core/windows/trigger.ts";
import { checkedTrigger } from "../core/windows/triggers.ts";
import type { TimeWindow } from "../core/windows/window.ts";
import type { AnyWindowSpec, WindowMerge } from "../core/windows/window-assigner.ts";
import { checkWindow, type TimeDomain } from "../core/windows/window-spec.ts";

// Window assigners, by the names that users of Flink know. Lengths are milliseconds.

/** Bounds of a window of time, as timestamps in milliseconds; the end is outside. */
export type WindowBounds = {
  readonly windowStart: TimestampType<"ms">;
  readonly windowEnd: TimestampType<"ms">;
};

/** Count and global windows have no bounds. */
export type NoBounds = Readonly<Record<never, never>>;

/** How rows are put in windows; made by the classes of this file. `B`: columns that aggregates have for the bounds. */
export class WindowAssigner<B extends Fields = WindowBounds> {
  declare readonly $bounds: B;
  readonly spec: AnyWindowSpec;

  /** @internal */
  constructor(spec: AnyWindowSpec) {
    if (spec.kind !== "dynamicSession" && spec.kind !== "custom") checkWindow(spec);
    this.spec = spec;
  }
}

const tumbling = (domain: TimeDomain, sizeMs: number, offsetMs: number) =>
  new WindowAssigner({ kind: "tumbling", sizeMs, offsetMs, domain });

const sliding = (domain: TimeDomain, sizeMs: number, slideMs: number, offsetMs: number) =>
  new WindowAssigner({ kind: "sliding", sizeMs, slideMs, offsetMs, domain });

const cumulate = (domain: TimeDomain, maxSizeMs: number, stepMs: number, offsetMs: number) =>
  new WindowAssigner({ kind: "cumulate", maxSizeMs, stepMs, offsetMs, domain });

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
    cumulate("event", maxSizeMs, stepMs, offsetMs),
} as const;

export const CumulateProcessingTimeWindows = {
  of: (maxSizeMs: number, stepMs: number, offsetMs = 0): WindowAssigner =>
    cumulate("processing", maxSizeMs, stepMs, offsetMs),
} as const;

/** The gap of a row in milliseconds: a column or expression of whole numbers, or a function of the row. */
export type SessionGap<T extends object = Row> = string | Expression | ((row: T) => number | bigint);

/** Rows of a key that follow each other within a gap are one window. */
export const EventTimeSessionWindows = {
  /** @throws {PlanError} WINDOW_GAP_INVALID */
  withGap: (gapMs: number): WindowAssigner => new WindowAssigner({ kind: "session", gapMs, domain: "event" }),
  /** Each row with a gap of its own. */
  withDynamicGap: <T extends object = Row>(gap: SessionGap<T>): WindowAssigner => dynamicGap("event", gap),
} as const;

export const ProcessingTimeSessionWindows = {
  withGap: (gapMs: number): WindowAssigner => new WindowAssigner({ kind: "session", gapMs, domain: "processing" }),
  withDynamicGap: <T extends object = Row>(gap: SessionGap<T>): WindowAssigner => dynamicGap("processing", gap),
} as const;

/** One window of all rows of a key. It fires at the end of the input, unless it is given another trigger. */
export const GlobalWindows = {
  create: (): WindowAssigner<NoBounds> => new WindowAssigner<NoBounds>({ kind: "global" }),
} as const;

/** Windows of one's own, for `reduce`, `process` and the other functions of windows. */
export interface CustomWindows<T = Row> {
  /** Whose clock `timestampMs` is; event time unless given. */
  readonly domain?: TimeDomain;
  /** The windows of a row, a view that is valid during the call; none: the row is in no window. */
  assignWindows(row: T, timestampMs: number): Iterable<TimeWindow>;
  /** Which windows of a key, by start, become one; without this, windows never merge. */
  mergeWindows?(windows: readonly TimeWindow[]): Iterable<WindowMerge>;
  /** Default: EventTimeTrigger or ProcessingTimeTrigger, by the domain. */
  readonly defaultTrigger?: Trigger<never, T>;
}

/** The windows that `window` and `windowAll` were given. @throws {PlanError} WINDOW_INVALID */
export function windowSpec(method: string, given: WindowAssigner<Fields> | CustomWindows<never>): AnyWindowSpec {
  if (given instanceof WindowAssigner) return given.spec;
  const custom = given as CustomWindows | null | undefined;
  if (typeof custom?.assignWindows !== "function") {
    throw new PlanError(
      "WINDOW_INVALID",
      `${method} was given ${describeValue(given)}.`,
      "Give a window, for example TumblingEventTimeWindows.of(60_000), or an object with assignWindows(row, timestampMs).",
    );
  }
  const { domain, defaultTrigger } = custom;
  return {
    kind: "custom",
    ...(domain === undefined ? {} : { domain: checkedDomain(method, domain) }),
    assignWindows: (row, timestampMs) => custom.assignWindows(row, timestampMs),
    ...(custom.mergeWindows === undefined
      ? {}
      : { mergeWindows: (windows: readonly TimeWindow[]) => custom.mergeWindows?.(windows) ?? [] }),
    ...(defaultTrigger === undefined
      ? {}
      : { defaultTrigger: checkedTrigger(`defaultTrigger of ${method}`, defaultTrigger) as Trigger }),
  };
}

/** The last `rows` rows, at every `slideRows`th. @throws {PlanError} WINDOW_ROWS_INVALID */
export const countWindows = (rows: number, slideRows: number | undefined): WindowAssigner<NoBounds> =>
  new WindowAssigner<NoBounds>({ kind: "count", rows, ...(slideRows === undefined ? {} : { slideRows }) });

function checkedDomain(method: string, domain: TimeDomain): TimeDomain {
  if (domain === "event" || domain === "processing") return domain;
  throw new PlanError(
    "WINDOW_INVALID",
    `${method} was given windows of the domain ${describeValue(domain)}.`,
    'Give "event" or "processing".',
  );
}

function dynamicGap<T extends object>(domain: TimeDomain, gap: SessionGap<T>): WindowAssigner {
  if (typeof gap === "string") return new WindowAssigner({ kind: "session", gap: columnNode(gap), domain });
  if (gap instanceof Expression) return new WindowAssigner({ kind: "session", gap: gap.node, domain });
  if (typeof gap === "function") {
    return new WindowAssigner({ kind: "dynamicSession", gapOf: gap as (row: Row) => number | bigint, domain });
  }
  throw new PlanError(
    "WINDOW_GAP_INVALID",
    `withDynamicGap was given ${describeValue(gap)}.`,
    "Name a column of milliseconds, or give an expression or a function of the row.",
  );
}
