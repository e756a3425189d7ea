import type { AlignedWindowSpec } from "../../src/core/windows/window-spec.ts";

/** [startMs, endMs) */
export type Interval = readonly [startMs: number, endMs: number];

/** Every window that a row at this time is in, by trying those around it. */
export function windowsOf(spec: AlignedWindowSpec, timeMs: number): Interval[] {
  const offset = spec.offsetMs ?? 0;
  const found: Interval[] = [];
  if (spec.kind === "cumulate") {
    const start = Math.floor((timeMs - offset) / spec.maxSizeMs) * spec.maxSizeMs + offset;
    for (let end = start + spec.stepMs; end <= start + spec.maxSizeMs; end += spec.stepMs) {
      if (timeMs < end) found.push([start, end]);
    }
    return found;
  }
  const slide = spec.kind === "sliding" ? spec.slideMs : spec.sizeMs;
  const last = Math.floor((timeMs - offset) / slide) * slide + offset;
  for (let start = last; start + spec.sizeMs > timeMs; start -= slide) found.push([start, start + spec.sizeMs]);
  return found.reverse();
}
