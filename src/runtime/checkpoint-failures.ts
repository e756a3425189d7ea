import { ExternalError } from "../core/errors.ts";

/** Its barriers have not come through. */
export const checkpointTimedOut = (checkpointId: number, timeoutMs: number | undefined) =>
  new ExternalError(
    "CHECKPOINT_TIMEOUT",
    true,
    `The barriers of checkpoint ${checkpointId} had not passed the job after ${timeoutMs} ms.`,
    "Look at the metrics for what is backpressured, or allow more time.",
  );

/** They have, and storing it has not ended. */
export const checkpointNotStored = (checkpointId: number, timeoutMs: number | undefined) =>
  new ExternalError(
    "CHECKPOINT_TIMEOUT",
    true,
    `Checkpoint ${checkpointId} had not been stored ${timeoutMs} ms after it was begun: storeCheckpoint has not resolved.`,
    "See to where checkpoints are stored, or allow more time.",
  );

/** The job had ended before; without the id of a checkpoint where none was begun. */
export const checkpointAborted = (checkpointId?: number) =>
  new ExternalError(
    "CHECKPOINT_ABORTED",
    true,
    checkpointId === undefined
      ? "No checkpoint was taken: the job had ended."
      : `Checkpoint ${checkpointId} was not completed: the job had ended.`,
    "Take it while the job runs.",
  );
