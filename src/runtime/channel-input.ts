import type { Batch } from "../core/batch.ts";
import type { Barrier, StreamElement } from "../core/stream-element.ts";
import { isControl } from "../core/stream-element.ts";
import type { ChannelReader } from "./channel.ts";
import { InputWatermarks } from "./input-watermarks.ts";
import type { InputEvent, InputReport, SubtaskInput, WantedInput } from "./subtask-input.ts";

interface Channel {
  readonly name: string;
  readonly input: number;
  readonly reader: ChannelReader;
  isFinished: boolean;
  /** Its barrier has come: nothing more is read from it before those of the other channels have. */
  isAligned: boolean;
  /** A batch that came while none was wanted. */
  ahead: Batch | undefined;
}

/**
 * Reads the channels of a subtask's inputs in turn, combines their event time, and aligns barriers: a channel whose
 * barrier has come waits until every other channel has brought the same barrier or has finished.
 */
export class ChannelInput implements SubtaskInput {
  readonly #inputs: readonly (readonly Channel[])[];
  readonly #channels: readonly Channel[];
  readonly #times: InputWatermarks;
  readonly #endedInputs = new Set<number>();
  /** Where the next poll starts, so that no input and no channel starves. */
  #nextInput = 0;
  #nextChannel = 0;
  #barrier: Barrier | undefined;
  #isIdle = false;
  readonly #due: InputEvent[] = [];
  readonly deadlineMs = Number.POSITIVE_INFINITY;
  readonly #onAligning: () => void;
  readonly bytesRead = 0;
  readonly splitsDone = 0;

  /** `onAligning` is called where a barrier has come on some channels, and not on all. */
  constructor(
    inputs: readonly (readonly { readonly name: string; readonly reader: ChannelReader }[])[],
    nowMs: () => number,
    onAligning: () => void = () => undefined,
  ) {
    this.#onAligning = onAligning;
    this.#inputs = inputs.map((channels, input) =>
      channels.map((channel) => ({ ...channel, input, isFinished: false, isAligned: false, ahead: undefined })),
    );
    this.#channels = this.#inputs.flat();
    this.#times = new InputWatermarks(this.#channels.length, nowMs);
  }

  next(wanted: WantedInput): InputEvent | undefined {
    if (wanted === "none" && this.#due[0]?.kind === "batch") return undefined;
    const due = this.#due.shift();
    if (due !== undefined) return due;
    if (wanted === "none") return this.#lookAhead() ?? this.#findEnd("any");
    for (let i = 0; i < this.#inputs.length; i++) {
      const input = wanted === "any" ? (this.#nextInput + i) % this.#inputs.length : wanted;
      const event = this.#poll(this.#inputs[input]);
      if (event !== undefined) {
        this.#nextInput = (input + 1) % this.#inputs.length;
        return event;
      }
      if (wanted !== "any") break;
    }
    return this.#findEnd(wanted);
  }

  get watermarks(): readonly InputReport[] {
    return this.#channels.map(({ name, input }, i) => ({ ...this.#times.inputs[i], name, input }));
  }

  close(): void {
    for (const channel of this.#channels) {
      channel.ahead?.release();
      channel.ahead = undefined;
      channel.reader.close();
    }
  }

  async stop(): Promise<void> {}

  #poll(channels: readonly Channel[]): InputEvent | undefined {
    const first = this.#nextChannel;
    for (let i = 0; i < channels.length; i++) {
      const at = (first + i) % channels.length;
      const channel = channels[at];
      if (channel.isAligned) continue;
      for (let element = takeNext(channel); element !== undefined; element = takeNext(channel)) {
        this.#nextChannel = at + 1;
        const event = this.#take(channel, element);
        if (event !== undefined) return event;
        if (channel.isAligned) break;
      }
    }
    return undefined;
  }

  /** What is no batch, up to the first batch of each channel. */
  #lookAhead(): InputEvent | undefined {
    for (const channel of this.#channels) {
      while (!channel.isAligned && channel.ahead === undefined) {
        const element = channel.reader.poll();
        if (element === undefined) break;
        if (!isControl(element)) {
          channel.ahead = element;
          break;
        }
        const event = this.#take(channel, element);
        if (event !== undefined) return event;
      }
    }
    return undefined;
  }

  #take(channel: Channel, element: StreamElement): InputEvent | undefined {
    const index = this.#channels.indexOf(channel);
    if (!isControl(element)) {
      if (this.#isIdle) this.#noteTime(this.#times.activate(index));
      const event: InputEvent = { kind: "batch", batch: element, input: channel.input };
      if (this.#due.length === 0) return event;
      this.#due.push(event);
      return this.#due.shift();
    }
    switch (element.kind) {
      case "watermark":
        this.#noteTime(this.#times.advance(index, element.timeMs));
        return this.#due.shift();
      case "idle":
        this.#noteTime(this.#times.idle(index));
        return this.#due.shift();
      case "active":
        this.#noteTime(this.#times.activate(index));
        return this.#due.shift();
      case "barrier":
        return this.#onBarrier(channel, element.barrier);
    }
  }

  #onBarrier(channel: Channel, barrier: Barrier): InputEvent | undefined {
    if (this.#barrier !== undefined && barrier.checkpointId < this.#barrier.checkpointId) return undefined;
    if (this.#barrier?.checkpointId !== barrier.checkpointId) {
      // A newer checkpoint replaces one that never got all of its barriers.
      for (const other of this.#channels) other.isAligned = false;
      this.#barrier = barrier;
    }
    channel.isAligned = true;
    const aligned = this.#findAlignment();
    if (aligned === undefined) this.#onAligning();
    return aligned;
  }

  #findAlignment(): InputEvent | undefined {
    const barrier = this.#barrier;
    if (barrier === undefined || !this.#channels.every((each) => each.isAligned || each.isFinished)) return undefined;
    this.#barrier = undefined;
    for (const channel of this.#channels) channel.isAligned = false;
    return { kind: "barrier", barrier };
  }

  #findEnd(wanted: Exclude<WantedInput, "none">): InputEvent | undefined {
    for (const [index, channel] of this.#channels.entries()) {
      if (channel.isFinished || channel.ahead !== undefined || !channel.reader.isEnded) continue;
      channel.isFinished = true;
      this.#noteTime(this.#times.finish(index));
      const aligned = this.#findAlignment();
      if (aligned !== undefined) this.#due.push(aligned);
    }
    for (const [input, channels] of this.#inputs.entries()) {
      if (wanted !== "any" && input !== wanted) continue;
      if (this.#endedInputs.has(input) || !channels.every(({ isFinished }) => isFinished)) continue;
      this.#endedInputs.add(input);
      this.#due.push({ kind: "ended", input });
    }
    return this.#due.shift();
  }

  #noteTime(hasAdvanced: boolean): void {
    const { status } = this.#times;
    if (this.#isIdle && status === "ACTIVE") {
      this.#isIdle = false;
      this.#due.push({ kind: "active" });
    }
    if (hasAdvanced) this.#due.push({ kind: "watermark", timeMs: this.#times.watermarkMs });
    if (!this.#isIdle && status === "IDLE") {
      this.#isIdle = true;
      this.#due.push({ kind: "idle" });
    }
  }
}

function takeNext(channel: Channel): StreamElement | undefined {
  const { ahead } = channel;
  if (ahead === undefined) return channel.reader.poll();
  channel.ahead = undefined;
  return ahead;
}
