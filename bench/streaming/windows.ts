/** What sliding windows with many panes cost beside tumbling ones of the same size. */
import {
  count,
  SlidingEventTimeWindows,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
} from "../../dist/index.js";
import { median } from "../harness/outcome.ts";
import type { Finding, StreamingOptions } from "./main.ts";
import { numbers, sinkOf, sumOf } from "./rows.ts";

type Assigner = ReturnType<typeof TumblingEventTimeWindows.of>;

const HOUR_MS = 3_600_000;
const KEYS = 100;
const BAR = 0.5;
/** Code is still being compiled in the third run of a job: the second takes twice as long as the fifth. */
const WARM_UP_ROUNDS = 4;

/** Processor time in milliseconds of one run; throws where rows are not counted once per window that holds them. */
async function run(assigner: Assigner, windowsPerRow: number, rows: number, rowsPerMs: number): Promise<number> {
  const environment = StreamExecutionEnvironment.create();
  let counted = 0n;
  numbers(environment, { count: rows, keys: KEYS, rowsPerMs })
    .keyBy("key")
    .window(assigner)
    .aggregate({ rows: count() })
    .addSink(
      sinkOf((batch, workspace) => {
        counted += sumOf(batch, workspace, "rows");
      }),
    );
  const start = process.cpuUsage();
  await environment.execute();
  const { user, system } = process.cpuUsage(start);
  if (counted !== BigInt(rows) * BigInt(windowsPerRow)) {
    throw new Error(`the windows counted ${counted} rows, not ${rows} x ${windowsPerRow}`);
  }
  return (user + system) / 1000;
}

/** 1 h / 1 s against 1 h, where a slide has 1,000 events and where it has 10,000; alternating, by processor time. */
export async function slidingAgainstTumbling(options: StreamingOptions): Promise<Finding[]> {
  return [await compare(options, 1), await compare(options, 10)];
}

async function compare({ events, rounds }: StreamingOptions, rowsPerMs: number): Promise<Finding> {
  const sliding: number[] = [];
  const tumbling: number[] = [];
  for (let round = 0; round < WARM_UP_ROUNDS + rounds; round++) {
    const hour = await run(TumblingEventTimeWindows.of(HOUR_MS), 1, events, rowsPerMs);
    const everySecond = await run(SlidingEventTimeWindows.of(HOUR_MS, 1000), 3600, events, rowsPerMs);
    if (round >= WARM_UP_ROUNDS) {
      tumbling.push(hour);
      sliding.push(everySecond);
    }
  }
  const rate = (times: readonly number[]): string => (events / median(times) / 1000).toFixed(2);
  const ratio = median(tumbling) / median(sliding);
  const text = `${rowsPerMs},000 events per slide: 1 h / 1 s ${rate(sliding)} M events/s per core, 1 h ${rate(tumbling)}: ${ratio.toFixed(2)}`;
  return { text, isMet: ratio >= BAR };
}
