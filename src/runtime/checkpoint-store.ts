import type { JobSnapshot } from "../core/job-snapshot.ts";

/**
 * Makes a checkpoint durable: it is complete once this has resolved. The signal is aborted when nobody waits for that any
 * longer; a checkpoint that is stored all the same must not take the place of a newer one.
 */
export type StoreCheckpoint = (
  snapshot: JobSnapshot,
  options: { readonly signal: AbortSignal },
) => void | Promise<void>;

/** Hears of what is committed with checkpoints. */
export interface CommitWatch {
  /**
   * Before anything of a stored checkpoint is committed, where there is something to commit. The job fails where this
   * does, without a commit.
   */
  before(checkpointId: number): void | Promise<void>;
  /** All of it is committed, also where that was nothing: what earlier checkpoints hold is not needed any more. */
  after(checkpointId: number): void | Promise<void>;
}

/** Waits for a checkpoint to be stored until it is, or fails with the reason of the signal once that is aborted. */
export function storeUntil(store: StoreCheckpoint, snapshot: JobSnapshot, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    if (signal.aborted) {
      giveUp();
      return;
    }
    signal.addEventListener("abort", giveUp, { once: true });
    const stored = async () => store(snapshot, { signal });
    stored()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", giveUp));
  });
}
