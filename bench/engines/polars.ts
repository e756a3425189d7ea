/** nodejs-polars on one thread. */
import type { DataFrame } from "nodejs-polars";
import type { BenchCase, Finished, Session } from "../harness/suite.ts";
import { type AnswerTable, summarise } from "../harness/summary.ts";

export type Polars = typeof import("nodejs-polars").default;

/** Loads the native library; its thread count is fixed at that moment, for the life of the process. */
export async function loadPolars(threads: number): Promise<Polars> {
  process.env.POLARS_MAX_THREADS = String(threads);
  return (await import("nodejs-polars")).default;
}

export type PolarsQuery = () => DataFrame;

/** Runs one query closure per case. */
export class PolarsSession implements Session {
  constructor(readonly queries: Readonly<Record<string, PolarsQuery>>) {}

  supports(question: BenchCase): boolean {
    return question.name in this.queries;
  }

  async run(question: BenchCase): Promise<Finished> {
    const frame = this.queries[question.name]?.();
    if (frame === undefined) throw new Error(`no query ${question.name}`);
    return { summary: async (shape) => summarise(answerOf(frame), shape) };
  }

  close(): void {}
}

function answerOf(frame: DataFrame): AnswerTable {
  return {
    rowCount: frame.height,
    column: (name) => {
      const series = frame.getColumn(name);
      if (frame.height <= 200_000) {
        const values = series.toArray();
        return (row) => values[row];
      }
      return (row) => series.get(row);
    },
  };
}
