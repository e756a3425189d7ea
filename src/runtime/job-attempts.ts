import { asEngineError, type EngineError, JobCancelledError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import { whyNotRestarted } from "./not-restarted.ts";
import { RestartBackoff, type RestartStrategySpec } from "./restart-strategy.ts";

/** A failure of a job that its restart strategy had to do with. */
export interface JobFailure {
  readonly error: EngineError;
  /** Wall clock, epoch milliseconds. */
  readonly failedAtMs: number;
  /** Which attempt to run the job failed, counted from 1. */
  readonly attempt: number;
  /** From the failure to the next attempt; absent where there was none. */
  readonly restartDelayMs?: number;
  /** Names of the vertices of the region that failed, where the others go on. */
  readonly region?: readonly string[];
  /** The checkpoint that the next attempt went on from; null: from the beginning; absent before it has begun. */
  readonly restoredCheckpointId?: number | null;
}

/** One attempt to run a job to its end. */
export interface JobAttempt {
  /** The newest complete checkpoint of the attempts before; of the first, what the job was started with. */
  readonly restore: JobSnapshot | undefined;
  /**
   * Ids of attempts that have failed, as far as none after them got to run. Those of which a savepoint may hold output are
   * left out: it is for whoever goes on from there.
   */
  readonly failedAttempts: readonly string[];
  /** To be called with its id before anything of it runs, once for each part that runs by itself, */
  readonly onStart: (jobId: string) => void;
  /** with what it goes on from, undefined where it begins anew, */
  readonly onRestored: (snapshot: JobSnapshot | undefined) => void;
  /** as soon as it runs, */
  readonly onRunning: () => void;
  /** with each checkpoint that is complete, */
  readonly onCheckpoint: (snapshot: JobSnapshot) => void;
  /** and before a savepoint is taken. */
  readonly onSavepoint: () => void;
}

/** Hears of the attempts of a job. */
export interface AttemptWatch {
  /** A failed attempt is over. */
  readonly onFailure?: (failure: JobFailure) => void;
  /** The next one begins, */
  readonly onRestart?: () => void;
  /** and knows then from where it goes on: from a checkpoint, or from the beginning. */
  readonly onRestored?: (checkpointId: number | null) => void;
}

/**
 * Runs a job again where it has failed, as its strategy says, until it ends or the strategy gives up: then it fails with
 * the error of its last attempt. An attempt must be over when it settles: the next one may begin at once.
 * @throws {JobCancelledError} where the signal is aborted while the job waits for its next attempt
 */
export async function runAttempts<T>(
  options: {
    readonly host: Pick<Host, "clock" | "scheduler" | "random">;
    readonly strategy: RestartStrategySpec;
    readonly signal: AbortSignal;
    readonly restore: JobSnapshot | undefined;
    /** Asked behind a failure: whether the job is to run any more at all, with the checkpoint it would go on from. */
    readonly mayGoOn?: (newest: JobSnapshot | undefined) => boolean;
    readonly watch: AttemptWatch;
  },
  run: (attempt: JobAttempt) => Promise<T>,
): Promise<T> {
  const { host, strategy, signal, mayGoOn = () => true, watch } = options;
  const backoff = new RestartBackoff(strategy, host.random);
  let newest = options.restore;
  let newestAtFailure = newest?.checkpointId;
  const failedAttempts: string[] = [];
  for (let number = 1; ; number++) {
    const startedMs = host.clock.monotonicMs();
    const jobIds: string[] = [];
    let hasSavepoint = false;
    try {
      return await run({
        restore: newest,
        failedAttempts: [...failedAttempts],
        onStart: (id) => {
          jobIds.push(id);
        },
        onRestored: (snapshot) => {
          newest = snapshot;
          if (number > 1) watch.onRestored?.(snapshot?.checkpointId ?? null);
        },
        onRunning: () => {
          failedAttempts.length = 0;
        },
        onCheckpoint: (snapshot) => {
          newest = snapshot;
        },
        onSavepoint: () => {
          hasSavepoint = true;
        },
      });
    } catch (thrown) {
      const error = asEngineError(thrown);
      const hasNewCheckpoint = newest !== undefined && newest.checkpointId > (newestAtFailure ?? 0);
      newestAtFailure = newest?.checkpointId;
      if (!hasSavepoint) failedAttempts.push(...jobIds);
      const failed = { startedMs, failedMs: host.clock.monotonicMs(), hasNewCheckpoint };
      const isOver = signal.aborted || !mayGoOn(newest) || whyNotRestarted(error) !== undefined;
      const restartDelayMs = isOver ? undefined : backoff.delayAfter(failed);
      const failure = { error, failedAtMs: host.clock.nowMs(), attempt: number };
      if (restartDelayMs === undefined) {
        watch.onFailure?.(failure);
        throw error;
      }
      watch.onFailure?.({ ...failure, restartDelayMs });
      await pause(host, restartDelayMs, signal);
      watch.onRestart?.();
    }
  }
}

function pause({ scheduler }: Pick<Host, "scheduler">, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      cancel();
      reject(new JobCancelledError(signal.reason));
    };
    const cancel = scheduler.after(delayMs, () => {
      signal.removeEventListener("abort", giveUp);
      resolve();
    });
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
  });
}
