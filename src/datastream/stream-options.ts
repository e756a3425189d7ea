import type { Host } from "../core/host.ts";
import type { Json } from "../core/source.ts";
import { RESTORE_OPTIONS, type RestoreOptions } from "./restore-options.ts";

export type RuntimeMode = "STREAMING" | "BATCH" | "AUTOMATIC";
/** @internal */
export const RUNTIME_MODES = ["STREAMING", "BATCH", "AUTOMATIC"] as const;
/** What of a job is started again where a part of it fails. */
export type FailoverStrategy = "full" | "region";
/** @internal */
export const FAILOVER_STRATEGIES = ["full", "region"] as const;
export type TimeCharacteristic = "event" | "processing" | "ingestion";

export interface StreamEnvironmentOptions {
  /** Subtasks of each step. Default 1. Steps with functions run on the calling thread, others on worker threads. */
  readonly parallelism?: number;
  /** Key groups, the unit in which keyed state moves; fixed for the life of the state. Default 128. */
  readonly maxParallelism?: number;
  /**
   * STREAMING (default): results as they come. BATCH: bounded input only; the final results alone.
   * AUTOMATIC: BATCH where every source is bounded.
   */
  readonly runtimeMode?: RuntimeMode;
  /**
   * How long rows may wait for others that go the same way, in milliseconds; 0 sends each batch at once. Default 10.
   * Between steps on one thread they wait only while the thread has other work.
   */
  readonly bufferTimeoutMs?: number;
  /** How often custom watermark generators are asked, in milliseconds. Default 200. */
  readonly watermarkIntervalMs?: number;
  /** Memory that the job may use, in bytes. Default: half of the machine's. */
  readonly memoryBytes?: number;
  /** Rows per batch to aim at under load. Default 8,192. */
  readonly batchRows?: number;
  /** Values that functions of the job can read. */
  readonly parameters?: Readonly<Record<string, Json>>;
  /** Where clock, files and threads come from; default: Node. `Simulation` of millrace/testing has another. */
  readonly host?: Host;
}

export interface ExecuteOptions extends RestoreOptions {
  readonly signal?: AbortSignal;
  /** For people: in `job.name`, results, errors, lines about restarts, and savepoints. */
  readonly jobName?: string;
}

/** @internal */
export const DEFAULTS = { parallelism: 1, bufferTimeoutMs: 10, watermarkIntervalMs: 200, batchRows: 8192 };
/** @internal */
export const MINIMUM_MEMORY_BYTES = 16 * 1024 * 1024;
/** @internal */
export const ENVIRONMENT_OPTIONS = [
  "parallelism",
  "maxParallelism",
  "runtimeMode",
  "bufferTimeoutMs",
  "watermarkIntervalMs",
  "memoryBytes",
  "batchRows",
  "parameters",
  "host",
];
/** @internal */
export const EXECUTE_OPTIONS = ["signal", "jobName", ...RESTORE_OPTIONS];
