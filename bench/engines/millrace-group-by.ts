/** The db-benchmark group-by questions in Millrace, over a persisted dataset. */
import { List, type Table } from "apache-arrow";
import { avg, col, corr, count, largest, max, median, min, stddev, sum } from "../../dist/index.js";
import { groupByTable } from "../data/group-by-tables.ts";
import type { BenchOptions, Session } from "../harness/suite.ts";
import type { AnswerTable } from "../harness/summary.ts";
import { MillraceSession, millraceEnvironment } from "./millrace.ts";

export const groupByMillrace =
  (threads: number) =>
  async ({ rows }: BenchOptions): Promise<Session> => {
    const env = millraceEnvironment(threads);
    const x = await env.readParquet(await groupByTable(rows)).persist();
    return new MillraceSession(
      {
        q1: () => x.groupBy("id1").aggregate({ v1: sum("v1") }),
        q2: () => x.groupBy("id1", "id2").aggregate({ v1: sum("v1") }),
        q3: () => x.groupBy("id3").aggregate({ v1: sum("v1"), v3: avg("v3") }),
        q4: () => x.groupBy("id4").aggregate({ v1: avg("v1"), v2: avg("v2"), v3: avg("v3") }),
        q5: () => x.groupBy("id6").aggregate({ v1: sum("v1"), v2: sum("v2"), v3: sum("v3") }),
        q6: () => x.groupBy("id4", "id5").aggregate({ median_v3: median("v3"), sd_v3: stddev("v3") }),
        q7: () =>
          x
            .groupBy("id3")
            .aggregate({ max_v1: max("v1"), min_v2: min("v2") })
            .select({ id3: col("id3"), range_v1_v2: col("max_v1").sub(col("min_v2")) }),
        q8: () => x.groupBy("id6").aggregate({ largest2_v3: largest("v3", 2) }),
        q9: () =>
          x
            .groupBy("id2", "id4")
            .aggregate({ r: corr("v1", "v2") })
            .select({ id2: col("id2"), id4: col("id4"), r2: col("r").pow(2) }),
        q10: () => x.groupBy("id1", "id2", "id3", "id4", "id5", "id6").aggregate({ v3: sum("v3"), count: count() }),
      },
      { holding: "engine", tables: [x], adapt: { q8: (table) => unnested(table, "id6", "largest2_v3") } },
    );
  };

/** One row per value of a list column, as DuckDB's `unnest` gives them. */
function unnested(table: Table, key: string, list: string): AnswerTable {
  const keys: number[] = [];
  const values: number[] = [];
  for (const batch of table.batches) {
    const [keyVector, listVector] = [batch.getChild(key), batch.getChild(list)];
    if (keyVector === null || listVector === null || !(listVector.type instanceof List)) throw new Error("not a list");
    for (let row = 0; row < batch.numRows; row++) {
      for (const value of listVector.get(row) ?? []) {
        keys.push(keyVector.get(row));
        values.push(value);
      }
    }
  }
  const columns: Record<string, number[]> = { [key]: keys, [list]: values };
  return { rowCount: keys.length, column: (name) => (row) => columns[name]?.[row] };
}
