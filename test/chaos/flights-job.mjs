// The job that is killed: a journal and hourly figures of reported departures, into files and tables.
import {
  count,
  mapState,
  max,
  restartStrategies,
  Schema,
  sum,
  TumblingEventTimeWindows,
  types,
  valueState,
  WatermarkStrategy,
} from "millrace";

const HOUR_MS = 3_600_000;
/** No plane of the input leaves so late: which rows are late must not depend on how threads take turns. */
const DISORDER_MS = 36 * HOUR_MS;

const report = Schema.of({
  n: types.int64,
  lane: types.int64,
  date: types.timestamp("us"),
  origin: types.utf8,
  delay: types.int64,
});
/** A row per report, `at` its number, with what its lane and airport have had so far; and one per hour, `at` its end. */
const entry = Schema.of({
  kind: types.utf8,
  lane: types.int64,
  origin: types.utf8,
  at: types.int64,
  flights: types.int64,
  delay: types.int64,
});

const flightsSoFar = valueState("flights so far", types.int64);
const delaySoFar = valueState("delay so far", types.int64);
const flightsOfHour = mapState("flights of hour", types.int64, types.int64);

/** Rows per second behind the limit: barriers still get through. */
const SLOW = 50;

/**
 * So many rows pass at the pace that is given, as many again slowly, and all others wait for ever: a run that is to be
 * killed cannot come to the end of the input before, however long that takes. Without a limit all rows pass at once.
 */
function paced(limit, rowsPerSecond) {
  if (limit === undefined) return async (row) => ({ ...row });
  const startedMs = Date.now();
  let rows = 0;
  return async ({ n, lane, date, origin, delay }) => {
    const place = rows++;
    if (place >= 2 * limit) await new Promise(() => undefined);
    const passMs = (Math.min(place, limit) / rowsPerSecond + Math.max(0, place - limit) / SLOW) * 1_000;
    const waitMs = startedMs + passMs - Date.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    return { n, lane, date, origin, delay };
  };
}

/** Order counts here: the reports of a lane come as they stand in their file. */
const journal = {
  processElement({ n, lane, origin, delay }, { state, timers, timestampMs }, out) {
    const flights = (state(flightsSoFar).get() ?? 0n) + 1n;
    const total = (state(delaySoFar).get() ?? 0n) + (delay ?? 0n);
    state(flightsSoFar).set(flights);
    state(delaySoFar).set(total);
    const hourEnd = BigInt(Math.floor(timestampMs / HOUR_MS) + 1) * BigInt(HOUR_MS);
    const ofHour = state(flightsOfHour);
    ofHour.set(hourEnd, (ofHour.get(hourEnd) ?? 0n) + 1n);
    timers.registerEventTime(Number(hourEnd) - 1);
    out.collect({ kind: "report", lane, origin, at: n, flights, delay: total });
  },
  onTimer(timeMs, { key: { lane, origin }, state }, out) {
    const hourEnd = BigInt(timeMs + 1);
    const ofHour = state(flightsOfHour);
    out.collect({ kind: "hour", lane, origin, at: hourEnd, flights: ofHour.get(hourEnd), delay: 0n });
    ofHour.delete(hourEnd);
  },
};

/**
 * @param {object} args
 * @param {string} args.input Directory of a Parquet file, whose row groups are lanes.
 * @param {string} args.directory Where checkpoints and output are.
 * @param {{ connection: string, schema: string }=} args.postgres Where tables are.
 * @param {number=} args.limit See `paced`.
 * @param {number=} args.rowsPerSecond See `paced`.
 * @param {number=} args.intervalMs Between checkpoints.
 * @param {number=} args.alignedTimeoutMs Behind which barriers overtake rows.
 */
export default function flightsJob(env, args) {
  const { input, directory, postgres, limit, rowsPerSecond, intervalMs = 50, alignedTimeoutMs } = args;
  env.enableCheckpointing(intervalMs, { directory: `${directory}/checkpoints`, alignedTimeoutMs });
  // A failure must be seen: kills are the only ones here.
  env.setRestartStrategy(restartStrategies.none());
  const strategy = WatermarkStrategy.boundedOutOfOrderness(DISORDER_MS).withTimestamps("date");
  const reports = env
    .readParquet(input, { schema: report }, strategy)
    .uid("reports")
    .asyncMap(paced(limit, rowsPerSecond), { schema: report, capacity: 64 })
    .uid("pace")
    // What waits here is spread anew where a run has another parallelism, and the journal depends on the order.
    .setParallelism(1);

  reports
    .keyBy("lane", "origin")
    .process(journal, { schema: entry })
    .uid("journal")
    .writeToFiles(`${directory}/journal`, { format: "json", uid: "journal files" });

  const hours = reports
    .keyBy("origin")
    .window(TumblingEventTimeWindows.of(HOUR_MS))
    .aggregate({ flights: count(), delay: sum("delay"), worst: max("delay") })
    .uid("hours");
  hours.writeToFiles(`${directory}/hours`, { format: "csv", roll: { rows: 50 }, uid: "hour files" });

  if (postgres === undefined) return;
  const columns = { windowStart: "begins", windowEnd: "ends" };
  hours.writeToPostgres({ ...postgres, table: "hours", columns, uid: "hour rows" });
  reports
    .keyBy("origin")
    .aggregate({ flights: count(), delay: sum("delay") })
    .uid("totals")
    .writeToPostgres({ ...postgres, table: "totals", mode: "upsert", key: "origin", uid: "total rows" });
}
