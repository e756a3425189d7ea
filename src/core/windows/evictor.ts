import { describeValue } from "../describe-value.ts";
import { PlanError } from "../errors.ts";
import type { Row } from "../rows/row-view.ts";
import type { TimeWindow } from "./window.ts";

/** A row as a window keeps it, with its event time (its time of arrival where it has none). */
export interface TimedRow<T = Row> {
  readonly row: T;
  readonly timestampMs: number;
}

export interface EvictorContext {
  readonly currentWatermarkMs: number;
  readonly currentProcessingTimeMs: number;
}

/**
 * Decides which rows of a window stay when it fires. Both get the rows in the order in which they came and return those
 * to keep, in that order; the others are gone for good. A window with an evictor keeps its rows until it fires, also
 * where they could be aggregated at once.
 */
export interface Evictor<T = Row> {
  /** Before the function of the window sees the rows. */
  evictBefore?(rows: readonly TimedRow<T>[], window: TimeWindow, context: EvictorContext): readonly TimedRow<T>[];
  /** After it. */
  evictAfter?(rows: readonly TimedRow<T>[], window: TimeWindow, context: EvictorContext): readonly TimedRow<T>[];
}

/** Whether rows go before the function sees them (the default) or after it. */
export interface EvictorOptions {
  readonly after?: boolean;
}

/** Chooses among rows, of one type or of any. */
type Keep<T> = (rows: readonly TimedRow<T>[]) => readonly TimedRow<T>[];
type KeepAny = <T>(rows: readonly TimedRow<T>[]) => readonly TimedRow<T>[];

abstract class OneSidedEvictor<K> {
  readonly evictBefore?: K;
  readonly evictAfter?: K;

  protected constructor({ after = false }: EvictorOptions, keep: K) {
    if (after) this.evictAfter = keep;
    else this.evictBefore = keep;
  }
}

/** Keeps the last rows. */
export class CountEvictor extends OneSidedEvictor<KeepAny> {
  /** Rows that it keeps. */
  readonly count: number;

  private constructor(count: number, options: EvictorOptions) {
    super(options, (rows) => rows.slice(Math.max(0, rows.length - count)));
    this.count = count;
  }

  /** @throws {PlanError} EVICTOR_INVALID */
  static of(count: number, options: EvictorOptions = {}): CountEvictor {
    if (!Number.isSafeInteger(count) || count < 0) throw invalid("CountEvictor", count, "rows");
    return new CountEvictor(count, options);
  }
}

/** Keeps the rows that are newer than `keepMs` before the newest one of the window. */
export class TimeEvictor extends OneSidedEvictor<KeepAny> {
  /** @throws {PlanError} EVICTOR_INVALID */
  static of(keepMs: number, options: EvictorOptions = {}): TimeEvictor {
    if (!Number.isSafeInteger(keepMs) || keepMs < 0) throw invalid("TimeEvictor", keepMs, "milliseconds");
    return new TimeEvictor(options, (rows) => {
      let newestMs = Number.NEGATIVE_INFINITY;
      for (const { timestampMs } of rows) newestMs = Math.max(newestMs, timestampMs);
      return rows.filter(({ timestampMs }) => timestampMs > newestMs - keepMs);
    });
  }
}

/** Keeps the rows that are nearer than the threshold to the last one. */
export class DeltaEvictor<T = Row> extends OneSidedEvictor<Keep<T>> {
  /** @throws {PlanError} EVICTOR_INVALID */
  static of<T = Row>(
    threshold: number,
    delta: (row: T, last: T) => number,
    options: EvictorOptions = {},
  ): DeltaEvictor<T> {
    if (typeof threshold !== "number" || typeof delta !== "function") {
      throw new PlanError(
        "EVICTOR_INVALID",
        `DeltaEvictor.of was given the threshold ${describeValue(threshold)} and ${describeValue(delta)}.`,
        "Give a number, and a function of two rows that gives a number.",
      );
    }
    return new DeltaEvictor<T>(options, (rows) => {
      const last = rows.at(-1);
      return last === undefined ? rows : rows.filter(({ row }) => delta(row, last.row) < threshold);
    });
  }
}

/** The evictor itself, once it has a method of one. @throws {PlanError} EVICTOR_INVALID */
export function checkedEvictor<G extends object>(evictor: G): G {
  const given = evictor as Readonly<Record<string, unknown>> | null | undefined;
  if (typeof given?.evictBefore === "function" || typeof given?.evictAfter === "function") return evictor;
  throw new PlanError(
    "EVICTOR_INVALID",
    `evictor was given ${typeof given === "object" && given !== null ? "an object without evictBefore and evictAfter" : describeValue(given)}.`,
    "Give an evictor such as CountEvictor.of(100), or an object with evictBefore or evictAfter.",
  );
}

const invalid = (evictor: string, given: number, unit: string): PlanError =>
  new PlanError(
    "EVICTOR_INVALID",
    `${evictor}.of was given ${describeValue(given)}.`,
    `Give a whole number of ${unit}, 0 or more.`,
  );
