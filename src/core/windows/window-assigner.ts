import type { Batch } from "../batch.ts";
import { type ColumnReader, columnReader } from "../columns/read.ts";
import { describeValue } from "../describe-value.ts";
import { EvaluationError, PlanError } from "../errors.ts";
import { type CompiledExpression, compileExpression } from "../expressions/evaluate.ts";
import type { Row } from "../rows/row-view.ts";
import type { Schema } from "../schema.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";
import { formatType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Trigger } from "./trigger.ts";
import { GLOBAL_WINDOW, sameWindow, type TimeWindow } from "./window.ts";
import {
  type AlignedWindowSpec,
  checkWindow,
  type SessionWindowSpec,
  type TimeDomain,
  type WindowSpec,
} from "./window-spec.ts";

/** Each row opens [time, time + gap); the gap comes from a function of the row. */
export interface DynamicSessionSpec {
  readonly kind: "dynamicSession";
  /** Whole milliseconds, greater than 0. */
  readonly gapOf: (row: Row) => number | bigint;
  readonly domain?: TimeDomain;
}

/** Windows that become one. */
export interface WindowMerge {
  readonly window: TimeWindow;
  readonly merged: readonly TimeWindow[];
}

/** Windows by user code. */
export interface CustomWindowSpec {
  readonly kind: "custom";
  readonly domain?: TimeDomain;
  /** The windows of a row, a view that is valid during the call; none: the row is in no window. */
  assignWindows(row: Row, timestampMs: number): Iterable<TimeWindow>;
  /**
   * Which windows of a key, by start, become one; windows that stay alone need not be named. With this, each row is
   * assigned its own window and merged with what is there.
   */
  mergeWindows?(windows: readonly TimeWindow[]): Iterable<WindowMerge>;
  /** Default: EventTimeTrigger or ProcessingTimeTrigger, by the domain. */
  readonly defaultTrigger?: Trigger;
}

/** All windows of the operator of user functions; those with user code stay on the thread that planned the job. */
export type AnyWindowSpec = WindowSpec | DynamicSessionSpec | CustomWindowSpec;

/** Puts rows in windows. */
export interface WindowAssigner {
  readonly domain: TimeDomain;
  /** One window that never closes, for rows with or without times. */
  readonly isGlobal: boolean;
  /** Windows of one key all end at different times. */
  readonly hasUniqueEnds: boolean;
  /** Which of the windows that a key has, by start, become one with a new one; undefined where windows never merge. */
  readonly merge: ((windows: readonly TimeWindow[], added: TimeWindow) => WindowMerge | undefined) | undefined;
  /** The rows that `windowsOf` means until `unbind`. */
  bind(batch: Batch): void;
  unbind(): void;
  windowsOf(row: number, view: Row, timeMs: number): readonly TimeWindow[];
  close(): void;
}

/**
 * Count windows are global ones with a trigger, which the caller knows.
 * @throws {PlanError} WINDOW_*_INVALID, COLUMN_UNKNOWN
 */
export function createAssigner(workspace: Workspace, spec: AnyWindowSpec, schema: Schema): WindowAssigner {
  switch (spec.kind) {
    case "tumbling":
    case "sliding":
    case "cumulate":
      return new AlignedAssigner(spec);
    case "session":
      return new SessionAssigner(
        spec.domain,
        "gapMs" in spec ? fixedGap(spec.gapMs) : new GapColumn(workspace, spec, schema),
      );
    case "dynamicSession":
      return new SessionAssigner(spec.domain, { gapAt: (_, view) => checkedGap(spec.gapOf(view)) });
    case "global":
    case "count":
      return new GlobalAssigner();
    case "custom":
      return new CustomAssigner(spec);
  }
}

/** Checks a spec while the plan is built; types of expressions by making the assigner. @throws {PlanError} WINDOW_*_INVALID */
export function checkAnyWindow(spec: AnyWindowSpec, schema: Schema): void {
  if (spec.kind !== "dynamicSession" && spec.kind !== "custom") checkWindow(spec);
  if (spec.kind === "session" && "gap" in spec) compileGap(spec, schema).close();
}

export const isMerging = (spec: AnyWindowSpec): boolean =>
  spec.kind === "session" ||
  spec.kind === "dynamicSession" ||
  (spec.kind === "custom" && spec.mergeWindows !== undefined);

