/** Jobs whose keyed state is about 1 GB in a savepoint. */
import {
  avg,
  count,
  type DataStream,
  max,
  Schema,
  type StreamExecutionEnvironment,
  sum,
  TumblingEventTimeWindows,
  types,
  valueState,
  WatermarkStrategy,
} from "../../dist/index.js";
import { type Numbers, numbers, sinkOf } from "./rows.ts";

export interface LargeState {
  readonly name: string;
  readonly keys: number;
  /** `onBatch` gets the rows that come out: at least one per row of the stream. */
  readonly run: (rows: DataStream<Numbers>, onBatch: (rows: number) => void) => void;
}

const aggregates: LargeState = {
  name: "four aggregates per key",
  keys: 10_000_000,
  run(rows, onBatch) {
    rows
      .keyBy("key")
      .aggregate({ total: sum("n"), most: max("n"), mean: avg("n"), rows: count() })
      .addSink(sinkOf((batch) => onBatch(batch.rowCount)));
  },
};

const NOTE = "what is known of this customer, by number: ".repeat(5);
const last = valueState("last", types.utf8);

const values: LargeState = {
  name: "a value of 220 characters per key",
  keys: 4_000_000,
  run(rows, onBatch) {
    rows
      .keyBy("key")
      .process(
        {
          processElement({ n }, context, out) {
            context.state(last).set(NOTE + String(n));
            out.collect({ n });
          },
        },
        { schema: Schema.of({ n: types.int64 }) },
      )
      .addSink(sinkOf((batch) => onBatch(batch.rowCount)));
  },
};

/** One window that stays open: some keys of its one pane change. */
const windows: LargeState = {
  name: "four aggregates per key of an open window",
  keys: 10_000_000,
  run(rows, onBatch) {
    const timed = rows.assignTimestampsAndWatermarks(WatermarkStrategy.monotonous<Numbers>().withTimestamps("timeMs"));
    timed
      .keyBy("key")
      .window(TumblingEventTimeWindows.of(86_400_000))
      .aggregate({ total: sum("n"), most: max("n"), mean: avg("n"), rows: count() })
      .addSink(sinkOf(() => undefined));
    timed.addSink(sinkOf((batch) => onBatch(batch.rowCount)));
  },
};

/** `scale`: 1 for about 1 GB. */
export const openWindow = (scale: number): LargeState => ({ ...windows, keys: Math.round(windows.keys * scale) });

/** `scale`: 1 for about 1 GB. */
export const largeStates = (scale: number): LargeState[] =>
  [aggregates, values].map((job) => ({ ...job, keys: Math.round(job.keys * scale) }));

/** `passes` rows of each key. */
export const rowsOf = (
  environment: StreamExecutionEnvironment,
  { keys }: LargeState,
  passes: number,
): DataStream<Numbers> => numbers(environment, { count: keys * passes, keys, rowsPerMs: 1000 });
