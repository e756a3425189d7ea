/** Millrace as a contender: one dataset per case, made and run anew each time. */
import type { Table } from "apache-arrow";
import { type DataSet, ExecutionEnvironment } from "../../dist/index.js";
import type { BenchCase, Finished, Session } from "../harness/suite.ts";
import { type AnswerTable, summarise } from "../harness/summary.ts";
import { arrowAnswer } from "./columns.ts";

/** Builds the plan of a case; nothing runs yet. Any columns: an answer's schema is checked against DuckDB's. */
// biome-ignore lint/suspicious/noExplicitAny: cases differ in their columns
export type MillraceQuery = () => DataSet<any>;

/** How the answer is held when the clock stops: kept in the engine's memory, or as an Arrow table in JavaScript's. */
export type Holding = "engine" | "arrow";

export interface MillraceOptions {
  readonly holding: Holding;
  /** What the queries read; freed at the end. */
  // biome-ignore lint/suspicious/noExplicitAny: tables differ in their columns
  readonly tables?: readonly DataSet<any>[];
  /** Brings an answer of another shape into the expected one; for the check, not timed. */
  readonly adapt?: Readonly<Record<string, (table: Table) => AnswerTable>>;
}

/** An environment of as many threads as the name of the engine says. */
export const millraceEnvironment = (threads: number): ExecutionEnvironment =>
  ExecutionEnvironment.create({ parallelism: threads });

export class MillraceSession implements Session {
  readonly #queries: Readonly<Record<string, MillraceQuery>>;
  readonly #options: MillraceOptions;

  constructor(queries: Readonly<Record<string, MillraceQuery>>, options: MillraceOptions) {
    this.#queries = queries;
    this.#options = options;
  }

  supports({ name }: BenchCase): boolean {
    return name in this.#queries;
  }

  async run({ name }: BenchCase): Promise<Finished> {
    const query = this.#queries[name]?.();
    if (query === undefined) throw new Error(`no query ${name}`);
    const { holding, adapt } = this.#options;
    const answered = adapt?.[name] ?? arrowAnswer;
    if (holding === "arrow") {
      const table = await query.collectArrow();
      return { summary: async (shape) => summarise(answered(table), shape) };
    }
    const kept = await query.persist();
    return {
      summary: async (shape) => summarise(answered(await kept.collectArrow()), shape),
      release: () => kept.unpersist(),
    };
  }

  async close(): Promise<void> {
    for (const table of this.#options.tables ?? []) await table.unpersist();
  }
}
