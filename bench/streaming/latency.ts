/** How long rows are under way from the moment at which they are due to the sink, through a queue between two chains. */
import { col, StreamExecutionEnvironment } from "../../dist/index.js";
import type { Finding, StreamingOptions } from "./main.ts";
import { numbers, sinkOf } from "./rows.ts";

const QUIET_ROWS_PER_SECOND = 1000;
const QUIET_BAR_MS = 5;
const HALF_LOAD_BAR_MS = 30;
/** Rows that come while the code is still being compiled are not counted. */
const WARM_UP_SECONDS = 2;

interface Run {
  readonly count: number;
  readonly bufferTimeoutMs: number;
  readonly rowsPerSecond?: number;
}

/** Latencies of all rows, in milliseconds; those of one batch are as old as its rows. */
async function run({ count, bufferTimeoutMs, rowsPerSecond }: Run): Promise<Float64Array> {
  const environment = StreamExecutionEnvironment.create({ bufferTimeoutMs });
  const latencies = new Float64Array(rowsPerSecond === undefined ? 0 : count);
  let startMs = 0;
  let arrived = 0;
  const options = { count, keys: 1000, rowsPerMs: 1, ...(rowsPerSecond === undefined ? {} : { rowsPerSecond }) };
  numbers(environment, options, () => {
    startMs = performance.now();
  })
    .withColumn("value", col("key").mul(3))
    .filter(col("value").ge(0))
    .startNewChain()
    .addSink(
      sinkOf((batch, workspace) => {
        const first = arrived;
        arrived += batch.rowCount;
        const column = batch.columns[batch.schema.indexOf("n")];
        if (column === undefined || rowsPerSecond === undefined) return;
        const nowMs = performance.now();
        for (let row = 0; row < batch.rowCount; row++) {
          const n = Number(workspace.i64[column.data / 8 + row]);
          if (n !== first + row) throw new Error(`row ${n} came as number ${first + row}`);
          latencies[n] = nowMs - (startMs + (n / rowsPerSecond) * 1000);
        }
      }),
    );
  await environment.execute();
  if (arrived !== count) throw new Error(`${arrived} rows of ${count} arrived`);
  return latencies;
}

function finding(what: string, all: Float64Array, warmUpRows: number, barMs: number): Finding {
  const sorted = all.subarray(warmUpRows).toSorted();
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  const text = `${what}: p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, longest ${at(1).toFixed(1)} ms`;
  return { text, isMet: at(0.99) <= barMs };
}

/** What the machine does to a process that only waits: how late timers of a millisecond are, 99th percentile. */
async function timerLatenessMs(): Promise<number> {
  const late: number[] = [];
  for (let i = 0; i < 1000; i++) {
    const start = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1));
    late.push(performance.now() - start - 1);
  }
  return late.toSorted((a, b) => a - b)[Math.floor(0.99 * late.length)] ?? Number.NaN;
}

export async function latency({ seconds }: StreamingOptions): Promise<Finding[]> {
  const rowsPerSecond = QUIET_ROWS_PER_SECOND;
  const all = await run({ count: rowsPerSecond * (seconds + WARM_UP_SECONDS), bufferTimeoutMs: 1, rowsPerSecond });
  const { text, isMet } = finding("1,000 events/s", all, rowsPerSecond * WARM_UP_SECONDS, QUIET_BAR_MS);
  return [{ text: `${text}; timers alone are late by ${(await timerLatenessMs()).toFixed(1)} ms (p99)`, isMet }];
}

/** At half of what the same job takes without a pace, with the default buffer timeout. */
export async function halfLoad({ events, seconds }: StreamingOptions): Promise<Finding[]> {
  const bufferTimeoutMs = 10;
  await run({ count: events, bufferTimeoutMs });
  const start = performance.now();
  await run({ count: events, bufferTimeoutMs });
  const rowsPerSecond = Math.floor((events / (performance.now() - start)) * 500);
  const measured = Math.min(seconds, 3);
  const all = await run({ count: rowsPerSecond * (measured + WARM_UP_SECONDS), bufferTimeoutMs, rowsPerSecond });
  const what = `${(rowsPerSecond / 1e6).toFixed(1)} M events/s, half of the most`;
  return [finding(what, all, rowsPerSecond * WARM_UP_SECONDS, HALF_LOAD_BAR_MS)];
}
