/** What checkpoints cost: the pauses that they make, the throughput that they take, and how long it is to go on from one. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { count, SlidingEventTimeWindows, StreamExecutionEnvironment, sum } from "../../dist/index.js";
import type { Finding, StreamingOptions } from "./main.ts";
import { numbers, sinkOf, sumOf } from "./rows.ts";

const INTERVAL_MS = 1000;
const THROUGHPUT_BAR = 0.95;
const PAUSE_BAR_MS_PER_100_MB = 20;
/** Batches that come while the code is still being compiled, and the state still grows, are not looked at. */
const WARM_UP_SHARE = 0.5;

interface Job {
  readonly name: string;
  readonly keys: number;
  /** `onBatch` hears of rows that come out, `onProgress` whenever rows are about to come in. */
  readonly run: (
    environment: StreamExecutionEnvironment,
    events: number,
    onBatch: (rows: bigint) => void,
    onProgress: () => void,
  ) => void;
}

/** Nexmark q5's first step, with so many auctions that five panes of them are 100 MB. */
const windows: Job = {
  name: "sliding windows of 10 s by 2 s",
  keys: 700_000,
  run(environment, events, onBatch, onProgress) {
    numbers(environment, { count: events, keys: this.keys, rowsPerMs: 700 }, { onBatch: onProgress })
      .keyBy("key")
      .window(SlidingEventTimeWindows.of(10_000, 2000))
      .aggregate({ rows: count() })
      .addSink(sinkOf((batch, workspace) => onBatch(sumOf(batch, workspace, "rows"))));
  },
};

/** The same where event time goes on about as fast as the clock: a pane takes rows for a second, and the others none. */
const paced: Job = {
  name: "sliding windows of 5 s by 1 s, 20,000 rows a millisecond",
  keys: 700_000,
  run(environment, events, onBatch, onProgress) {
    numbers(environment, { count: events, keys: this.keys, rowsPerMs: 20_000 }, { onBatch: onProgress })
      .keyBy("key")
      .window(SlidingEventTimeWindows.of(5000, 1000))
      .aggregate({ rows: count() })
      .addSink(sinkOf((batch, workspace) => onBatch(sumOf(batch, workspace, "rows"))));
  },
};

const sums: Job = {
  name: "a sum per key",
  keys: 2_500_000,
  run(environment, events, onBatch, onProgress) {
    numbers(environment, { count: events, keys: this.keys, rowsPerMs: 1000 }, { onBatch: onProgress })
      .keyBy("key")
      .aggregate({ total: sum("n") })
      .addSink(sinkOf((batch) => onBatch(BigInt(batch.rowCount))));
  },
};

interface Run {
  readonly rowsPerSecond: number;
  readonly longestPauseMs: number;
  readonly stateBytes: number;
  readonly checkpoints: number;
  readonly result: bigint;
}

async function run(job: Job, events: number, directory?: string): Promise<Run> {
  const environment = StreamExecutionEnvironment.create();
  if (directory !== undefined) environment.enableCheckpointing(INTERVAL_MS, { directory });
  let result = 0n;
  let batches = 0;
  let lastMs = 0;
  const gaps: { readonly atMs: number; readonly ms: number }[] = [];
  const start = performance.now();
  // Rows of windows come out now and then: whether a job stands still shows where they come in, too.
  const onProgress = (): void => {
    const nowMs = performance.now();
    if (batches++ > 0) gaps.push({ atMs: nowMs - start, ms: nowMs - lastMs });
    lastMs = nowMs;
  };
  const onBatch = (rows: bigint): void => {
    onProgress();
    result += rows;
  };
  job.run(environment, events, onBatch, onProgress);
  const running = await environment.executeAsync();
  let stateBytes = 0;
  const observe = setInterval(() => {
    const bytes = running.metrics.reduce((total, vertex) => total + (vertex.stateBytes ?? 0), 0);
    stateBytes = Math.max(stateBytes, bytes);
  }, 200);
  await running.result().finally(() => clearInterval(observe));
  const tookMs = performance.now() - start;
  const late = gaps.filter(({ atMs }) => atMs > tookMs * WARM_UP_SHARE && atMs < tookMs - 50).map(({ ms }) => ms);
  return {
    rowsPerSecond: (events / tookMs) * 1000,
    longestPauseMs: Math.max(...late),
    stateBytes,
    checkpoints: running.checkpointStatistics?.completed ?? 0,
    result,
  };
}

const bytesOf = (directory: string): number =>
  readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((total, entry) => total + statSync(join(entry.parentPath, entry.name)).size, 0);

export async function checkpoints({ events, rounds }: StreamingOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const job of [windows, paced, sums]) {
    const without: Run[] = [];
    const kept: Run[] = [];
    let onDisk = 0;
    for (let round = 0; round <= rounds; round++) {
      const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"));
      try {
        const pair = [await run(job, events), await run(job, events, directory)] as const;
        onDisk = bytesOf(directory);
        if (pair[0].result !== pair[1].result) throw new Error(`${pair[1].result} instead of ${pair[0].result}`);
        // The first pair compiles.
        if (round === 0) continue;
        without.push(pair[0]);
        kept.push(pair[1]);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    }
    const best = (runs: readonly Run[]): number => Math.max(...runs.map(({ rowsPerSecond }) => rowsPerSecond));
    const pause = (runs: readonly Run[]): number => Math.min(...runs.map(({ longestPauseMs }) => longestPauseMs));
    const ratio = best(kept) / best(without);
    const megabytes = Math.max(...kept.map(({ stateBytes }) => stateBytes)) / 1e6;
    const added = Math.max(0, pause(kept) - pause(without));
    const million = (rows: number): string => (rows / 1e6).toFixed(2);
    findings.push(
      {
        text: `${job.name}, ${megabytes.toFixed(0)} MB of state: ${million(best(kept))} M rows/s with ${kept[0]?.checkpoints} checkpoints, ${million(best(without))} without: ${ratio.toFixed(2)}; ${(onDisk / 1e6).toFixed(0)} MB on disk`,
        isMet: ratio >= THROUGHPUT_BAR,
      },
      {
        text: `${job.name}: longest pause ${pause(kept).toFixed(0)} ms, ${pause(without).toFixed(0)} without checkpoints: ${((added / megabytes) * 100).toFixed(1)} ms per 100 MB`,
        isMet: added <= (PAUSE_BAR_MS_PER_100_MB * megabytes) / 100,
      },
    );
  }
  return findings;
}
