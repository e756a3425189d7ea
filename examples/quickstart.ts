// Three million flights of the first half of 2001, from one Parquet file to answers.
import { fileURLToPath } from "node:url";
import { avg, col, count, desc, ExecutionEnvironment, max } from "millrace";

const path = fileURLToPath(new URL("../node_modules/vega-datasets/data/flights-3m.parquet", import.meta.url));
const startMs = performance.now();
const env = ExecutionEnvironment.create();
const flights = env.readParquet(path);

console.log("Airports with the worst mean delay, of those with at least 20,000 departures:");
await flights
  .groupBy("origin")
  .aggregate({ flights: count(), meanDelay: avg("delay"), worstDelay: max("delay") })
  .filter(col("flights").ge(20_000))
  .select({
    origin: col("origin"),
    flights: col("flights"),
    meanDelay: col("meanDelay").round(2),
    worstDelay: col("worstDelay"),
  })
  .orderBy(desc("meanDelay"))
  .first(8)
  .show();

console.log("\nMean delay by month, and the share of flights that were more than 15 minutes late:");
await flights
  .groupBy({ month: col("date").dateTrunc("month").cast({ kind: "date" }) })
  .aggregate({
    flights: count(),
    meanDelay: avg("delay"),
    lateShare: avg(col("delay").gt(15).cast({ kind: "float64" })),
  })
  .orderBy("month")
  .show();

console.log("\nBusiest routes:");
await flights
  .groupBy("origin", "destination")
  .aggregate({ flights: count(), miles: avg("distance") })
  .orderBy(desc("flights"))
  .first(8)
  .show();

const seconds = (performance.now() - startMs) / 1000;
console.log(`\nThree jobs over ${(await flights.count()).toLocaleString("en")} rows in ${seconds.toFixed(2)} s.`);
