import * as fc from "fast-check";
import type { Row } from "../../src/core/rows/row-view.ts";
import { CountEvictor, DeltaEvictor, type Evictor, TimeEvictor } from "../../src/core/windows/evictor.ts";
import type { Trigger } from "../../src/core/windows/trigger.ts";
import {
  ContinuousEventTimeTrigger,
  ContinuousProcessingTimeTrigger,
  CountTrigger,
  DeltaTrigger,
  EventTimeTrigger,
  NeverTrigger,
  ProcessingTimeTrigger,
  PurgingTrigger,
} from "../../src/core/windows/triggers.ts";
import { GLOBAL_WINDOW, type TimeWindow } from "../../src/core/windows/window.ts";
import type { AnyWindowSpec } from "../../src/core/windows/window-assigner.ts";
import { windowsOf } from "../reference/windows.ts";

// Windows, triggers and evictors of all kinds, and what the windows mean.

/** The number of a row, by which those that look at rows tell them apart. */
type IdOf = (row: Row) => number;

/** Windows of event time; `gap` is the column of the gaps of sessions. */
export const anyWindowSpec: fc.Arbitrary<AnyWindowSpec> = fc.oneof(
  fc.record({
    kind: fc.constant("tumbling" as const),
    sizeMs: fc.integer({ min: 1, max: 12 }),
    offsetMs: fc.integer({ min: -5, max: 5 }),
  }),
  fc.record({
    kind: fc.constant("sliding" as const),
    sizeMs: fc.integer({ min: 1, max: 12 }),
    slideMs: fc.integer({ min: 1, max: 14 }),
    offsetMs: fc.integer({ min: -5, max: 5 }),
  }),
  fc.record({ step: fc.integer({ min: 1, max: 4 }), count: fc.integer({ min: 1, max: 4 }) }).map(({ step, count }) => ({
    kind: "cumulate" as const,
    maxSizeMs: step * count,
    stepMs: step,
  })),
  fc.record({ kind: fc.constant("session" as const), gapMs: fc.integer({ min: 1, max: 8 }) }),
  fc.constant({ kind: "dynamicSession" as const, gapOf: (row: Row) => row.gap as number }),
  fc.constant({ kind: "global" as const }),
);

const anyBaseTrigger = (idOf: IdOf): fc.Arbitrary<Trigger | undefined> =>
  fc.oneof(
    { arbitrary: fc.constant(undefined), weight: 3 },
    fc.constant(new EventTimeTrigger() as Trigger),
    fc.constant(new ProcessingTimeTrigger() as Trigger),
    fc.constant(new NeverTrigger() as Trigger),
    fc.integer({ min: 1, max: 4 }).map((n) => CountTrigger.of(n) as Trigger),
    fc.integer({ min: 1, max: 9 }).map((n) => ContinuousEventTimeTrigger.of(n) as Trigger),
    fc.integer({ min: 1, max: 9 }).map((n) => ContinuousProcessingTimeTrigger.of(n) as Trigger),
    fc
      .integer({ min: 0, max: 9 })
      .map((n) => DeltaTrigger.of(n, (last, row) => Math.abs(idOf(row) - idOf(last))) as Trigger),
  );
export const anyTrigger = (idOf: IdOf): fc.Arbitrary<Trigger | undefined> =>
  fc
    .tuple(anyBaseTrigger(idOf), fc.boolean())
    .map(
      ([trigger, purges]) =>
        (trigger !== undefined && purges ? PurgingTrigger.of(trigger) : trigger) as Trigger | undefined,
    );

export const anyEvictor = (idOf: IdOf): fc.Arbitrary<Evictor | undefined> =>
  fc.oneof(
    { arbitrary: fc.constant(undefined), weight: 3 },
    fc.tuple(fc.nat(4), fc.boolean()).map(([n, after]) => CountEvictor.of(n, { after })),
    fc.tuple(fc.nat(6), fc.boolean()).map(([n, after]) => TimeEvictor.of(n, { after })),
    fc
      .tuple(fc.nat(6), fc.boolean())
      .map(([n, after]) => DeltaEvictor.of(n, (row, last) => Math.abs(idOf(row) - idOf(last)), { after })),
  );

export const isMerging = ({ kind }: AnyWindowSpec): boolean => kind === "session" || kind === "dynamicSession";

/** The windows that a row is assigned, of sessions before they merge; `gapOf` is the gap of a dynamic one. */
export function assignedWindows(window: AnyWindowSpec, timeMs: number, gapOf: () => number): readonly TimeWindow[] {
  switch (window.kind) {
    case "tumbling":
    case "sliding":
    case "cumulate":
      return windowsOf(window, timeMs).map(([startMs, endMs]) => ({ startMs, endMs }));
    case "session":
      return [{ startMs: timeMs, endMs: timeMs + ("gapMs" in window ? window.gapMs : gapOf()) }];
    case "dynamicSession":
      return [{ startMs: timeMs, endMs: timeMs + gapOf() }];
    default:
      return [GLOBAL_WINDOW];
  }
}

/** What happens to an operator over windows: rows, and time that goes on, by its watermarks or by the clock. */
export type WindowStep<R> =
  | { readonly kind: "rows"; readonly rows: readonly R[] }
  | { readonly kind: "watermark"; readonly byMs: number }
  | { readonly kind: "clock"; readonly byMs: number }
  | { readonly kind: "restart"; readonly parallelism: number };

export const anyWindowSteps = <R>(anyRow: fc.Arbitrary<R>): fc.Arbitrary<WindowStep<R>[]> =>
  fc.array(
    fc.oneof(
      {
        arbitrary: fc.record({
          kind: fc.constant("rows" as const),
          rows: fc.array(anyRow, { minLength: 1, maxLength: 6 }),
        }),
        weight: 5,
      },
      {
        arbitrary: fc.record({
          kind: fc.constantFrom("watermark" as const, "clock" as const),
          byMs: fc.integer({ min: 1, max: 12 }),
        }),
        weight: 3,
      },
      fc.record({ kind: fc.constant("restart" as const), parallelism: fc.integer({ min: 1, max: 3 }) }),
    ),
    { maxLength: 14, size: "max" },
  );
