import fc from "fast-check";
import type { AlignedWindowSpec } from "../../src/core/windows/window-spec.ts";

const offsetMs = fc.integer({ min: -25, max: 25 });

/** Windows of few milliseconds, in any place, with gaps between them or long ones of very many panes too. */
export const anyAlignedWindow: fc.Arbitrary<AlignedWindowSpec> = fc.oneof(
  fc.record({ kind: fc.constant("tumbling" as const), sizeMs: fc.integer({ min: 1, max: 20 }), offsetMs }),
  fc.record({
    kind: fc.constant("sliding" as const),
    sizeMs: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 100, max: 400 })),
    slideMs: fc.integer({ min: 1, max: 20 }),
    offsetMs,
  }),
  fc
    .record({ stepMs: fc.integer({ min: 1, max: 8 }), steps: fc.integer({ min: 1, max: 6 }), offsetMs })
    .map(({ stepMs, steps, offsetMs }) => ({ kind: "cumulate" as const, maxSizeMs: stepMs * steps, stepMs, offsetMs })),
);

/** Mostly near each other, some up to `farMs` away. */
export const anyRowTime = (farMs: number): fc.Arbitrary<number> =>
  fc.oneof({ weight: 8, arbitrary: fc.integer({ min: -60, max: 60 }) }, fc.integer({ min: -farMs, max: farMs }));

/** A watermark before all windows of rows that are near. */
export const START_MS = -70;

export const anyLatenessMs = fc.constantFrom(0, 0, 7, 50);
