import type { Batch } from "./batch.ts";
import type { Host } from "./host.ts";
import type { Schema } from "./schema.ts";
import type { Workspace } from "./workspace.ts";

/** Plain JSON: it travels to workers and, in streaming, into checkpoints. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One unit of reading that a subtask takes whole: a row group, a byte range of a text file, a range of a sequence. */
export interface Split {
  /** Unique within the source, for messages: "flights.parquet row group 3". */
  readonly id: string;
  /** Rows or bytes of it where known, for balancing and progress. */
  readonly rows?: number;
  readonly bytes?: number;
  /** What the connector needs to read it. */
  readonly payload: Json;
}

/** What the planner knows about a source without reading its rows; absent means unknown. */
export interface SourceStatistics {
  readonly rows?: number;
  readonly bytes?: number;
  /** Per column: bounds and distinct values as far as known, as JSON-able values. */
  readonly columns?: Readonly<Record<string, ColumnStatistics>>;
}

export interface ColumnStatistics {
  readonly min?: number | bigint | string;
  readonly max?: number | bigint | string;
  readonly nullCount?: number;
  readonly distinct?: number;
}

/**
 * A condition that a source may use to skip what cannot match; it never has to filter exactly.
 * Values are JavaScript values of the column's type at the API edge (`ValueOf`).
 */
export type PruningPredicate =
  | { readonly op: "and" | "or"; readonly args: readonly PruningPredicate[] }
  | { readonly op: "eq" | "lt" | "le" | "gt" | "ge"; readonly column: string; readonly value: unknown }
  | { readonly op: "in"; readonly column: string; readonly values: readonly unknown[] }
  | { readonly op: "isNull" | "isNotNull"; readonly column: string };

export interface SourceContext {
  readonly workspace: Workspace;
  readonly host: Host;
  /** Rows per batch to aim at. */
  readonly batchRows: number;
  count(metric: string, increment: number): void;
}

/**
 * Bounded input. The object is made on the planning thread (`schema`, `splits`) and again, from `spec`, on each
 * thread that reads.
 */
export interface Source {
  /** `{ kind, ... }` from which the connector's factory makes an equal source on another thread. */
  readonly spec: SourceSpec;
  readonly schema: Schema;
  readonly statistics: SourceStatistics;
  /** For explain and errors: `parquet flights.parquet (3 columns)`. */
  readonly description: string;
  /** All work of this source, in reading order. */
  splits(): readonly Split[];
  openSplit(split: Split, context: SourceContext): SplitReader;
  /** The same source giving only these columns, in this order. */
  withColumns?(names: readonly string[]): Source;
  /** The same source skipping what cannot match `predicate`; the planner keeps its exact filter. */
  withPruning?(predicate: PruningPredicate): Source;
}

export interface SourceSpec {
  readonly kind: string;
  readonly [key: string]: unknown;
}

export interface SplitReader {
  /** The next batch, which the caller owns; undefined at the end. A promise only where reading really waits. */
  next(): Batch | undefined | Promise<Batch | undefined>;
  close(): void;
}

/** Makes a source anew from its spec; one per connector, loaded on first use. */
export type SourceFactory = (spec: SourceSpec, host: Host) => Source;
