/** The flight questions in nodejs-polars, one thread, lazily from Parquet. */
import { flightsFile } from "../cases/flights.ts";
import type { Session } from "../harness/suite.ts";
import { loadPolars, PolarsSession } from "./polars.ts";

export async function flightsPolars(): Promise<Session> {
  const pl = await loadPolars(1);
  const { col } = pl;
  const scan = () => pl.scanParquet(flightsFile);
  return new PolarsSession({
    "origin-month": () =>
      scan()
        .withColumns(col("date").date.month().as("month"))
        .groupBy(["origin", "month"])
        .agg(
          col("delay").count().as("flights"),
          col("delay").mean().as("mean_delay"),
          col("delay").std().as("sd_delay"),
          col("delay").max().as("max_delay"),
        )
        .sort(["origin", "month"])
        .collectSync(),
    routes: () =>
      scan()
        .groupBy(["origin", "destination"])
        .agg(col("delay").count().as("flights"), col("distance").mean().as("distance"))
        .sort("flights", true)
        .limit(20)
        .collectSync(),
  });
}