abstract class PlainAssigner {
  readonly isGlobal: boolean = false;
  readonly hasUniqueEnds: boolean = true;
  readonly merge: WindowAssigner["merge"] = undefined;

  bind(_batch: Batch): void {}
  unbind(): void {}
  close(): void {}
}

class GlobalAssigner extends PlainAssigner implements WindowAssigner {
  readonly domain = "event";
  override readonly isGlobal = true;
  readonly #windows = [GLOBAL_WINDOW];

  windowsOf(): readonly TimeWindow[] {
    return this.#windows;
  }
}

/** Tumbling, sliding and cumulating windows. */
class AlignedAssigner extends PlainAssigner implements WindowAssigner {
  readonly domain: TimeDomain;
  readonly #offsetMs: number;
  readonly #slideMs: number;
  readonly #sizeMs: number;
  readonly #stepMs: number | undefined;
  /** Rows of [from, to) are in the windows of the row before; most rows are. */
  #fromMs = 0;
  #toMs = 0;
  #windows: readonly TimeWindow[] = [];

  constructor(spec: AlignedWindowSpec) {
    super();
    this.domain = spec.domain ?? "event";
    this.#offsetMs = spec.offsetMs ?? 0;
    this.#sizeMs = spec.kind === "cumulate" ? spec.maxSizeMs : spec.sizeMs;
    this.#slideMs = spec.kind === "sliding" ? spec.slideMs : this.#sizeMs;
    this.#stepMs = spec.kind === "cumulate" ? spec.stepMs : undefined;
  }

