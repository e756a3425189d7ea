/** The db-benchmark group-by questions in arquero, on columns imported from Arrow. */
import { fromArrow, op } from "arquero";
import { arrowIpc } from "../data/arrow-table.ts";
import { groupByTable } from "../data/group-by-tables.ts";
import type { BenchOptions, Session } from "../harness/suite.ts";
import { ArqueroSession, type ColumnTable } from "./arquero.ts";

/** q6 to q10 take minutes or exceed a Map at 1e7 rows and are left out. */
export async function groupByArquero({ rows }: BenchOptions): Promise<Session> {
  const x: ColumnTable = fromArrow(await arrowIpc(await groupByTable(rows), "group-by"));
  return new ArqueroSession({
    q1: () => x.groupby("id1").rollup({ v1: op.sum("v1") }),
    q2: () => x.groupby("id1", "id2").rollup({ v1: op.sum("v1") }),
    q3: () => x.groupby("id3").rollup({ v1: op.sum("v1"), v3: op.mean("v3") }),
    q4: () => x.groupby("id4").rollup({ v1: op.mean("v1"), v2: op.mean("v2"), v3: op.mean("v3") }),
    q5: () => x.groupby("id6").rollup({ v1: op.sum("v1"), v2: op.sum("v2"), v3: op.sum("v3") }),
  });
}
