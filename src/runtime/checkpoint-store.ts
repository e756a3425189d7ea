import type { JobSnapshot } from "./snapshots.ts";

/**
 * Makes a checkpoint durable: it is complete once this has resolved. The signal is aborted when nobody waits for that any
 * longer; a checkpoint that is stored all the same must not take the place of a newer one.
 */
export type StoreCheckpoint = (
  snapshot: JobSnapshot,
  options: { readonly signal: AbortSignal },
) => void | Promise<void>;

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
