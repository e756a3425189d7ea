import type { Batch } from "./batch.ts";

/** Where a checkpoint cuts the stream: rows before it are in the snapshot, rows behind it are not. */
export interface Barrier {
  readonly checkpointId: number;
  /** Behind it every subtask stands still until the job says how it goes on: the job may stop here. */
  readonly holds?: true;
  /** The newest complete checkpoint of this run: state may be given as what has changed since. Absent: whole. */
  readonly since?: number;
  /**
   * Wall clock from which on it does not wait for rows that are queued before it: they become part of the checkpoint.
   * Absent: it always waits.
   */
  readonly alignedUntilMs?: number;
}

/** What travels between subtasks beside batches, in order with them. */
export type ControlElement =
  /** No more rows at or before `timeMs` on this channel. */
  | { readonly kind: "watermark"; readonly timeMs: number }
  /** Nothing comes for now: this channel must not hold back the others. */
  | { readonly kind: "idle" }
  /** Ends a phase of idleness; a batch or watermark does so too. */
  | { readonly kind: "active" }
  | { readonly kind: "barrier"; readonly barrier: Barrier };

/** One element of a stream. The end of a channel is no element: it is the state FINISHED. */
export type StreamElement = Batch | ControlElement;

export const isControl = (element: StreamElement): element is ControlElement => "kind" in element;
