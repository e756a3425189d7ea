import { assert } from "../core/errors.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import { keyGroupRange } from "../core/key-group.ts";
import type { Barrier } from "../core/stream-element.ts";
import type { Workspace } from "../core/workspace.ts";
import { parallelismsIn } from "./chain-watermarks.ts";
import { inputUid, type JobVertex, type StreamSettings } from "./job-graph.ts";
import type { VertexSnapshot } from "./messages.ts";
import { type SubtaskSnapshot, TableHistory, TableReader, TableWriter, type WrittenSnapshot } from "./snapshots.ts";
import type { SnapshotPart } from "./stream-task.ts";
import type { Subtask } from "./subtask.ts";

export interface SubtaskSnapshotsOptions {
  readonly workspace: Workspace;
  /** Undefined for a batch job, which has no checkpoints. */
  readonly stream: StreamSettings | undefined;
  readonly restored: JobSnapshot | undefined;
  readonly vertices: readonly JobVertex[];
  /** Lets the job go on. */
  readonly turn: () => Promise<void>;
  /** There is something for `throwFailure`, also while the job waits for its input. */
  readonly onFailure: () => void;
}

/** State of a subtask that is being encoded. */
interface Encoding {
  /** A newer barrier has passed the subtask, or the job is stopped: nobody waits for it. */
  isUnwanted: boolean;
}

/** Writes the parts of a subtask's state: a copy of what they are at this moment. */
type WriteParts = (writerOf: (part: SnapshotPart) => TableWriter) => void;

/**
 * Takes and restores the state of the subtasks of one job on one thread. While a barrier passes a subtask its state is
 * copied; what was copied is encoded while the job goes on.
 */
export class SubtaskSnapshots {
  /** The newest checkpoint that was triggered. */
  last: number | undefined;
  readonly #options: SubtaskSnapshotsOptions;
  /** Of subtasks that have finished, what later checkpoints still need: positions of sources, output of sinks. */
  readonly #finals = new Map<Subtask, SubtaskSnapshot>();
  /** The newest checkpoint whose barrier has passed a subtask. */
  readonly #passed = new Map<Subtask, number>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #encodings = new Map<Subtask, Encoding>();
  /** Of each step of a subtask that goes on. */
  readonly #histories = new Map<Subtask, Map<string, TableHistory>>();
  /** Of the job and what it goes on from; undefined before anybody has looked. */
  #hasNewLayout: boolean | undefined;
  #failure: { readonly thrown: unknown } | undefined;

  constructor(options: SubtaskSnapshotsOptions) {
    this.#options = options;
  }

  /** Called with the state of a subtask that is ready to be stored. */
  onTaken: (checkpointId: number, vertex: number, snapshot: SubtaskSnapshot) => void = () => undefined;

