import { crc32cOf } from "../core/checksum.ts";
import { PlanError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { StoreCheckpoint } from "../runtime/checkpoint-store.ts";
import type { Engine } from "../runtime/engine.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import type { RunningStream } from "../runtime/running-stream.ts";
import { stepsOf } from "../runtime/step-names.ts";
import { uniqueId } from "../runtime/unique-id.ts";
import { SavepointTarget, type WrittenSavepoint } from "../state/savepoints/write-savepoint.ts";
import type { SavepointResult, TakesSavepoints } from "./savepoint-options.ts";

/** Takes the savepoints of a job that runs. */
export class JobSavepoints implements TakesSavepoints {
  readonly #engine: Engine;
  readonly #host: Host;
  readonly #graph: JobGraph;
  readonly #jobName: string | undefined;
  readonly #onTake: () => void;

  /** `onTake`: one is about to be taken. */
  constructor(
    engine: Engine,
    { host, graph, jobName }: { readonly host: Host; readonly graph: JobGraph; readonly jobName?: string },
    onTake: () => void,
  ) {
    this.#onTake = onTake;
    this.#engine = engine;
    this.#host = host;
    this.#graph = graph;
    this.#jobName = jobName;
  }

  take(running: RunningStream, path: string): Promise<SavepointResult> {
    return this.#write(path, (store) => running.savepoint(store));
  }

  /** Resolves before the job has ended. */
  stop(running: RunningStream, path: string, drains: boolean): Promise<SavepointResult> {
    return this.#write(path, (store) => running.stop(store, drains));
  }

  async #write(path: string, take: (store: StoreCheckpoint) => Promise<JobSnapshot>): Promise<SavepointResult> {
    if (this.#graph.stream?.mode === "batch") throw notInBatchMode();
    this.#onTake();
    const { files, clock, processes, random, scheduler } = this.#host;
    const target = await SavepointTarget.take(path, {
      files,
      checksum: (bytes, crc) => crc32cOf(this.#engine.workspace, [bytes], crc),
      nowMs: () => clock.nowMs(),
      turn: () => scheduler.yield(),
      token: `${processes.token}-${uniqueId(random)}`,
    });
    let written: WrittenSavepoint | undefined;
    let writing: Promise<void> | undefined;
    const write: StoreCheckpoint = async (snapshot, { signal }) => {
      try {
        const steps = stepsOf(this.#graph);
        written = await target.write(snapshot, { steps, jobName: this.#jobName }, signal);
        signal.throwIfAborted();
      } catch (thrown) {
        await target.discard();
        throw thrown;
      }
    };
    const store: StoreCheckpoint = (snapshot, options) => {
      writing = Promise.resolve(write(snapshot, options));
      return writing;
    };
    try {
      const { checkpointId } = await take(store);
      return { ...(written ?? { path: target.path, stateBytes: 0 }), checkpointId };
    } catch (thrown) {
      // One that is complete stays, whatever else has failed: somebody may have to go on from it.
      if (writing === undefined) await target.discard();
      // Who waits no longer than it may take still finds nothing half-written.
      else await writing.catch(() => undefined);
      throw thrown;
    }
  }
}

const notInBatchMode = (): PlanError =>
  new PlanError(
    "SAVEPOINT_IN_BATCH_MODE",
    "The job runs in BATCH mode, which takes no checkpoints and no savepoints.",
    "Run it in STREAMING mode.",
  );
