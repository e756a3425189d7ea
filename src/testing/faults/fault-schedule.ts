import type { Fault } from "../fault-plan.ts";

/** Rows of each input, by its name. */
export type InputRows = Readonly<Record<string, readonly object[]>>;

/** How the rows of an input lie in its splits: row i is in split `deal[i % deal.length]`, modulo their number. */
export interface SplitDeal {
  readonly count: number;
  readonly deal: readonly number[];
}

/** All that decides on one faulted run, as plain data: what fails, and how it goes otherwise. */
export interface FaultSchedule {
  /** Decisions of the simulated machine. */
  readonly tape: readonly number[];
  /** Kinds of events, and threads, that wait for all others. */
  readonly starve: readonly string[];
  readonly faults: readonly Fault[];
  /** Of the attempts to run the job, in turn; the last one stays. */
  readonly parallelism: readonly number[];
  /** 1: all subtasks share one thread; more: the machine has as many threads for them. */
  readonly threads: number;
  /** Rows that come at once, in turn. */
  readonly chunks: readonly number[];
  /** Virtual milliseconds before each chunk, in turn. */
  readonly delaysMs: readonly number[];
  readonly checkpointMs: number;
  /** Behind which barriers overtake rows; absent: they overtake none. */
  readonly alignedTimeoutMs?: number | undefined;
  readonly retained: number;
  readonly batchRows: number;
  readonly bufferTimeoutMs: number;
}

/** What a check runs once, and what a replay string holds. */
export interface FaultCase {
  readonly inputs: InputRows;
  readonly splits: SplitDeal;
  readonly schedule: FaultSchedule;
}

/** Nothing fails, and everything comes in the plainest order. */
export const PLAIN_SCHEDULE: FaultSchedule = {
  tape: [],
  starve: [],
  faults: [],
  parallelism: [1],
  threads: 1,
  chunks: [1 << 20],
  delaysMs: [0],
  checkpointMs: 20,
  retained: 2,
  batchRows: 8192,
  bufferTimeoutMs: 0,
};

/** Nothing fails either, but rows come one by one, with pauses, and any ready event may be next. */
export const RESTLESS_SCHEDULE: FaultSchedule = {
  ...PLAIN_SCHEDULE,
  tape: Array.from({ length: 400 }, (_, i) => (i * 7 + (i >> 2)) % 5),
  chunks: [1, 3, 2],
  delaysMs: [0, 3, 1],
  batchRows: 3,
  bufferTimeoutMs: 2,
};