  /** A barrier passes a subtask. */
  take(subtask: Subtask, vertex: JobVertex, { checkpointId, since }: Barrier, write: WriteParts): void {
    const histories = this.#histories.get(subtask) ?? new Map<string, TableHistory>();
    this.#histories.set(subtask, histories);
    const writers = this.#write(vertex, write, (uid) => {
      const history = histories.get(uid) ?? new TableHistory();
      histories.set(uid, history);
      return { number: checkpointId, since, history };
    });
    this.#passed.set(subtask, checkpointId);
    this.#forget(subtask);
    const encoding: Encoding = { isUnwanted: false };
    this.#encodings.set(subtask, encoding);
    const taken: Promise<void> = this.#encode(subtask.index, writers, encoding)
      .then((snapshot) => this.onTaken(checkpointId, vertex.id, snapshot))
      .catch((thrown: unknown) => {
        if (encoding.isUnwanted) return;
        this.#failure ??= { thrown };
        this.#options.onFailure();
      })
      .finally(() => this.#underWay.delete(taken));
    this.#underWay.add(taken);
  }

  /** Checkpoints follow each other: one whose barrier is overtaken has been given up. */
  #forget(subtask: Subtask): void {
    const encoding = this.#encodings.get(subtask);
    if (encoding !== undefined) encoding.isUnwanted = true;
  }

  /** Nobody waits any longer for what is being encoded. Resolves when it is given back. */
  async stop(): Promise<void> {
    for (const subtask of this.#encodings.keys()) this.#forget(subtask);
    await this.settled();
  }

  /** A subtask has finished: the newest checkpoint waits for it too, if its barrier has not come. `isDrained`: all it has. */
  takeLast(subtask: Subtask, vertex: JobVertex, isDrained: boolean): void {
    const { last } = this;
    const checkpointId = (last ?? 0) + 1;
    const writers = this.#write(vertex, (writerOf) =>
      isDrained ? subtask.snapshotDrained(checkpointId, writerOf) : subtask.snapshotEnd(checkpointId, writerOf),
    );
    const operators = [...writers].map(([uid, writer]) => ({ uid, tables: writer.finish() }));
    const snapshot = { subtask: subtask.index, operators };
    this.#finals.set(subtask, snapshot);
    if (last !== undefined && this.#passed.get(subtask) !== last) this.onTaken(last, vertex.id, snapshot);
  }

  /** Throws what encoding has failed with. */
  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.thrown;
  }

  /** Resolves when all that was taken is encoded. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Nothing is left of it where it fails. */
  #write(
    vertex: JobVertex,
    write: WriteParts,
    writtenOf: (uid: string) => WrittenSnapshot | undefined = () => undefined,
  ): Map<string, TableWriter> {
    const writers = new Map<string, TableWriter>();
    try {
      write((part) => {
        const uid = part === "input" ? inputUid(vertex) : part;
        assert(uid !== undefined, `the first step of vertex ${vertex.id} has a uid`);
        const writer = writers.get(uid) ?? new TableWriter(this.#options.workspace, writtenOf(uid));
        writers.set(uid, writer);
        return writer;
      });
      return writers;
    } catch (thrown) {
      for (const writer of writers.values()) writer.close();
      throw thrown;
    }
  }

  async #encode(
    subtask: number,
    writers: ReadonlyMap<string, TableWriter>,
    encoding: Encoding,
  ): Promise<SubtaskSnapshot> {
    const turn = async () => {
      await this.#options.turn();
      if (encoding.isUnwanted) throw new Error("nobody waits for this checkpoint");
    };
    try {
      const operators: SubtaskSnapshot["operators"][number][] = [];
      for (const [uid, writer] of writers) operators.push({ uid, tables: await writer.finishBehind(turn) });
      return { subtask, operators };
    } finally {
      for (const writer of writers.values()) writer.close();
    }
  }

  finalOf(subtask: Subtask): SubtaskSnapshot {
    return this.#finals.get(subtask) ?? { subtask: subtask.index, operators: [] };
  }

  /** Of the subtasks that have finished. */
  finals(): VertexSnapshot[] {
    return [...this.#finals].map(([{ vertex }, snapshot]) => ({ vertex, snapshot }));
  }

  /** Gives a subtask that was opened its share of the state that the job goes on from, if it does. */
  restore(subtask: Subtask, vertex: JobVertex): void {
    const { workspace, stream, restored } = this.#options;
    if (restored === undefined || stream === undefined) return;
    const { parallelism } = vertex;
    const { maxParallelism } = stream;
    const keyGroups = keyGroupRange(subtask.index, parallelism, maxParallelism);
    this.#hasNewLayout ??= hasNewLayout(this.#options, restored);
    const isNew = { hasNewLayout: this.#hasNewLayout };
    const target = { keyGroups, subtask: subtask.index, parallelism, maxParallelism, ...isNew };
    subtask.restore((part) => {
      const uid = part === "input" ? inputUid(vertex) : part;
      if (uid === undefined) return undefined;
      const snapshot = restored.operators[uid];
      if (snapshot === undefined) return undefined;
      return new TableReader(workspace, snapshot, { ...target, uid });
    });
  }
}

/** Whether some step has another number of subtasks than when the snapshot was taken, as far as watermarks tell. */
function hasNewLayout({ workspace, vertices }: SubtaskSnapshotsOptions, { operators }: JobSnapshot): boolean {
  const all = { keyGroups: { start: 0, end: 0 }, subtask: 0, parallelism: 1 };
  return vertices.some(({ source, operators: steps, parallelism }) =>
    [source?.stream?.uid, ...steps.map(({ uid }) => uid)].some((uid) => {
      const snapshot = uid === undefined ? undefined : operators[uid];
      if (snapshot === undefined) return false;
      const before = parallelismsIn(workspace, new TableReader(workspace, snapshot, all));
      return before.some((each) => each !== parallelism);
    }),
  );
}
