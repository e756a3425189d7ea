import type { StreamElement } from "../core/stream-element.ts";
import type { InputTime } from "./input-watermarks.ts";

/** One channel of a subtask as a barrier that overtook met it. */
export interface ChannelInFlight extends Pick<InputTime, "status" | "watermarkMs"> {
  /** Of the operator. */
  readonly input: number;
  /** In order; batches are borrowed from the channel. */
  readonly elements: readonly StreamElement[];
  /** The producer had ended behind them. */
  readonly hasEnded: boolean;
}

/**
 * All that was on its way to a subtask when a barrier overtook it. Stages follow each other: channels of the first were
 * there before those of the next, so that what comes of them is older. There are several where a checkpoint was taken
 * before all was replayed that an earlier one had.
 */
export interface InFlight {
  /** The event time that the subtask had got. */
  readonly watermarkMs: number;
  readonly stages: readonly (readonly ChannelInFlight[])[];
}
