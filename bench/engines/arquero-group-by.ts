/** The db-benchmark group-by questions in arquero, on columns imported from Arrow. */
import { fromArrow, op, type table } from "arquero";
import { arrowIpc } from "../data/arrow-table.ts";
import { groupByTable } from "../data/group-by-tables.ts";
import type { BenchCase, BenchOptions, Finished, Session } from "../harness/suite.ts";
import { summarise } from "../harness/summary.ts";

type ColumnTable = ReturnType<typeof table>;

/** q6, q8 and q10 take minutes or exceed a Map at 1e7 rows and are left out. */
export async function groupByArquero({ rows }: BenchOptions): Promise<Session> {
  const x = fromArrow(await arrowIpc(await groupByTable(rows), "group-by"));
  const queries: Record<string, () => ColumnTable> = {
    q1: () => x.groupby("id1").rollup({ v1: op.sum("v1") }),
    q2: () => x.groupby("id1", "id2").rollup({ v1: op.sum("v1") }),
    q3: () => x.groupby("id3").rollup({ v1: op.sum("v1"), v3: op.mean("v3") }),
    q4: () => x.groupby("id4").rollup({ v1: op.mean("v1"), v2: op.mean("v2"), v3: op.mean("v3") }),
    q5: () => x.groupby("id6").rollup({ v1: op.sum("v1"), v2: op.sum("v2"), v3: op.sum("v3") }),
  };
  return {
    supports: ({ name }: BenchCase) => name in queries,
    run: async ({ name }: BenchCase): Promise<Finished> => {
      const answer = queries[name]?.();
      if (answer === undefined) throw new Error(`no query ${name}`);
      return {
        summary: async (shape) =>
          summarise({ rowCount: answer.numRows(), column: (column) => (row) => answer.get(column, row) }, shape),
      };
    },
    close: () => undefined,
  };
}
