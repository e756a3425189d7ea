import { assert } from "../core/errors.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import { keyGroupRange } from "../core/key-group.ts";
import type { Workspace } from "../core/workspace.ts";
import type { JobVertex, StreamSettings } from "./job-graph.ts";
import type { VertexSnapshot } from "./messages.ts";
import { type SubtaskSnapshot, TableReader, TableWriter } from "./snapshots.ts";
import type { SnapshotPart, Subtask } from "./subtask.ts";

/** Takes and restores the state of the subtasks of one job on one thread. */
export class SubtaskSnapshots {
  /** The newest checkpoint that was triggered. */
  last: number | undefined;
  readonly #workspace: Workspace;
  readonly #stream: StreamSettings | undefined;
  readonly #restored: JobSnapshot | undefined;
  /** Of subtasks that have finished, what later checkpoints still need: positions of sources, output of sinks. */
  readonly #finals = new Map<Subtask, SubtaskSnapshot>();

  constructor(workspace: Workspace, stream: StreamSettings | undefined, restored: JobSnapshot | undefined) {
    this.#workspace = workspace;
    this.#stream = stream;
    this.#restored = restored;
  }

  /** `snapshot` writes the parts of a subtask. */
  take(
    vertex: JobVertex,
    subtask: number,
    snapshot: (writerOf: (part: SnapshotPart) => TableWriter) => void,
  ): SubtaskSnapshot {
    const writers = new Map<string, TableWriter>();
    try {
      snapshot((part) => {
        const uid = part === "source" ? sourceUid(vertex) : part;
        const writer = writers.get(uid) ?? new TableWriter(this.#workspace);
        writers.set(uid, writer);
        return writer;
      });
      return { subtask, operators: [...writers].map(([uid, writer]) => ({ uid, tables: writer.finish() })) };
    } finally {
      for (const writer of writers.values()) writer.close();
    }
  }

  /** Of a subtask that has finished; `last` waits for it too, where there is a checkpoint. `isDrained`: all it has. */
  takeLast(
    subtask: Subtask,
    vertex: JobVertex,
    isDrained: boolean,
  ): { readonly last: number | undefined; readonly snapshot: SubtaskSnapshot } {
    const { last } = this;
    const checkpointId = (last ?? 0) + 1;
    const snapshot = this.take(vertex, subtask.index, (writerOf) =>
      isDrained ? subtask.snapshotDrained(checkpointId, writerOf) : subtask.snapshotEnd(checkpointId, writerOf),
    );
    this.#finals.set(subtask, snapshot);
    return { last, snapshot };
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
    const restored = this.#restored;
    if (restored === undefined || this.#stream === undefined) return;
    const { parallelism } = vertex;
    const keyGroups = keyGroupRange(subtask.index, parallelism, this.#stream.maxParallelism);
    subtask.restore((part) => {
      if (part === "source" && vertex.source === undefined) return undefined;
      const snapshot = restored.operators[part === "source" ? sourceUid(vertex) : part];
      if (snapshot === undefined) return undefined;
      return new TableReader(this.#workspace, snapshot, { keyGroups, subtask: subtask.index, parallelism });
    });
  }
}

function sourceUid({ id, source }: JobVertex): string {
  const uid = source?.stream?.uid;
  assert(uid !== undefined, `the source of a stream has a uid, that of vertex ${id} too`);
  return uid;
}
