// Busy times of routes: flights of a route that follow each other within two hours are one session.
//   npx tsx examples/streaming/route-sessions.ts
import { fileURLToPath } from "node:url";
import { avg, col, count, EventTimeSessionWindows, StreamExecutionEnvironment, WatermarkStrategy } from "millrace";
import { type FlightFields, withReports } from "./flights.ts";

const HOUR_MS = 3_600_000;

/** Sessions of the routes from one airport. */
export function routeSessions(env: StreamExecutionEnvironment, reports: string, origin: string) {
  const strategy = WatermarkStrategy.boundedOutOfOrderness<FlightFields>(36 * HOUR_MS).withTimestamps("date");
  return env
    .readParquet<FlightFields>(reports, strategy)
    .filter(col("origin").eq(origin))
    .keyBy("origin", "destination")
    .window(EventTimeSessionWindows.withGap(2 * HOUR_MS))
    .aggregate({ flights: count(), meanDelay: avg("delay") });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await withReports(31, async (reports) => {
    const env = StreamExecutionEnvironment.create();
    const busy = routeSessions(env, reports, "SFO").filter(col("flights").ge(20n));
    for await (const { destination, flights, windowStart, windowEnd } of busy.executeAndCollect()) {
      const hours = (Number(windowEnd) - Number(windowStart)) / HOUR_MS - 2;
      console.log(`SFO - ${destination}: ${flights} flights in ${hours.toFixed(1)} hours`);
    }
  });
}
