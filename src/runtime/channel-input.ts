import type { Batch } from "../core/batch.ts";
import { assert } from "../core/errors.ts";
import type { Barrier, StreamElement } from "../core/stream-element.ts";
import { isControl } from "../core/stream-element.ts";
import { START_OF_TIME_MS } from "../core/time/time.ts";
import type { ChannelReader } from "./channel.ts";
import type { ChannelInFlight } from "./in-flight.ts";
import { type InputTime, InputWatermarks } from "./input-watermarks.ts";
import type { InputEvent, InputReport, SubtaskInput, WantedInput } from "./subtask-input.ts";

/** Less than the number of any checkpoint. */
const NONE = Number.NEGATIVE_INFINITY;

/** What an input is to know of a channel. */
export interface InputChannel {
  readonly name: string;
  readonly reader: ChannelReader;
  /** Barriers need not wait for what is queued on it. */
  readonly mayBeOvertaken?: boolean;
  /** Of a channel that an earlier run had: what was known of its event time. */
  readonly time?: Pick<InputTime, "status" | "watermarkMs">;
}

interface Channel extends InputChannel {
  readonly input: number;
  isFinished: boolean;
  /** Its barrier has come: nothing more is read from it before those of the other channels have. */
  isAligned: boolean;
  /** The newest barrier that has come on it, read or not, and the newest that was read. */
  arrivedBarrier: number;
  readBarrier: number;
  /** A batch that came while none was wanted, or behind an event that goes first. */
  ahead: Batch | undefined;
}

/**
 * Reads the channels of a subtask's inputs in turn, combines their event time, and aligns barriers: a channel whose
 * barrier has come waits until every other channel has brought the same barrier or has finished.
 * A barrier that has waited for long enough may pass once it is queued in every channel (`overtakesAtMs`): what lies
 * before it is in flight then, and `inFlight` tells it. Nothing is read ahead for that, so it is never more than the
 * channels hold. Channels that barriers must not overtake are read up to theirs first.
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
  /** The newest barrier that has come on some channel, read or not, while it has not passed. */
  #announced: Barrier | undefined;
  /** The newest barrier that has passed; behind one that overtook, it is still to be read on some channels. */
  #passed = NONE;
  #isIdle = false;
  readonly #due: InputEvent[] = [];
  readonly deadlineMs = Number.POSITIVE_INFINITY;
  readonly #onAligning: () => void;
  readonly bytesRead = 0;
  readonly splitsDone = 0;

  /** `onAligning` is called where a barrier has come on some channels, and not on all. */
  constructor(
    inputs: readonly (readonly InputChannel[])[],
    nowMs: () => number,
    onAligning: () => void = () => undefined,
  ) {
    this.#onAligning = onAligning;
    this.#inputs = inputs.map((channels, input) =>
      channels.map((channel) => ({
        ...channel,
        ...{ input, isFinished: channel.time?.status === "FINISHED", isAligned: false },
        ...{ arrivedBarrier: NONE, readBarrier: NONE, ahead: undefined },
      })),
    );
    this.#channels = this.#inputs.flat();
    this.#times = new InputWatermarks(this.#channels.length, nowMs);
    for (const [i, channel] of this.#channels.entries()) {
      channel.reader.onBarrier = (barrier) => this.#announce(channel, barrier);
      if (channel.time !== undefined) this.#times.restore(i, channel.time);
    }
  }

  /**
   * Before the first `next`: event time does not go back behind `watermarkMs`, which steps are to know of if they do not;
   * `isIdle`: they were told that nothing comes for now.
   */
  start({ watermarkMs, isIdle }: { readonly watermarkMs: number; readonly isIdle: boolean }, isKnown: boolean): void {
    this.#times.startAt(watermarkMs);
    this.#isIdle = isIdle;
    if (!isKnown && watermarkMs > START_OF_TIME_MS) this.#due.push({ kind: "watermark", timeMs: watermarkMs });
    this.#noteTime(this.#times.combine());
  }

  /** What those behind it were told of its event time. */
  get told(): { readonly watermarkMs: number; readonly isIdle: boolean } {
    return { watermarkMs: this.#times.watermarkMs, isIdle: this.#isIdle };
  }

  next(wanted: WantedInput): InputEvent | undefined {
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

  /** Whether nothing is left of what its channels held. */
  get isExhausted(): boolean {
    const isEmpty = ({ ahead, reader }: Channel) => ahead === undefined && reader.isEmpty;
    return this.#due.length === 0 && this.#channels.every(isEmpty);
  }

  /** Wall clock from which on a barrier may pass though rows are queued before it; infinity where there is none. */
  get overtakesAtMs(): number {
    const { checkpointId, alignedUntilMs } = this.#announced ?? {};
    if (checkpointId === undefined || alignedUntilMs === undefined) return Number.POSITIVE_INFINITY;
    const isHere = (channel: Channel): boolean => {
      if (channel.isFinished) return true;
      if (channel.mayBeOvertaken === true) return channel.arrivedBarrier === checkpointId || channel.reader.hasEnded;
      return channel.isAligned && this.#barrier?.checkpointId === checkpointId;
    };
    return this.#channels.every(isHere) ? alignedUntilMs : Number.POSITIVE_INFINITY;
  }

  /** Lets the barrier of `overtakesAtMs` pass, before what is queued. */
  overtake(): Barrier {
    assert(this.#announced !== undefined, "a barrier has come that may overtake");
    const barrier = this.#announced;
    const due = this.#due.splice(0);
    this.#due.push(...due.filter(({ kind }) => kind !== "barrier"));
    this.#onPassed(barrier);
    return barrier;
  }

  /** Per channel, what is known of its event time and what it holds before a barrier, or at all where it has none. */
  inFlight(checkpointId?: number): ChannelInFlight[] {
    return this.#channels.map(({ input, ahead, reader, readBarrier }, i) => {
      const { status, watermarkMs } = this.#times.inputs[i];
      if (readBarrier === checkpointId) return { input, status, watermarkMs, elements: [], hasEnded: false };
      const elements: StreamElement[] = ahead === undefined ? [] : [ahead];
      let { hasEnded } = reader;
      for (const element of reader.queued?.() ?? []) {
        if (!isControl(element) || element.kind !== "barrier") elements.push(element);
        else if (element.barrier.checkpointId === checkpointId) {
          hasEnded = false;
          break;
        }
      }
      return { input, status, watermarkMs, elements, hasEnded };
    });
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
      const due = this.#due.shift();
      if (due === undefined) return { kind: "batch", batch: element, input: channel.input };
      // It is in flight until it is given.
      channel.ahead = element;
      return due;
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
    const { checkpointId } = barrier;
    channel.readBarrier = checkpointId;
    if (checkpointId <= this.#passed || checkpointId < (this.#barrier?.checkpointId ?? checkpointId)) return undefined;
    if (this.#barrier?.checkpointId !== checkpointId) {
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
    this.#onPassed(barrier);
    return { kind: "barrier", barrier };
  }

  #announce(channel: Channel, barrier: Barrier): void {
    const { checkpointId } = barrier;
    channel.arrivedBarrier = checkpointId;
    if (checkpointId > Math.max(this.#announced?.checkpointId ?? checkpointId - 1, this.#passed)) {
      this.#announced = barrier;
    }
  }

  #onPassed({ checkpointId }: Barrier): void {
    this.#passed = checkpointId;
    if ((this.#announced?.checkpointId ?? checkpointId) <= checkpointId) this.#announced = undefined;
    this.#barrier = undefined;
    for (const channel of this.#channels) channel.isAligned = false;
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
