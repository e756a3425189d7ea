import type { Batch } from "../core/batch.ts";
import type { SnapshotReader, SnapshotWriter } from "../core/state-snapshot.ts";
import type { Barrier } from "../core/stream-element.ts";
import type { Backlog } from "./backlog.ts";
import type { InputTime } from "./input-watermarks.ts";

/** What a subtask is given to do next. */
export type InputEvent =
  /** The subtask owns the batch. */
  | { readonly kind: "batch"; readonly batch: Batch; readonly input: number }
  /** The event time of all inputs together has advanced. */
  | { readonly kind: "watermark"; readonly timeMs: number }
  /** All inputs have fallen idle, or one is active again. */
  | { readonly kind: "idle" }
  | { readonly kind: "active" }
  /** A barrier has come on every channel: what was given before belongs to the checkpoint. */
  | { readonly kind: "barrier"; readonly barrier: Barrier }
  /** No more will come on this input. */
  | { readonly kind: "ended"; readonly input: number };

/** One channel or split as the user sees it when a window has not fired. */
export interface InputReport extends InputTime {
  /** "flights.parquet row group 3", or "keyBy origin, subtask 1". */
  readonly name: string;
  readonly input: number;
}

export type WantedInput = number | "any" | "none";

/** Where a subtask's rows come from: channels, or a source. */
export interface SubtaskInput {
  /**
   * The next event; undefined where nothing is there: `wake` is called, or a deadline passes, before it is worth asking
   * again. `wanted` names the only input that the first operator reads now; on "none" everything but batches may come,
   * so that a barrier need not wait for room.
   */
  next(wanted: WantedInput, wake: () => void): InputEvent | undefined;
  /** Wall clock at which `next` has something to say though nothing arrived (idleness); infinity where never. */
  readonly deadlineMs: number;
  readonly watermarks: readonly InputReport[];
  /** Wall clock from which on `overtake` lets a barrier pass though rows are queued before it; infinity where there is none. */
  readonly overtakesAtMs?: number;
  overtake?(): Barrier;
  /** Of a stream: what belongs to a checkpoint at its barrier, which is absent once a source has ended. */
  snapshot?(writer: () => SnapshotWriter, barrier?: Barrier): void;
  /** Before the first `next`. */
  restore?(reader: SnapshotReader): void;
  /** Nothing more is wanted. What is queued or being read is dropped. */
  close(): void;
  /** Resolves when no read is under way. */
  stop(): Promise<void>;
  /** Description of the source; undefined where channels are read. */
  readonly reads?: string;
  readonly bytesRead: number;
  readonly splitsDone: number;
  /** Of a stream's source: what it has found and not read yet; undefined where channels are read, and before it has looked. */
  readonly backlog?: Backlog | undefined;
}
