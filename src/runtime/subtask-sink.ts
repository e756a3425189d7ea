import type { Batch } from "../core/batch.ts";
import { assert, PlanError } from "../core/errors.ts";
import type { Committable, SinkWriter } from "../core/sink.ts";
import type { SnapshotReader, SnapshotWriter } from "../core/state-snapshot.ts";
import type { Workspace } from "../core/workspace.ts";
import { type PreparedCheckpoint, writePrepared } from "./committables.ts";

export interface SubtaskSinkOptions {
  /** For messages. */
  readonly name: string;
  readonly uid: string | undefined;
  /** The checkpoint that the job goes on from. */
  readonly restored: number | undefined;
}

/** A sink writer behind a chain: batches queue up in one step and are written before the next one. */
export class SubtaskSink {
  /** Under which its state is kept; absent in a batch job. */
  readonly uid: string | undefined;
  readonly #writer: SinkWriter;
  readonly #name: string;
  readonly #restored: number | undefined;
  readonly #queue: Batch[] = [];
  /** Prepared at barriers and not known to be committed, oldest first. */
  readonly #prepared: PreparedCheckpoint[] = [];
  #last: { readonly committable: Committable } | undefined;
  #failure: unknown;
  isBusy = false;

  constructor(writer: SinkWriter, { name, uid, restored }: SubtaskSinkOptions) {
    this.#writer = writer;
    this.#name = name;
    this.uid = uid;
    this.#restored = restored;
  }

  /** All that is to be committed at the end: also what checkpoints have left. */
  get committables(): readonly Committable[] {
    const early = this.#prepared.flatMap(({ committables }) => committables);
    return this.#last === undefined ? early : [...early, this.#last.committable];
  }

  /** Wall clock at which `onTime` has something to do. */
  get deadlineMs(): number {
    return this.#last === undefined ? (this.#writer.deadlineMs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  }

  /** Takes over the caller's reference. */
  put(batch: Batch): void {
    this.#queue.push(batch);
  }

  /** Writes what the step has put; a writer that really waits makes the subtask wait. */
  flush(wake: () => void): void {
    this.throwFailure();
    while (this.#queue.length > 0) {
      const [batch] = this.#queue;
      const written = this.#writer.write(batch);
      this.#queue.shift();
      if (written instanceof Promise) {
        this.#await(
          written.finally(() => batch.release()),
          () => this.flush(wake),
          wake,
        );
        return;
      }
      batch.release();
    }
  }

  onTime(nowMs: number, wake: () => void): void {
    const done = this.#writer.onTime?.(nowMs);
    if (done instanceof Promise) this.#await(done, () => undefined, wake);
  }

  /** Nothing is queued; busy until the writer has prepared what came before the barrier. */
  prepareCheckpoint(checkpointId: number, wake: () => void): void {
    assert(this.#queue.length === 0, "a sink has written everything before a barrier");
    const keep = (committables: readonly Committable[]) => {
      if (committables.length > 0) this.#prepared.push({ checkpointId, committables });
    };
    const prepared = this.#writer.prepareCheckpoint?.(checkpointId);
    if (prepared instanceof Promise) this.#await(prepared.then(keep), () => undefined, wake);
    else if (prepared !== undefined) keep(prepared);
  }

  /** State of the writer and everything that it has prepared; behind the end of the input, its last committable too. */
  snapshot(workspace: Workspace, checkpointId: number, writerOf: (uid: string) => SnapshotWriter): void {
    const last = this.#last === undefined ? [] : [{ checkpointId, committables: [this.#last.committable] }];
    const prepares = this.#writer.prepareCheckpoint !== undefined || hasOutput(this.#last?.committable);
    if (!prepares && this.#writer.snapshotState === undefined) return;
    assert(this.uid !== undefined, "a sink that keeps state has a uid");
    const writer = writerOf(this.uid);
    this.#writer.snapshotState?.(writer);
    if (prepares) writePrepared(workspace, writer, [...this.#prepared, ...last]);
  }

  restore(readerOf: (uid: string) => SnapshotReader | undefined): void {
    const reader = this.uid === undefined ? undefined : readerOf(this.uid);
    if (reader !== undefined) this.#writer.restoreState?.(reader);
  }

  /** A checkpoint, and all before it, are committed. */
  forgetCommitted(checkpointId: number): void {
    while (this.#prepared.length > 0 && this.#prepared[0].checkpointId <= checkpointId) this.#prepared.shift();
  }

  prepareCommit(wake: () => void): void {
    this.flush(wake);
    const prepare = () => {
      const prepared = this.#writer.prepareCommit();
      const keep = (committable: Committable) => {
        this.#last = { committable };
        const isWhole = this.#restored === undefined || this.#writer.prepareCheckpoint !== undefined;
        if (!isWhole && hasOutput(committable)) throw notWhole(this.#name, this.#restored);
      };
      if (prepared instanceof Promise) this.#await(prepared.then(keep), () => undefined, wake);
      else keep(prepared);
    };
    if (this.isBusy) this.#afterwards = prepare;
    else prepare();
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    while (this.isBusy) await this.#pending;
  }

  close(): void {
    for (const batch of this.#queue) batch.release();
    this.#queue.length = 0;
    if (this.#last === undefined) this.#writer.close();
  }

  #afterwards: (() => void) | undefined;
  #pending: Promise<void> = Promise.resolve();

  #await(promise: Promise<unknown>, next: () => void, wake: () => void): void {
    this.isBusy = true;
    this.#pending = promise
      .then(() => {
        this.isBusy = false;
        next();
        if (!this.isBusy) {
          const afterwards = this.#afterwards;
          this.#afterwards = undefined;
          afterwards?.();
        }
      })
      .catch((thrown: unknown) => {
        this.isBusy = false;
        this.#failure = thrown;
      })
      .finally(wake);
  }
}

/** False for writers whose output needs no commit. */
const hasOutput = (committable: Committable | undefined): boolean => committable !== undefined && committable !== null;

const notWhole = (name: string, checkpointId: number | undefined): PlanError =>
  new PlanError(
    "SINK_NOT_RESTORABLE",
    `"${name}" prepares nothing at checkpoints, so what it had written before checkpoint ${checkpointId}, from which the job went on, is not in its output.`,
    "Give its writer prepareCheckpoint, which says what it wrote since the last one; or run the job from its beginning.",
  );
