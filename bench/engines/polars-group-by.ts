/** The db-benchmark group-by questions in nodejs-polars. */
import { groupByTable } from "../data/group-by-tables.ts";
import type { BenchOptions, Session } from "../harness/suite.ts";
import { loadPolars, PolarsSession } from "./polars.ts";

export async function groupByPolars({ rows }: BenchOptions): Promise<Session> {
  const pl = await loadPolars(1);
  const x = pl.readParquet(await groupByTable(rows));
  const { col } = pl;
  const by = (...keys: string[]) => x.lazy().groupBy(keys);
  return new PolarsSession({
    q1: () => by("id1").agg(col("v1").sum()).collectSync(),
    q2: () => by("id1", "id2").agg(col("v1").sum()).collectSync(),
    q3: () => by("id3").agg(col("v1").sum(), col("v3").mean()).collectSync(),
    q4: () => by("id4").agg(col("v1").mean(), col("v2").mean(), col("v3").mean()).collectSync(),
    q5: () => by("id6").agg(col("v1").sum(), col("v2").sum(), col("v3").sum()).collectSync(),
    q6: () => by("id4", "id5").agg(col("v3").median().as("median_v3"), col("v3").std().as("sd_v3")).collectSync(),
    q7: () =>
      by("id3")
        .agg(col("v1").max().minus(col("v2").min()).as("range_v1_v2"))
        .collectSync(),
    q8: () =>
      by("id6")
        .agg(col("v3").sort({ descending: true }).head(2).as("largest2_v3"))
        .explode("largest2_v3")
        .collectSync(),
    q10: () =>
      by("id1", "id2", "id3", "id4", "id5", "id6").agg(col("v3").sum(), col("v1").count().as("count")).collectSync(),
  });
}
