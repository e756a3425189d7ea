import type { JoinType } from "../../src/core/joins/join-plan.ts";

/** The rows of two streams in one window [start, end). */
export interface JoinedWindow<T> {
  readonly start: number;
  readonly end: number;
  readonly left: readonly T[];
  readonly right: readonly T[];
}

/** The nested loop in each window: pairs, and rows without a match where the type asks for them. */
export function joinWindows<T, R>(
  windows: readonly JoinedWindow<T>[],
  type: JoinType,
  matches: (left: T, right: T) => boolean,
  result: (left: T | undefined, right: T | undefined, window: JoinedWindow<T>) => R,
): R[] {
  const results: R[] = [];
  for (const window of windows) {
    const emit = (left?: T, right?: T) => results.push(result(left, right, window));
    const matched = new Set<T>();
    for (const left of window.left) {
      for (const right of window.right) {
        if (!matches(left, right)) continue;
        matched.add(left).add(right);
        if (type !== "semi" && type !== "anti") emit(left, right);
      }
    }
    for (const left of window.left) {
      if (type === "semi" ? matched.has(left) : ["left", "full", "anti"].includes(type) && !matched.has(left))
        emit(left);
    }
    for (const right of window.right)
      if (["right", "full"].includes(type) && !matched.has(right)) emit(undefined, right);
  }
  return results;
}

/** A row on its way into a session: [time, time + gap). */
export interface SessionRow<T> {
  readonly key: unknown;
  readonly time: number;
  readonly gap: number;
  readonly isLeft: boolean;
  readonly row: T;
}

interface OpenSession<T> {
  readonly key: unknown;
  readonly start: number;
  readonly end: number;
  readonly rows: readonly SessionRow<T>[];
}

/**
 * Sessions over two streams, row by row: a row joins the open sessions of its key that it overlaps, of whichever side
 * they are. It is late where what comes of that has closed; watermarks (numbers) close sessions for good.
 */
export function sessionsInOrder<T>(
  steps: readonly (SessionRow<T> | number)[],
  latenessMs: number,
): { readonly windows: readonly JoinedWindow<T>[]; readonly late: readonly SessionRow<T>[] } {
  let open: OpenSession<T>[] = [];
  const closed: OpenSession<T>[] = [];
  const late: SessionRow<T>[] = [];
  let watermark = Number.NEGATIVE_INFINITY;
  for (const step of [...steps, Number.POSITIVE_INFINITY]) {
    if (typeof step === "number") {
      watermark = Math.max(watermark, step);
      closed.push(...open.filter(({ end }) => end - 1 + latenessMs <= watermark));
      open = open.filter(({ end }) => end - 1 + latenessMs > watermark);
      continue;
    }
    const met = open.filter(
      ({ key, start, end }) => key === step.key && start < step.time + step.gap && end > step.time,
    );
    const joined = {
      key: step.key,
      start: Math.min(step.time, ...met.map(({ start }) => start)),
      end: Math.max(step.time + step.gap, ...met.map(({ end }) => end)),
      rows: [...met.flatMap(({ rows }) => rows), step],
    };
    if (joined.end - 1 + latenessMs <= watermark) late.push(step);
    else open = [...open.filter((session) => !met.includes(session)), joined];
  }
  const arrival = new Map(steps.map((step, i) => [step, i]));
  const sideOf = (rows: readonly SessionRow<T>[], isLeft: boolean) =>
    rows
      .filter((row) => row.isLeft === isLeft)
      .sort((a, b) => (arrival.get(a) ?? 0) - (arrival.get(b) ?? 0))
      .map(({ row }) => row);
  const windows = closed.map(({ start, end, rows }) => ({
    start,
    end,
    left: sideOf(rows, true),
    right: sideOf(rows, false),
  }));
  return { windows, late };
}
