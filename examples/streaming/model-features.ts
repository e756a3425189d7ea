// Features for an online model: sliding windows over the departures of each airport feed a linear model that learns as
// it goes. Before each half hour it predicts the mean delay of the next three hours, and learns from what came.
//   npx tsx examples/streaming/model-features.ts
import { fileURLToPath } from "node:url";
import {
  avg,
  col,
  count,
  listState,
  Schema,
  SlidingEventTimeWindows,
  StreamExecutionEnvironment,
  types,
  WatermarkStrategy,
} from "millrace";
import { type FlightFields, withReports } from "./flights.ts";

const MINUTE_MS = 60_000;
const LEARNING_RATE = 0.02;

/** Departures, their mean delay and the share of delays above a quarter of an hour: three hours back, every half. */
export function features(env: StreamExecutionEnvironment, reports: string) {
  const strategy = WatermarkStrategy.boundedOutOfOrderness<FlightFields>(36 * 60 * MINUTE_MS).withTimestamps("date");
  return env
    .readParquet<FlightFields>(reports, strategy)
    .keyBy("origin")
    .window(SlidingEventTimeWindows.of(180 * MINUTE_MS, 30 * MINUTE_MS))
    .aggregate({
      departures: count(),
      meanDelay: avg("delay"),
      lateShare: avg(col("delay").gt(15).cast(types.float64)),
    });
}

export const prediction = Schema.of({
  origin: types.utf8,
  until: types.timestamp("ms"),
  predicted: types.float64,
  actual: types.float64,
});

const inputs = (departures: number, meanDelay: number, lateShare: number): number[] => [
  1,
  Math.log1p(departures) / 5,
  meanDelay / 60,
  lateShare,
];
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, each, i) => sum + each * b[i], 0);

/** One step of stochastic gradient descent on the squared error, in hours. */
export function learn(weights: readonly number[], x: readonly number[], actualHours: number): number[] {
  const error = dot(weights, x) - actualHours;
  return weights.map((weight, i) => weight - LEARNING_RATE * error * x[i]);
}

/** What the model of each airport predicted for a window, and what came. */
export function predictions(stream: ReturnType<typeof features>) {
  const weights = listState("weights", types.float64);
  const last = listState("last inputs", types.float64);
  return stream.keyBy("origin").process(
    {
      processElement({ origin, windowEnd, departures, meanDelay, lateShare }, { state }, out) {
        const actual = meanDelay ?? 0;
        const x = state(last).get().map(Number);
        const w = x.length === 0 ? [0, 0, 0, 0] : state(weights).get().map(Number);
        if (x.length > 0) out.collect({ origin, until: windowEnd, predicted: dot(w, x) * 60, actual });
        state(weights).set(x.length === 0 ? w : learn(w, x, actual / 60));
        state(last).set(inputs(Number(departures), actual, lateShare ?? 0));
      },
    },
    { schema: prediction, name: "online model" },
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await withReports(31, async (reports) => {
    const env = StreamExecutionEnvironment.create();
    const errors: { model: number; mean: number }[] = [];
    for await (const { predicted, actual } of predictions(features(env, reports)).executeAndCollect()) {
      errors.push({ model: Math.abs((predicted ?? 0) - (actual ?? 0)), mean: Math.abs(8 - (actual ?? 0)) });
    }
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    console.log(`${errors.length} predictions, wrong by ${mean(errors.map(({ model }) => model)).toFixed(1)} minutes;`);
    console.log(`always saying eight minutes is wrong by ${mean(errors.map((each) => each.mean)).toFixed(1)}.`);
  });
}
