/** Parquet scans with hyparquet and its compressors, added up chunk by chunk as its `onChunk` delivers them. */
import { asyncBufferFromFile, parquetRead } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { scanNamed } from "../cases/parquet-scans.ts";
import type { BenchCase, Finished, Session } from "../harness/suite.ts";
import { summarise } from "../harness/summary.ts";
import { columnsAnswer } from "./columns.ts";

const dayMs = 86_400_000;

export async function scanHyparquet(): Promise<Session> {
  return {
    supports: () => true,
    run: async (question: BenchCase): Promise<Finished> => {
      const scan = scanNamed(question.name);
      const totals = new Map(Object.keys(scan.columns).map((name) => [name, 0]));
      await parquetRead({
        file: await asyncBufferFromFile(await scan.file()),
        columns: [...totals.keys()],
        compressors,
        onChunk: ({ columnName, columnData }) => {
          totals.set(columnName, (totals.get(columnName) ?? 0) + sumOf(columnData));
        },
      });
      const answer = columnsAnswer(Object.fromEntries([...totals].map(([name, total]) => [name, [total]])));
      return { summary: async (shape) => summarise(answer, shape) };
    },
    close: () => undefined,
  };
}

/** hyparquet yields numbers, bigints, strings and Dates; the files hold ASCII and no nulls. */
function sumOf(values: ArrayLike<unknown>): number {
  let total = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (typeof value === "string") total += value.length;
    else if (value instanceof Date) total += value.getTime() / dayMs;
    else total += Number(value);
  }
  return total;
}
