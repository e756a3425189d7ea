import type { Batch } from "./batch.ts";
import type { ExpressionNode } from "./expressions/node.ts";
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
  /** Its number among the splits of the source, where that is fixed: it spreads them evenly over the subtasks of a stream. */
  readonly ordinal?: number;
  /** The name of what it is a part of, if not itself: the file of a range of bytes. See `SplitEnumerator.isGone`. */
  readonly unit?: string;
  /** The memory that holds it (`StoredParts.id`), if one does: threads take the splits of their own memory first. */
  readonly home?: string;
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
  /** In a stream: the subtask that reads, and how many there are. */
  readonly subtask?: number;
  readonly parallelism?: number;
  /** Rows per batch to aim at. */
  readonly batchRows: number;
  count(metric: string, increment: number): void;
}

/**
 * Finds the splits of a source while a stream runs: new files, new partitions. Every subtask that reads has one of its
 * own and takes the splits that it owns, so all of them must find the same splits, with the same ids.
 */
export interface SplitEnumerator {
  /** All splits that exist now; those that were given before may be among them. Called at the start and every interval. */
  discover(): readonly Split[] | Promise<readonly Split[]>;
  /** How often to look again; undefined: once. */
  readonly intervalMs?: number;
  /**
   * Whether what splits were parts of (`Split.unit`, or the split's id) is no longer there, as of the last `discover`:
   * that they were read need not be remembered then, and what gets the name again is new. Default: it may come back.
   */
  isGone?(unit: string): boolean;
  close?(): void;
}

/**
 * Input of batch jobs and streams. The object is made on the planning thread (`schema`, `splits`) and again, from
 * `spec`, on each thread that reads.
 */
export interface Source {
  /** `{ kind, ... }` from which the connector's factory makes an equal source on another thread. */
  readonly spec: SourceSpec;
  readonly schema: Schema;
  readonly statistics: SourceStatistics;
  /** For explain and errors: `parquet flights.parquet (3 columns)`. */
  readonly description: string;
  /** Whether it ends; default "bounded". Only streams read an unbounded one. */
  readonly boundedness?: "bounded" | "unbounded";
  /** True where it reads what only the calling program has: it is read on the planning thread, also in a job module. */
  readonly staysWithCaller?: boolean;
  /** Whether it gives the same rows when it is read again, so that columns of functions can be inferred; default: if bounded. */
  readonly isRepeatable?: boolean;
  /** All work of this source that is known before the job starts, in reading order. */
  splits(): readonly Split[];
  /** Splits that turn up while a stream runs; without it, `splits` are all. */
  createEnumerator?(context: SourceContext): SplitEnumerator;
  /** How many splits a subtask of a stream reads in turn; default: one behind the other where bounded, else all. */
  readonly openSplits?: number;
  /** `offset`: where to go on, as the reader of an earlier run gave it. */
  openSplit(split: Split, context: SourceContext, offset?: Json): SplitReader;
  /** The same source giving only these columns, in this order. */
  withColumns?(names: readonly string[]): Source;
  /** The same source skipping what cannot match `predicate`; the planner keeps its exact filter. */
  withPruning?(predicate: PruningPredicate): Source;
  /**
   * The same source leaving out rows for which `condition` is not true, as far as that saves it work. The condition cannot
   * fail for any row, and the planner keeps its exact filter.
   */
  withFilter?(condition: ExpressionNode): Source;
}

export interface SourceSpec {
  readonly kind: string;
  readonly [key: string]: unknown;
}

export interface SplitReader {
  /** The next batch, which the caller owns; undefined at the end. A promise only where reading really waits. */
  next(): Batch | undefined | Promise<Batch | undefined>;
  /**
   * Where to go on behind the batch that `next` gave last. A reader without it is opened anew after a restore, and the
   * rows that it had given are read again and dropped: its rows must come in the same order then.
   */
  offset?(): Json;
  /**
   * What is left of the split behind the batch that `next` gave last, as far as the reader knows; for metrics. Without it,
   * the split's `rows` less those that were given, and its `bytes` until it has ended.
   */
  unread?(): Unread;
  /** Where `next` waits, its promise must settle now: the job is over only then. May be called twice. */
  close(): void;
}

/** Absent numbers are not known. */
export interface Unread {
  readonly rows?: number;
  readonly bytes?: number;
}

/** Makes a source anew from its spec; one per connector, loaded on first use. */
export type SourceFactory = (spec: SourceSpec, host: Host) => Source;
