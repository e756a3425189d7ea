/** What a TypeScript program does without an engine: Array.map and Array.filter over row objects. */
import { arrowTable } from "../data/arrow-table.ts";
import { groupByTable } from "../data/group-by-tables.ts";
import type { BenchCase, BenchOptions, Finished, Session } from "../harness/suite.ts";
import { summarise } from "../harness/summary.ts";
import { rowsAnswer } from "./columns.ts";

interface Row {
  readonly v1: number;
  readonly v2: number;
  readonly v3: number;
}

/** The row objects exist before the clock starts, which favours this peer. */
export async function rowFunctionsArray({ rows: rowCount }: BenchOptions): Promise<Session> {
  const table = (await arrowTable(await groupByTable(rowCount), "group-by")).select(["v1", "v2", "v3"]);
  const rows: Row[] = [];
  for (const batch of table.batches) {
    const [v1, v2, v3] = batch.data.children.map(({ values }) => values as ArrayLike<number>);
    for (let row = 0; row < batch.numRows; row++) {
      rows.push({ v1: v1?.[row] ?? 0, v2: v2?.[row] ?? 0, v3: v3?.[row] ?? 0 });
    }
  }
  const queries: Record<string, () => { n: number; total: number }> = {
    "map-filter": () => {
      const kept = rows.map((row) => ({ score: row.v1 * row.v2 + row.v3 })).filter((row) => row.score > 60);
      return { n: kept.length, total: kept.reduce((total, row) => total + row.score, 0) };
    },
    filter: () => {
      const kept = rows.filter((row) => row.v3 > 50 && row.v1 !== 3);
      return { n: kept.length, total: kept.reduce((total, row) => total + row.v3, 0) };
    },
  };
  return {
    supports: ({ name }: BenchCase) => name in queries,
    run: async ({ name }: BenchCase): Promise<Finished> => {
      const answer = queries[name]?.();
      if (answer === undefined) throw new Error(`no query ${name}`);
      return { summary: async (shape) => summarise(rowsAnswer([{ ...answer }]), shape) };
    },
    close: () => undefined,
  };
}
