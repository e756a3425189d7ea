import { join } from "node:path";
import { asc, col, ExecutionEnvironment } from "millrace";
import { type FlightFields, flightsPath } from "../../examples/streaming/flights.ts";

/** No month has fewer. */
const ROWS_PER_MONTH = 400_000;
const MOST_LANES = 100;
const FEWEST_ROWS = 200;

/**
 * Writes reports of departures, evenly from one month or more, in the order in which the planes have left. `n` counts
 * them. Each row group is a lane, named by its first `n`: a split of the source, whose rows keep their order.
 */
export async function writeReports(directory: string, rows: number): Promise<void> {
  const months = Math.ceil(rows / ROWS_PER_MONTH);
  const step = Math.floor((months * ROWS_PER_MONTH) / rows);
  const laneRows = Math.max(FEWEST_ROWS, Math.ceil(rows / MOST_LANES));
  const env = ExecutionEnvironment.create();
  env
    .readParquet<FlightFields>(flightsPath)
    // Some planes have left a day before their time: the others would be late by far.
    .filter(
      col("date")
        .month()
        .le(months)
        .and(col("delay").between(-60, 24 * 60)),
    )
    .orderBy(asc(col("date").dateAdd(col("delay"), "minute")), "date", "origin", "destination")
    .first(step * rows)
    .zipWithIndex("place")
    .filter(col("place").mod(BigInt(step)).eq(0n))
    .zipWithIndex("n")
    .select({
      n: col("n"),
      lane: col("n").sub(col("n").mod(BigInt(laneRows))),
      date: col("date"),
      origin: col("origin"),
      delay: col("delay"),
    })
    .writeParquet(join(directory, "reports.parquet"), { rowGroupRows: laneRows });
  await env.execute();
  await ExecutionEnvironment.shutdown();
}
