import { checkCallable } from "../api/check-function.ts";
import { checkedOptions } from "../api/options.ts";
import { PlanError } from "../core/errors.ts";
import type { StoreCheckpoint } from "../runtime/checkpoint-store.ts";
import type { CheckpointSettings } from "../runtime/periodic-checkpoints.ts";
import { oneOf, whole } from "./arguments.ts";

export interface CheckpointOptions {
  /** From the end of a checkpoint to the start of the next, at least, in milliseconds. Default 0. */
  readonly minPauseMs?: number;
  /** How long the barriers of a checkpoint and storing it may take together, in milliseconds. Default 600,000. */
  readonly timeoutMs?: number;
  /** How many checkpoints in a row may fail before the job does. Default 0. */
  readonly tolerableFailures?: number;
  /**
   * How long the barriers of a checkpoint wait for the rows that are queued before them, in milliseconds; 0: not at all.
   * Behind that they overtake these rows, which become part of the checkpoint, so that it is soon complete also while
   * the job is backpressured. Default: they wait as long as it takes. See "Rows in flight" of docs/reliability.md.
   */
  readonly alignedTimeoutMs?: number;
  /**
   * Keeps a checkpoint where it survives: it is complete once this has resolved, and sinks commit then what they had
   * prepared for it. Without it, the newest one is held by the job alone (`job.latestCheckpoint`). The signal is aborted
   * once it has taken too long, or the job has failed: the checkpoint counts as failed then, and must not take the place
   * of a newer one.
   */
  readonly storeCheckpoint?: StoreCheckpoint;
  /**
   * Keeps checkpoints in a directory of this job's own. A job that is started with it again goes on from the newest one
   * there, whatever ended the run before: a crash, a failure or `cancel`. A run that is still alive is fenced, and
   * commits nothing more. A job that has come to its end does nothing when it is started again: remove the directory, or
   * give another, to run it anew. Not together with `storeCheckpoint`.
   */
  readonly directory?: string;
  /** How many complete checkpoints the directory keeps. Default 2. */
  readonly retained?: number;
  /**
   * What becomes of the checkpoints in the directory when a job that runs is cancelled: "retain" (default) leaves them for
   * the next start, "delete" removes them, and with them output that was not committed, so that it would begin anew.
   */
  readonly onCancel?: OnCancel;
}

export type OnCancel = "retain" | "delete";

/** What `enableCheckpointing` was given. */
export interface Checkpointing {
  readonly settings: CheckpointSettings;
  /** Absent: barriers overtake nothing. */
  readonly alignedTimeoutMs?: number;
  readonly store: StoreCheckpoint | undefined;
  readonly kept: KeptCheckpoints | undefined;
}

export interface KeptCheckpoints {
  readonly directory: string;
  readonly retained: number;
  readonly onCancel: OnCancel;
}

const DEFAULT_RETAINED = 2;
const LONGEST_MS = 2 ** 31 - 1;

/** @throws {PlanError} OPTION_INVALID, OPTION_UNKNOWN, FUNCTION_INVALID */
export function checkpointing(intervalMs: number, options: CheckpointOptions): Checkpointing {
  const ofStore = ["storeCheckpoint", "directory", "retained", "onCancel"];
  const names = ["minPauseMs", "timeoutMs", "tolerableFailures", "alignedTimeoutMs", ...ofStore];
  const {
    minPauseMs = 0,
    timeoutMs = 600_000,
    tolerableFailures = 0,
    alignedTimeoutMs,
    storeCheckpoint,
    directory,
    retained,
    onCancel,
  } = checkedOptions("enableCheckpointing", options, names);
  if (storeCheckpoint !== undefined) checkCallable("storeCheckpoint", storeCheckpoint);
  return {
    settings: {
      intervalMs: whole("intervalMs", intervalMs, 1, LONGEST_MS),
      minPauseMs: whole("minPauseMs", minPauseMs, 0, LONGEST_MS),
      timeoutMs: whole("timeoutMs", timeoutMs, 1, LONGEST_MS),
      tolerableFailures: whole("tolerableFailures", tolerableFailures, 0, Number.MAX_SAFE_INTEGER),
    },
    ...(alignedTimeoutMs === undefined
      ? {}
      : { alignedTimeoutMs: whole("alignedTimeoutMs", alignedTimeoutMs, 0, LONGEST_MS) }),
    store: storeCheckpoint,
    kept: keptCheckpoints({ directory, retained, onCancel }, storeCheckpoint !== undefined),
  };
}

function keptCheckpoints(
  { directory, retained, onCancel }: Pick<CheckpointOptions, "directory" | "retained" | "onCancel">,
  hasStore: boolean,
): KeptCheckpoints | undefined {
  if (directory === undefined && retained === undefined && onCancel === undefined) return undefined;
  const refuse = (what: string, whatToDo: string): never => {
    throw new PlanError("OPTION_INVALID", `enableCheckpointing: ${what}.`, whatToDo);
  };
  if (typeof directory !== "string" || directory === "") {
    return refuse(
      directory === undefined
        ? `${retained === undefined ? "onCancel" : "retained"} is given without a directory`
        : "directory is no path",
      "Give the path of a directory that belongs to this job alone.",
    );
  }
  if (hasStore) return refuse("directory and storeCheckpoint are both given", "Give one of them.");
  return {
    directory,
    retained: whole("retained", retained ?? DEFAULT_RETAINED, 1, 1_000_000),
    onCancel: oneOf("onCancel", onCancel ?? "retain", ["retain", "delete"]),
  };
}
