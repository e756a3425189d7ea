/** How long rows are under way from the moment at which they are due to the sink, through a queue between two chains. */
import { col, StreamExecutionEnvironment } from "../../dist/index.js";
import { Latencies } from "./latencies.ts";
import type { Finding, StreamingOptions } from "./main.ts";
import { numbers, sinkOf } from "./rows.ts";

const QUIET_ROWS_PER_SECOND = 1000;
const QUIET_BAR_MS = 5;
const HALF_LOAD_BAR_MS = 30;
/** Rows that come while the code is still being compiled are not counted. */
const WARM_UP_SECONDS = 2;
/** Latencies of a batch are taken at about so many of its rows. */
const SAMPLES_PER_BATCH = 16;
/** A rate is tried for so long; one that is 5 % too high leaves three times the backlog that is allowed. */
const PROBE_SECONDS = 3;
const BACKLOG_MS = 50;
/** The most is known to a tenth. */
const PRECISION = 1.1;

interface Run {
  readonly rowsPerSecond: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly bufferTimeoutMs: number;
}

interface Measured {
  /** Of the rows behind the warm-up. */
  readonly latencies: Latencies;
  /** How far behind its source the job always was in the last quarter. */
  readonly backlogMs: number;
}

/** The job, with or without a pace; `onRow` gets rows of each batch, in the order of their numbers, and for how many each stands. */
async function run(
  count: number,
  options: { readonly bufferTimeoutMs: number; readonly rowsPerSecond?: number },
  onStart: () => void,
  onRow: (n: number, rows: number) => void,
): Promise<void> {
  const { bufferTimeoutMs, ...pace } = options;
  const environment = StreamExecutionEnvironment.create({ bufferTimeoutMs });
  let arrived = 0;
  numbers(environment, { count, keys: 1000, rowsPerMs: 1, ...pace }, { onStart })
    .withColumn("value", col("key").mul(3))
    .filter(col("value").ge(0))
    .startNewChain()
    .addSink(
      // With a pace or without, the sink does the same: it is part of what limits the rate.
      sinkOf((batch, workspace) => {
        const column = batch.columns[batch.schema.indexOf("n")];
        if (column === undefined) throw new Error("the rows lack their number");
        const last = batch.rowCount - 1;
        const step = Math.max(1, Math.floor(batch.rowCount / SAMPLES_PER_BATCH));
        for (let row = 0; row <= last; row += step) {
          const n = Number(workspace.i64[column.data / 8 + row]);
          if (n !== arrived + row) throw new Error(`row ${n} came as number ${arrived + row}`);
          onRow(n, Math.min(step, batch.rowCount - row));
        }
        const end = Number(workspace.i64[column.data / 8 + last]);
        arrived += batch.rowCount;
        if (end !== arrived - 1) throw new Error(`row ${end} came as number ${arrived - 1}`);
      }),
    );
  await environment.execute();
  if (arrived !== count) throw new Error(`${arrived} rows of ${count} arrived`);
}

async function paced({ rowsPerSecond, seconds, warmUpSeconds, bufferTimeoutMs }: Run): Promise<Measured> {
  const count = Math.floor(rowsPerSecond * (seconds + warmUpSeconds));
  const latencies = new Latencies();
  let startMs = 0;
  let backlogMs = Number.POSITIVE_INFINITY;
  await run(
    count,
    { bufferTimeoutMs, rowsPerSecond },
    () => {
      startMs = performance.now();
    },
    (n, rows) => {
      const latencyMs = performance.now() - (startMs + (n / rowsPerSecond) * 1000);
      if (n >= rowsPerSecond * warmUpSeconds) latencies.add(latencyMs, rows);
      if (n >= count * 0.75) backlogMs = Math.min(backlogMs, latencyMs);
    },
  );
  return { latencies, backlogMs };
}

function finding(what: string, latencies: Latencies, barMs: number): Finding {
  const [p50, p99, longest] = [latencies.at(0.5), latencies.at(0.99), latencies.longestMs].map((ms) => ms.toFixed(1));
  return { text: `${what}: p50 ${p50} ms, p99 ${p99} ms, longest ${longest} ms`, isMet: latencies.at(0.99) <= barMs };
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
  const pace = { rowsPerSecond: QUIET_ROWS_PER_SECOND, seconds, warmUpSeconds: WARM_UP_SECONDS, bufferTimeoutMs: 1 };
  const { latencies } = await paced(pace);
  const { text, isMet } = finding("1,000 events/s", latencies, QUIET_BAR_MS);
  return [{ text: `${text}; timers alone are late by ${(await timerLatenessMs()).toFixed(1)} ms (p99)`, isMet }];
}

/**
 * The greatest rate at which the job does not fall behind its source, to a tenth. Without a pace a job takes more than
 * that: its batches are full, and nobody waits for a timer.
 */
async function mostRowsPerSecond(events: number, bufferTimeoutMs: number): Promise<number> {
  const unpaced = async (): Promise<number> => {
    const start = performance.now();
    const nothing = (): void => undefined;
    await run(events, { bufferTimeoutMs }, nothing, nothing);
    return (events / (performance.now() - start)) * 1000;
  };
  const isSustained = async (rowsPerSecond: number): Promise<boolean> => {
    const pace = {
      rowsPerSecond: Math.floor(rowsPerSecond),
      seconds: PROBE_SECONDS,
      warmUpSeconds: 0,
      bufferTimeoutMs,
    };
    return (await paced(pace)).backlogMs <= BACKLOG_MS;
  };
  for (let warmUp = 0; warmUp < 3; warmUp++) await unpaced();
  let tooMuch = (await unpaced()) * PRECISION;
  let most = tooMuch / 2;
  while (!(await isSustained(most))) [tooMuch, most] = [most, most / 2];
  while (tooMuch / most > PRECISION) {
    const middle = Math.sqrt(tooMuch * most);
    if (await isSustained(middle)) most = middle;
    else tooMuch = middle;
  }
  return most;
}

/** At half of the most that the same job sustains, with the default buffer timeout. */
export async function halfLoad({ events, seconds }: StreamingOptions): Promise<Finding[]> {
  const bufferTimeoutMs = 10;
  const most = await mostRowsPerSecond(events, bufferTimeoutMs);
  const rowsPerSecond = Math.floor(most / 2);
  const { latencies } = await paced({ rowsPerSecond, seconds, warmUpSeconds: WARM_UP_SECONDS, bufferTimeoutMs });
  const millions = (rate: number): string => `${(rate / 1e6).toFixed(1)} M events/s`;
  return [
    finding(`${millions(rowsPerSecond)}, half of the ${millions(most)} that it sustains`, latencies, HALF_LOAD_BAR_MS),
  ];
}
