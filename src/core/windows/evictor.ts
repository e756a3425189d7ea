import { PlanError } from "../errors.ts";
import type { Row } from "../rows/row-view.ts";
import type { TimeWindow } from "./window.ts";

/** A row as a window keeps it, with its event time (its time of arrival where it has none). */
export interface TimedRow {
  readonly row: Row;
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
export interface Evictor {
  /** Before the function of the window sees the rows. */
  evictBefore?(rows: readonly TimedRow[], window: TimeWindow, context: EvictorContext): readonly TimedRow[];
  /** After it. */
  evictAfter?(rows: readonly TimedRow[], window: TimeWindow, context: EvictorContext): readonly TimedRow[];
}

/** Whether rows go before the function sees them (the default) or after it. */
export interface EvictorOptions {
  readonly after?: boolean;
}

abstract class OneSidedEvictor implements Evictor {
  readonly evictBefore?: (rows: readonly TimedRow[]) => readonly TimedRow[];
  readonly evictAfter?: (rows: readonly TimedRow[]) => readonly TimedRow[];

  protected constructor({ after = false }: EvictorOptions, keep: (rows: readonly TimedRow[]) => readonly TimedRow[]) {
    if (after) this.evictAfter = keep;
    else this.evictBefore = keep;
  }
}

/** Keeps the last rows. */
export class CountEvictor extends OneSidedEvictor {
  /** @throws {PlanError} EVICTOR_INVALID */
  static of(count: number, options: EvictorOptions = {}): CountEvictor {
    if (!Number.isSafeInteger(count) || count < 0) throw invalid("CountEvictor", count, "rows");
    return new CountEvictor(options, (rows) => rows.slice(Math.max(0, rows.length - count)));
  }
}

/** Keeps the rows that are newer than `keepMs` before the newest one of the window. */
export class TimeEvictor extends OneSidedEvictor {
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
export class DeltaEvictor extends OneSidedEvictor {
  static of(threshold: number, delta: (row: Row, last: Row) => number, options: EvictorOptions = {}): DeltaEvictor {
    return new DeltaEvictor(options, (rows) => {
      const last = rows.at(-1);
      return last === undefined ? rows : rows.filter(({ row }) => delta(row, last.row) < threshold);
    });
  }
}

const invalid = (evictor: string, given: number, unit: string): PlanError =>
  new PlanError("EVICTOR_INVALID", `${evictor}.of was given ${given}.`, `Give a whole number of ${unit}, 0 or more.`);
