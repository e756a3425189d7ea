import type { ColumnStatistics } from "../../core/source.ts";
import type { DataType } from "../../core/types.ts";

/** What is expected of a column; absent means unknown. */
export interface ColumnEstimate {
  /** Smallest and greatest value as numbers (dates in days, times and timestamps in their unit). */
  readonly min?: number;
  readonly max?: number;
  /** Share of nulls, 0 to 1. */
  readonly nullShare?: number;
  /** Distinct values among the rows that there are. */
  readonly distinct?: number;
  /**
   * At most this many distinct values before anything was filtered: the size of the domain that a key is drawn from,
   * which joins go by.
   */
  readonly domain: number;
}

/** What is expected of a node's output. */
export interface Relation {
  /** At least 0, not rounded. */
  readonly rows: number;
  readonly columns: ReadonlyMap<string, ColumnEstimate>;
}

const TIMES = ["date", "time", "timestamp"];

/** What a source says of a column, in rows of the source. */
export function columnEstimate(type: DataType, statistics: ColumnStatistics | undefined, rows: number): ColumnEstimate {
  if (statistics === undefined) return { domain: rows };
  const [min, max] = [boundOf(statistics.min, type), boundOf(statistics.max, type)];
  const { distinct, nullCount } = statistics;
  const isDiscrete = /int/.test(type.kind) || TIMES.includes(type.kind);
  const span = isDiscrete && min !== undefined && max !== undefined ? max - min + 1 : Number.POSITIVE_INFINITY;
  return {
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(nullCount === undefined || rows === 0 ? {} : { nullShare: Math.min(1, nullCount / rows) }),
    ...(distinct === undefined ? {} : { distinct }),
    domain: Math.max(1, Math.min(rows, span, distinct ?? Number.POSITIVE_INFINITY)),
  };
}

/** A bound as a number; text has none. */
export function boundOf(value: unknown, type: DataType): number | undefined {
  if (value === undefined || value === null || type.kind === "utf8" || type.kind === "binary") return undefined;
  const bound = Number(value);
  return Number.isNaN(bound) ? undefined : bound;
}

/** Distinct values of a column, known or at most. */
export const distinctOrDomain = (column: ColumnEstimate | undefined, rows: number): number =>
  Math.max(1, Math.min(column?.distinct ?? column?.domain ?? rows, rows));

/**
 * The relation with a share of its rows, taken evenly. Of d values among n rows, n * share rows show
 * d * (1 - (1 - share)^(n/d)) (Cardenas, "Analysis and performance of inverted data base structures", CACM 18(5), 1975).
 */
export function withShare(relation: Relation, share: number): Relation {
  const rows = relation.rows * share;
  const columns = [...relation.columns].map(([name, column]) => {
    const { distinct } = column;
    if (distinct === undefined) return [name, column] as const;
    const perValue = Math.max(1, relation.rows / Math.max(1, distinct));
    const left = distinct * (1 - (1 - share) ** perValue);
    return [name, { ...column, distinct: Math.max(1, Math.min(left, rows)) }] as const;
  });
  return { rows, columns: new Map(columns) };
}
