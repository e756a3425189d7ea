import { crc32cOf } from "../core/checksum.ts";
import { ExternalError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { StoreCheckpoint } from "../runtime/checkpoint-store.ts";
import type { Engine, JobOptions } from "../runtime/engine.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import { uniqueId } from "../runtime/unique-id.ts";
import { CheckpointDirectory } from "../state/checkpoints/checkpoint-directory.ts";
import { isOneRuns } from "../state/checkpoints/checkpoint-names.ts";
import { LocalObjects } from "../state/checkpoints/local-objects.ts";
import type { OwnAttempts } from "../state/checkpoints/own-attempts.ts";
import type { Checkpointing, KeptCheckpoints } from "./checkpointing.ts";
import type { RestoreOptions } from "./restore-options.ts";
import { givenOrigin, originInDirectory } from "./restore-origin.ts";

interface CheckpointedRun {
  readonly engine: Engine;
  readonly host: Host;
  readonly graph: JobGraph;
  readonly checkpoints: Checkpointing | undefined;
  /** What the caller gave to go on from; a directory that has checkpoints goes before it. */
  readonly origin: RestoreOptions;
  readonly onCheckpoint: (snapshot: JobSnapshot) => void;
  /** What it goes on from is known: undefined where it begins anew. */
  readonly onRestored: (snapshot: JobSnapshot | undefined) => void;
  /** Of the job in this process. */
  readonly ownAttempts: OwnAttempts;
}

/** What of a run's options has to do with checkpoints. */
export type CheckpointedOptions = Pick<
  JobOptions,
  "checkpoints" | "storeCheckpoint" | "storesChanges" | "commitWatch" | "onCancelled" | "restore"
>;

/** One run of a job with its checkpoints: where they are kept, and from where it goes on. */
export async function runCheckpointed<T>(
  { engine, host, graph, checkpoints, origin, onCheckpoint, onRestored, ownAttempts }: CheckpointedRun,
  run: (options: CheckpointedOptions) => Promise<T>,
): Promise<T> {
  const from = { ...origin, engine, host, graph };
  const goOnFrom = (found: JobSnapshot | undefined): Pick<CheckpointedOptions, "restore"> => {
    onRestored(found);
    if (found === undefined) return {};
    onCheckpoint(found);
    return { restore: found };
  };
  if (checkpoints === undefined) return run(goOnFrom(await givenOrigin(from)));
  const { settings, kept, store } = checkpoints;
  // A checkpoint is the newest of the job once it is kept where the user wants it.
  const storing = (keep: StoreCheckpoint | undefined): StoreCheckpoint => {
    return async (snapshot, options) => {
      await keep?.(snapshot, options);
      if (!options.signal.aborted) onCheckpoint(snapshot);
    };
  };
  if (kept === undefined) {
    return run({
      ...goOnFrom(await givenOrigin(from)),
      checkpoints: settings,
      storeCheckpoint: storing(store),
    });
  }
  const objects = objectsOf(host, kept);
  const directory = await claim(engine, host, kept, objects, ownAttempts);
  const found = await originInDirectory(from, await directory.restore(), objects);
  // What cannot be removed now is tried again with the next one; a disk that it fills fails to store them.
  const removeOld = async () => {
    try {
      await directory.removeOld();
    } catch (thrown) {
      if (!(thrown instanceof ExternalError)) throw thrown;
    }
  };
  try {
    const outcome = await run({
      ...goOnFrom(found),
      checkpoints: settings,
      storeCheckpoint: storing((snapshot, { signal }) => directory.store(snapshot, signal)),
      storesChanges: true,
      commitWatch: {
        before: (checkpointId) => directory.beforeCommit(checkpointId),
        after: removeOld,
      },
      ...(kept.onCancel === "delete" ? { onCancelled: () => removeAll(directory) } : {}),
    });
    await removeOld();
    return outcome;
  } finally {
    // What is still being stored when the job fails is not left to write behind its back.
    await directory.settled();
  }
}

/** False where another run has taken them over. */
async function removeAll(directory: CheckpointDirectory): Promise<boolean> {
  try {
    await directory.removeAll();
    return true;
  } catch (thrown) {
    if (thrown instanceof ExternalError && thrown.code === "CHECKPOINT_FENCED") return false;
    throw thrown;
  }
}

const objectsOf = (host: Host, { directory }: KeptCheckpoints): LocalObjects =>
  new LocalObjects(host.files, directory, `${host.processes.token}-${uniqueId(host.random)}`, isOneRuns);

function claim(
  engine: Engine,
  host: Host,
  { retained }: KeptCheckpoints,
  store: LocalObjects,
  own: OwnAttempts,
): Promise<CheckpointDirectory> {
  const { workspace } = engine;
  const checksum = (bytes: Uint8Array, crc?: number): number => crc32cOf(workspace, [bytes], crc);
  const turn = () => host.scheduler.yield();
  return CheckpointDirectory.claim({ store, checksum, nowMs: () => host.clock.nowMs(), turn, retained }, own);
}
