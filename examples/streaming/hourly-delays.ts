// Mean delay of departures per airport and scheduled hour. A departure is reported when the plane has left, so that
// reports come out of order: a plane that waits for three hours is reported behind those of the next three hours.
//   npx tsx examples/streaming/hourly-delays.ts
import { fileURLToPath } from "node:url";
import {
  avg,
  col,
  count,
  max,
  OutputTag,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  WatermarkStrategy,
} from "millrace";
import { type FlightFields, flight, withReports } from "./flights.ts";

const HOUR_MS = 3_600_000;

/** Delays per airport and scheduled hour, and the reports that came more than `boundMs` too late to count. */
export function hourlyDelays(env: StreamExecutionEnvironment, reports: string, boundMs: number) {
  const strategy = WatermarkStrategy.boundedOutOfOrderness<FlightFields>(boundMs).withTimestamps("date");
  const tooLate = new OutputTag("reports that came too late", flight);
  const hours = env
    .readParquet<FlightFields>(reports, strategy)
    .keyBy("origin")
    .window(TumblingEventTimeWindows.of(HOUR_MS))
    .sideOutputLateData(tooLate)
    .aggregate({ departures: count(), meanDelay: avg("delay"), worstDelay: max("delay") });
  return { hours, late: hours.getSideOutput(tooLate) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await withReports(31, async (reports) => {
    const env = StreamExecutionEnvironment.create();
    const { hours, late } = hourlyDelays(env, reports, 4 * HOUR_MS);
    let lateCount = 0;
    late.forEach(() => {
      lateCount++;
    });
    hours.filter(col("departures").ge(20n).and(col("meanDelay").gt(90))).print("much delay");
    await env.execute();
    console.log(`${lateCount} departures were reported more than four hours late.`);
  });
}
