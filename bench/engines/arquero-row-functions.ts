/** The row functions in arquero, as escaped closures. */
import { escape as closure, fromArrow, op } from "arquero";
import { arrowIpc } from "../data/arrow-table.ts";
import { groupByTable } from "../data/group-by-tables.ts";
import type { BenchOptions, Session } from "../harness/suite.ts";
import { ArqueroSession, type ColumnTable } from "./arquero.ts";

interface Row {
  readonly v1: number;
  readonly v2: number;
  readonly v3: number;
  readonly score: number;
}

export async function rowFunctionsArquero({ rows }: BenchOptions): Promise<Session> {
  const x: ColumnTable = fromArrow(await arrowIpc(await groupByTable(rows), "group-by")).select("v1", "v2", "v3");
  return new ArqueroSession({
    "map-filter": () =>
      x
        .derive({ score: closure((row: Row) => row.v1 * row.v2 + row.v3) })
        .filter(closure((row: Row) => row.score > 60))
        .rollup({ n: op.count(), total: op.sum("score") }),
    filter: () =>
      x.filter(closure((row: Row) => row.v3 > 50 && row.v1 !== 3)).rollup({ n: op.count(), total: op.sum("v3") }),
  });
}