  windowsOf(_row: number, _view: Row, timeMs: number): readonly TimeWindow[] {
    if (timeMs < this.#fromMs || timeMs >= this.#toMs) this.#find(timeMs);
    return this.#windows;
  }

  #find(timeMs: number): void {
    const [sizeMs, slideMs, stepMs] = [this.#sizeMs, this.#slideMs, this.#stepMs];
    const lastMs = Math.floor((timeMs - this.#offsetMs) / slideMs) * slideMs + this.#offsetMs;
    const windows: TimeWindow[] = [];
    let [fromMs, toMs] = [lastMs, lastMs + slideMs];
    if (stepMs === undefined) {
      let startMs = lastMs;
      for (; startMs + sizeMs > timeMs; startMs -= slideMs) windows.push({ startMs, endMs: startMs + sizeMs });
      windows.reverse();
      // The window before the first one has ended; the first one ends next.
      fromMs = Math.max(fromMs, startMs + sizeMs);
      if (windows.length > 0) toMs = Math.min(toMs, windows[0].endMs);
    } else {
      fromMs += Math.floor((timeMs - lastMs) / stepMs) * stepMs;
      toMs = fromMs + stepMs;
      for (let endMs = toMs; endMs <= lastMs + sizeMs; endMs += stepMs) windows.push({ startMs: lastMs, endMs });
    }
    this.#fromMs = fromMs;
    this.#toMs = toMs;
    this.#windows = windows;
  }
}

/** Where the gap of a row comes from. */
interface Gaps {
  bind?(batch: Batch): void;
  unbind?(): void;
  gapAt(row: number, view: Row): number;
  close?(): void;
}

const fixedGap = (gapMs: number): Gaps => ({ gapAt: () => gapMs });

class GapColumn implements Gaps {
  readonly #workspace: Workspace;
  readonly #compiled: CompiledExpression;
  #column: ReturnType<CompiledExpression["evaluate"]> | undefined;
  #read: ColumnReader = () => null;

  constructor(workspace: Workspace, spec: SessionWindowSpec, schema: Schema) {
    this.#workspace = workspace;
    this.#compiled = compileGap(spec, schema);
  }

  bind(batch: Batch): void {
    this.unbind();
    this.#column = this.#compiled.evaluate(this.#workspace, batch);
    this.#read = columnReader(this.#workspace, this.#column);
  }

  unbind(): void {
    this.#column?.release();
    this.#column = undefined;
  }

  gapAt(row: number): number {
    return checkedGap(this.#read(row));
  }

  close(): void {
    this.unbind();
    this.#compiled.close();
  }
}

function compileGap(spec: SessionWindowSpec, schema: Schema): CompiledExpression {
  const compiled = compileExpression((spec as { gap: Parameters<typeof compileExpression>[0] }).gap, schema);
  const { type } = compiled;
  if (type.kind === "int32" || type.kind === "int64") return compiled;
  compiled.close();
  throw new PlanError(
    "WINDOW_GAP_INVALID",
    `The gap of a session window has type ${formatType(type)}.`,
    "Give an expression of type int32 or int64, in milliseconds.",
  );
}

/** @throws {EvaluationError} WINDOW_GAP_INVALID */
export function checkedGap(given: unknown): number {
  const gapMs = typeof given === "bigint" ? Number(given) : given;
  if (typeof gapMs === "number" && Number.isSafeInteger(gapMs) && gapMs > 0) return gapMs;
  throw new EvaluationError(
    "WINDOW_GAP_INVALID",
    `A row has the session gap ${describeValue(given)}.`,
    "Give a whole number of milliseconds greater than 0 for every row.",
  );
}

class SessionAssigner extends PlainAssigner implements WindowAssigner {
  readonly domain: TimeDomain;
  override readonly merge = mergeSessions;
  readonly #gaps: Gaps;

  constructor(domain: TimeDomain = "event", gaps: Gaps) {
    super();
    this.domain = domain;
    this.#gaps = gaps;
  }

  override bind(batch: Batch): void {
    this.#gaps.bind?.(batch);
  }

  override unbind(): void {
    this.#gaps.unbind?.();
  }

  windowsOf(row: number, view: Row, timeMs: number): readonly TimeWindow[] {
    return [{ startMs: timeMs, endMs: Math.min(timeMs + this.#gaps.gapAt(row, view), END_OF_TIME_MS) }];
  }

  override close(): void {
    this.#gaps.close?.();
  }
}

/** Sessions of a key never overlap each other, so that only those which the new one overlaps are concerned. */
function mergeSessions(windows: readonly TimeWindow[], added: TimeWindow): WindowMerge | undefined {
  const merged = windows.filter(({ startMs, endMs }) => startMs < added.endMs && added.startMs < endMs);
  if (merged.length === 0) return undefined;
  const startMs = Math.min(added.startMs, merged[0].startMs);
  const endMs = Math.max(added.endMs, merged[merged.length - 1].endMs);
  return { window: { startMs, endMs }, merged };
}

class CustomAssigner extends PlainAssigner implements WindowAssigner {
  readonly domain: TimeDomain;
  override readonly hasUniqueEnds = false;
  override readonly merge: WindowAssigner["merge"] = undefined;
  readonly #spec: CustomWindowSpec;

  constructor(spec: CustomWindowSpec) {
    super();
    this.domain = spec.domain ?? "event";
    this.#spec = spec;
    if (spec.mergeWindows !== undefined) this.merge = (windows, added) => this.#merge(windows, added);
  }

  windowsOf(_row: number, view: Row, timeMs: number): readonly TimeWindow[] {
    return [...this.#spec.assignWindows(view, timeMs)].map(checkedWindow);
  }

  #merge(windows: readonly TimeWindow[], added: TimeWindow): WindowMerge | undefined {
    const isKnown = windows.some((window) => sameWindow(window, added));
    const all = isKnown ? windows : [...windows, added].sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
    for (const { window, merged } of this.#spec.mergeWindows?.(all) ?? []) {
      if (!merged.some((each) => sameWindow(each, added))) continue;
      const known = windows.filter((each) => merged.some((other) => sameWindow(each, other)));
      return { window: checkedWindow(window), merged: known };
    }
    return isKnown ? { window: added, merged: [added] } : undefined;
  }
}

function checkedWindow({ startMs, endMs }: TimeWindow): TimeWindow {
  const areWhole = Number.isSafeInteger(startMs) && Number.isSafeInteger(endMs);
  if (areWhole && startMs < endMs && startMs >= START_OF_TIME_MS) return { startMs, endMs };
  throw new EvaluationError(
    "WINDOW_INVALID",
    `A row was put in the window [${startMs}, ${endMs}).`,
    "Give startMs and endMs in whole milliseconds since 1970, the end behind the start.",
  );
}
