// Three million flights of the first half of 2001, and the reports of their departures, for the examples beside this.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { asc, col, ExecutionEnvironment, Schema, types } from "millrace";

export const flightsPath = fileURLToPath(
  new URL("../../node_modules/vega-datasets/data/flights-3m.parquet", import.meta.url),
);

export const flight = Schema.of({
  /** Scheduled departure. */
  date: types.timestamp("ns"),
  /** Minutes by which the plane left later; negative: earlier. */
  delay: types.int64,
  distance: types.int64,
  origin: types.utf8,
  destination: types.utf8,
});
export type FlightFields = typeof flight.$fields;

/**
 * Calls with a Parquet file of the flights of the first days of January in the order in which their departures are
 * reported, that is when the plane has left: by the scheduled time they come out of order.
 */
export async function withReports<T>(days: number, use: (path: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "millrace-reports-"));
  try {
    const path = join(directory, "reports.parquet");
    const env = ExecutionEnvironment.create();
    env
      .readParquet<FlightFields>(flightsPath)
      .filter(col("date").month().eq(1).and(col("date").day().le(days)))
      .orderBy(asc(col("date").dateAdd(col("delay"), "minute")), "date", "origin", "destination")
      .writeParquet(path);
    await env.execute();
    return await use(path);
  } finally {
    rmSync(directory, { recursive: true });
    await ExecutionEnvironment.shutdown();
  }
}
