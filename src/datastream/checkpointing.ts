import { checkCallable } from "../api/check-function.ts";
import { checkedOptions } from "../api/options.ts";
import type { StoreCheckpoint } from "../runtime/checkpoint-store.ts";
import type { CheckpointSettings } from "../runtime/periodic-checkpoints.ts";
import type { JobSnapshot } from "../runtime/snapshots.ts";
import { whole } from "./arguments.ts";

export interface CheckpointOptions {
  /** From the end of a checkpoint to the start of the next, at least, in milliseconds. Default 0. */
  readonly minPauseMs?: number;
  /** How long the barriers of a checkpoint and storing it may take together, in milliseconds. Default 600,000. */
  readonly timeoutMs?: number;
  /** How many checkpoints in a row may fail before the job does. Default 0. */
  readonly tolerableFailures?: number;
  /**
   * Keeps a checkpoint where it survives: it is complete once this has resolved, and sinks commit then what they had
   * prepared for it. Without it, the newest one is held by the job alone (`job.latestCheckpoint`). The signal is aborted
   * once it has taken too long, or the job has failed: the checkpoint counts as failed then, and must not take the place
   * of a newer one.
   */
  readonly storeCheckpoint?: StoreCheckpoint;
}

/** What `enableCheckpointing` was given. */
export interface Checkpointing {
  readonly settings: CheckpointSettings;
  readonly store: StoreCheckpoint | undefined;
}

const LONGEST_MS = 2 ** 31 - 1;

/** @throws {PlanError} OPTION_INVALID, OPTION_UNKNOWN, FUNCTION_INVALID */
export function checkpointing(intervalMs: number, options: CheckpointOptions): Checkpointing {
  const names = ["minPauseMs", "timeoutMs", "tolerableFailures", "storeCheckpoint"];
  const {
    minPauseMs = 0,
    timeoutMs = 600_000,
    tolerableFailures = 0,
    storeCheckpoint,
  } = checkedOptions("enableCheckpointing", options, names);
  if (storeCheckpoint !== undefined) checkCallable("storeCheckpoint", storeCheckpoint);
  return {
    settings: {
      intervalMs: whole("intervalMs", intervalMs, 1, LONGEST_MS),
      minPauseMs: whole("minPauseMs", minPauseMs, 0, LONGEST_MS),
      timeoutMs: whole("timeoutMs", timeoutMs, 1, LONGEST_MS),
      tolerableFailures: whole("tolerableFailures", tolerableFailures, 0, Number.MAX_SAFE_INTEGER),
    },
    store: storeCheckpoint,
  };
}

/** A checkpoint is the newest of the job once it is kept where the user wants it. */
export const storing = ({ settings, store }: Checkpointing, onCheckpoint: (snapshot: JobSnapshot) => void) => ({
  checkpoints: settings,
  storeCheckpoint: async (snapshot: JobSnapshot, options: { readonly signal: AbortSignal }): Promise<void> => {
    await store?.(snapshot, options);
    if (!options.signal.aborted) onCheckpoint(snapshot);
  },
});
