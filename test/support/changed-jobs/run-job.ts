import type { Host } from "../../../src/core/host.ts";
import { checkSavepoint } from "../../../src/datastream/savepoint-check.ts";
import type { StreamEnvironmentOptions } from "../../../src/datastream/stream-options.ts";
import { StreamExecutionEnvironment } from "../../../src/index.ts";
import type { Reading } from "../stream-dag/scripted-source.ts";
import { buildJob, type Told } from "./build-job.ts";
import type { Change } from "./changes.ts";
import type { Input } from "./job.ts";

/** How a job is run; none of it may change what it gives. */
export interface RunSettings {
  readonly parallelism: number;
  readonly batchRows: number;
  readonly bufferTimeoutMs: number;
  readonly reading: Reading;
}

/** Where a job stops: with which batch that it reads, and whether its input ends there. */
export interface Stop {
  readonly atRead: number;
  readonly drain: boolean;
  readonly path: string;
}

export interface JobRun extends Told {
  /** It has stopped with a savepoint, before the end of its input. */
  readonly isStopped: boolean;
  readonly error?: unknown;
}

export interface RunRequest {
  readonly change: Change;
  readonly input: Input;
  readonly settings: RunSettings;
  readonly restoreFrom?: string;
  readonly stop?: Stop;
}

const environmentOf = ({ settings, change: { job } }: RunRequest): StreamEnvironmentOptions => {
  const { parallelism, batchRows, bufferTimeoutMs } = settings;
  return { parallelism, batchRows, bufferTimeoutMs, maxParallelism: job.maxParallelism };
};

const restoreOptions = ({ change: { renamedState, allowNonRestoredState } }: RunRequest) => ({
  renamedState,
  allowNonRestoredState,
});

/** Runs a job to its end, to where it stops, or to where it fails. */
export async function runJob(host: Host, request: RunRequest): Promise<JobRun> {
  const { change, input, settings, restoreFrom, stop } = request;
  const env = StreamExecutionEnvironment.create({ host, ...environmentOf(request) });
  const told: Told = { read: [], lines: new Map() };
  let reads = 0;
  let onStop: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => {
    onStop = resolve;
  });
  const onRead = (): void => {
    if (reads++ === stop?.atRead) onStop();
  };
  buildJob(env, change.job, input, { reading: { ...settings.reading, onRead }, told });
  try {
    const job = await env.executeAsync(restoreFrom === undefined ? {} : { restoreFrom, ...restoreOptions(request) });
    const ended = job.result();
    ended.catch(() => undefined);
    let isStopped = false;
    if (stop !== undefined) {
      await Promise.race([reached, ended.catch(() => undefined)]);
      const { path, drain } = stop;
      isStopped = await job.stopWithSavepoint(path, { drain }).then(
        () => true,
        () => false, // it has ended before
      );
    }
    await ended;
    return { ...told, isStopped };
  } catch (error) {
    return { ...told, isStopped: false, error };
  }
}

/** What `millrace savepoint check` says: the code of its refusal, or undefined. */
export async function checkJob(host: Host, request: RunRequest & { readonly restoreFrom: string }): Promise<unknown> {
  const { change, input, settings, restoreFrom } = request;
  const told: Told = { read: [], lines: new Map() };
  const build = (env: StreamExecutionEnvironment): void =>
    buildJob(env, change.job, input, { reading: { ...settings.reading, onRead: () => undefined }, told });
  const loaded = { url: "job", compiled: "job", build: build as never };
  const options = { args: null, environment: environmentOf(request), ...restoreOptions(request) };
  try {
    await checkSavepoint(host, restoreFrom, loaded, options);
    return undefined;
  } catch (error) {
    return error;
  }
}
