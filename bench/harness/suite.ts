/** What a benchmark suite consists of. The runner and the reports know suites only through these types. */
import type { Money } from "../data/tpch.ts";
import type { AnswerShape, Summary } from "./summary.ts";

/** Settings from the command line that reach the suites. */
export interface BenchOptions {
  /** Rows of the group-by and join tables. */
  readonly rows: number;
  readonly rounds: number;
  /** Rounds before them that are not timed, where engines share a process; the first checks the answers. */
  readonly warmUp: number;
  /** How TPC-H's money columns are stored. */
  readonly money: Money;
  /** Engines to run, or null for all. */
  readonly engines: readonly string[] | null;
  /** Cases to run, or null for all. */
  readonly cases: readonly string[] | null;
  /** Adds the Flink peer, which needs Java and Maven. */
  readonly flink: boolean;
}

/** One question put to every engine. */
export interface BenchCase {
  readonly name: string;
  /** Cases of one group share a geometric mean. */
  readonly group: string;
  /** The question in DuckDB's SQL; its answer is the expected one. Column names and types are those of the answer. */
  readonly sql: string;
  /** What a rate is counted in. */
  readonly amount: { readonly count: number; readonly unit: "rows" | "values" };
  /** Columns whose sequence is part of the answer. */
  readonly orderBy?: readonly string[];
  /** Integer column that selects the rows compared one by one when the answer is too large to compare whole. */
  readonly sampleBy?: string;
}

/** A finished run whose whole answer the engine still holds. */
export interface Finished {
  /** Reads the answer back for the check, in the columns of the expected one; not timed. */
  summary(shape: AnswerShape): Promise<Summary>;
  /** Processor time of the run where it ran in another process. */
  readonly cpuMs?: number;
  /** Frees the answer; not timed. */
  release?(): Promise<void> | void;
}

/** An engine with its inputs open. */
export interface Session {
  /** False if the engine cannot express the case. */
  supports(question: BenchCase): boolean;
  /** Called before each run; not timed. */
  prepare?(): Promise<void> | void;
  /** Timed from call to resolution; the engine then holds the complete answer. */
  run(question: BenchCase): Promise<Finished>;
  close(): Promise<void> | void;
}

/** Answers the cases for the check. */
export interface Oracle {
  expect(question: BenchCase): Promise<Summary>;
  close(): Promise<void> | void;
}

export interface Suite {
  readonly name: string;
  /** What a time contains, printed above the table. */
  readonly timing: string;
  /**
   * "shared" alternates the engines inside one process; "child" gives each engine and round a process of its own, for
   * suites where memory, garbage or a cold start would otherwise leak from one engine to the next.
   */
  readonly isolation: "shared" | "child";
  cases(options: BenchOptions): readonly BenchCase[];
  oracle(options: BenchOptions): Promise<Oracle>;
  /** Engines by name, in the order of the report; `duckdb` and `duckdb-2` are the baselines. */
  readonly contenders: Readonly<Record<string, (options: BenchOptions) => Promise<Session>>>;
}
