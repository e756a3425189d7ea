/** How long it takes to go on from a savepoint, and how much a checkpoint writes where little has changed. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Schema, StreamExecutionEnvironment, types } from "../../dist/index.js";
import { type LargeState, largeStates, openWindow, rowsOf } from "./large-state.ts";
import type { Finding, StreamingOptions } from "./main.ts";

const RESTORE_BAR_MS_PER_GB = 5000;
const CHANGED_SHARE = 0.01;
const INCREMENT_BAR = 0.05;
const INTERVAL_MS = 1000;
/** What a restore takes at most, for each byte of the savepoint. */
const TOUCHED_PER_BYTE = 4;
const PIECE_BYTES = 2 ** 28;

/** `events`: 1e7, the default, for about 1 GB of state. */
export const restore = ({ events }: StreamingOptions): Promise<Finding[]> => each(events, measureRestore);
export const increments = ({ events }: StreamingOptions): Promise<Finding[]> =>
  each(events, measureIncrement, [...largeStates(events / 1e7), openWindow(events / 1e7)]);

async function each(
  events: number,
  measure: (job: LargeState, directory: string) => Promise<Finding>,
  jobs = largeStates(events / 1e7),
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const job of jobs) {
    const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"));
    try {
      findings.push(await measure(job, directory));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return findings;
}

async function measureRestore(job: LargeState, directory: string): Promise<Finding> {
  const path = join(directory, "savepoint");
  const before = StreamExecutionEnvironment.create();
  const isFull = counter(job.keys);
  job.run(rowsOf(before, job, 4), isFull.add);
  const filled = await before.executeAsync();
  await isFull.reached;
  await filled.stopWithSavepoint(path);
  const bytes = bytesIn(path);

  touchMemory(bytes * TOUCHED_PER_BYTE);
  const after = StreamExecutionEnvironment.create();
  const goesOn = counter(1);
  job.run(rowsOf(after, job, 4), goesOn.add);
  const startMs = performance.now();
  const processorTime = process.cpuUsage();
  const restored = await after.executeAsync({ restoreFrom: path });
  await goesOn.reached;
  const tookMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(processorTime);
  await restored.cancel();
  return {
    text: `${job.name}, ${gigabytes(bytes)} of ${job.keys / 1e6} M keys: ${seconds(tookMs)} to the first row behind it (${seconds((user + system) / 1000)} of processor time), ${seconds((tookMs / bytes) * 1e9)} per GB`,
    isMet: tookMs / bytes <= RESTORE_BAR_MS_PER_GB / 1e9,
  };
}

/**
 * Memory that a virtual machine gets from its host for the first time can cost more than to restore into it: about 3 s
 * per GB have been seen, where pages that were in use before cost 0.7. The restore finds pages of the second kind.
 */
function touchMemory(bytes: number): void {
  const pieces: Uint8Array[] = [];
  for (let touched = 0; touched < bytes; touched += PIECE_BYTES) pieces.push(new Uint8Array(PIECE_BYTES).fill(1));
  pieces.length = 0;
  globalThis.gc?.();
}

async function measureIncrement(job: LargeState, directory: string): Promise<Finding> {
  const environment = StreamExecutionEnvironment.create();
  environment.enableCheckpointing(INTERVAL_MS, { directory });
  const changes = Math.round(job.keys * CHANGED_SHARE);
  const isFull = counter(job.keys);
  const isChanged = counter(job.keys + changes);
  const mayChange = signal();
  const some = environment.fromAsyncIterable(
    async function* () {
      await mayChange.given;
      // Far from each other, as users are who come back.
      for (let i = 0; i < changes; i++) yield { n: BigInt(i), timeMs: 0n, key: BigInt(i * 100) };
      await new Promise(() => undefined);
    },
    { schema: Schema.of({ n: types.int64, timeMs: types.int64, key: types.int64 }) },
  );
  job.run(rowsOf(environment, job, 1).union(some), (rows) => {
    isFull.add(rows);
    isChanged.add(rows);
  });
  const running = await environment.executeAsync();
  await isFull.reached;
  const idOf = (name: string): number => Number(/-(\d+)-\d+\.arrows$/.exec(name)?.[1]);
  const state = join(directory, "state");
  await isFull.reached;
  // One that is asked for is written whole, and the next ones build on it.
  const { checkpointId } = await running.snapshot();
  const full = bytesIn(state, (name) => idOf(name) === checkpointId);
  mayChange.give();
  await isChanged.reached;
  const completed = (): number => running.checkpointStatistics?.completed ?? 0;
  for (const seen = completed(); completed() < seen + 2; ) await new Promise((resolve) => setTimeout(resolve, 50));
  const durationMs = running.checkpointStatistics?.lastCompleted?.durationMs ?? 0;
  const increment = bytesIn(state, (name) => idOf(name) > checkpointId);
  await running.cancel();
  return {
    text: `${job.name}, ${gigabytes(full)}: ${((increment / full) * 100).toFixed(2)} % of it, ${(increment / 1e6).toFixed(1)} MB, behind a change of ${CHANGED_SHARE * 100} % of the keys; a checkpoint takes ${seconds(durationMs)} then`,
    isMet: increment <= full * INCREMENT_BAR,
  };
}

/** Reached with so many rows in all. */
function counter(rows: number) {
  const { given, give } = signal();
  let seen = 0;
  const add = (count: number): void => {
    seen += count;
    if (seen >= rows) give();
  };
  return { reached: given, add };
}

function signal() {
  let give: () => void = () => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

const bytesIn = (directory: string, isMeant = (_name: string): boolean => true): number =>
  readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && isMeant(entry.name))
    .reduce((total, entry) => total + statSync(join(entry.parentPath, entry.name)).size, 0);
