import type { SnapshotReader, SnapshotWriter } from "../core/state-snapshot.ts";
import type { Barrier } from "../core/stream-element.ts";
import { ChannelInput, type InputChannel } from "./channel-input.ts";
import type { ChannelInFlight } from "./in-flight.ts";
import { type InFlightOwner, readInFlight, writeInFlight } from "./in-flight-tables.ts";
import { RecordedChannel } from "./recorded-channel.ts";
import type { InputEvent, InputReport, SubtaskInput, WantedInput } from "./subtask-input.ts";

/**
 * The channels of a stream's subtask; where the job goes on from a checkpoint whose barriers overtook rows, these rows
 * first. What an earlier run had in its channels is read as if it still stood in channels: of each the last watermark
 * counts until all of them are empty, so that no row comes too late which would not have. Only then is anything read that is
 * new, and what is older stays before what is newer.
 */
export class ReplayingInput implements SubtaskInput {
  readonly #channels: ChannelInput;
  readonly #inputCount: number;
  readonly #owner: InFlightOwner;
  readonly #nowMs: () => number;
  /** What is left of an earlier run, oldest first. */
  #stages: ChannelInput[] = [];
  readonly deadlineMs = Number.POSITIVE_INFINITY;
  readonly bytesRead = 0;
  readonly splitsDone = 0;

  constructor(
    inputs: readonly (readonly InputChannel[])[],
    owner: InFlightOwner,
    nowMs: () => number,
    onAligning: () => void,
  ) {
    this.#channels = new ChannelInput(inputs, nowMs, onAligning);
    this.#inputCount = inputs.length;
    this.#owner = owner;
    this.#nowMs = nowMs;
  }

  next(wanted: WantedInput): InputEvent | undefined {
    while (this.#stages.length > 0) {
      const [stage] = this.#stages;
      const event = stage.next(wanted);
      // Where an input ends, its channels say so themselves.
      if (event?.kind === "ended") continue;
      if (event !== undefined || !stage.isExhausted) return event;
      this.#startNext();
    }
    return this.#channels.next(wanted);
  }

  get overtakesAtMs(): number {
    return this.#channels.overtakesAtMs;
  }

  overtake(): Barrier {
    return this.#channels.overtake();
  }

  snapshot(writer: () => SnapshotWriter, barrier?: Barrier): void {
    while (this.#stages[0]?.isExhausted === true) this.#startNext();
    const { watermarkMs } = (this.#stages[0] ?? this.#channels).told;
    const stages = [...this.#stages.map((stage) => stage.inFlight()), this.#channels.inFlight(barrier?.checkpointId)];
    const left = stages.filter((channels) => channels.some(({ elements }) => elements.length > 0));
    if (left.length > 0) writeInFlight(this.#owner, writer(), { watermarkMs, stages: left });
  }

  restore(reader: SnapshotReader): void {
    const inFlight = readInFlight(this.#owner, reader);
    if (inFlight === undefined) return;
    this.#stages = inFlight.stages.map(
      (channels) => new ChannelInput(recorded(channels, this.#inputCount), this.#nowMs),
    );
    this.#stages[0].start({ watermarkMs: inFlight.watermarkMs, isIdle: false }, false);
  }

  get watermarks(): readonly InputReport[] {
    return (this.#stages[0] ?? this.#channels).watermarks;
  }

  close(): void {
    for (const stage of this.#stages) stage.close();
    this.#channels.close();
  }

  async stop(): Promise<void> {}

  #startNext(): void {
    const stage = this.#stages.shift();
    if (stage !== undefined) (this.#stages[0] ?? this.#channels).start(stage.told, true);
  }
}

/** Per input, the channels that there were. */
function recorded(channels: readonly ChannelInFlight[], inputCount: number): InputChannel[][] {
  const inputs: InputChannel[][] = Array.from({ length: inputCount }, () => []);
  for (const { input, status, watermarkMs, elements, hasEnded } of channels) {
    const reader = new RecordedChannel(elements, hasEnded);
    inputs[input]?.push({ name: "what was in flight", reader, time: { status, watermarkMs } });
  }
  return inputs;
}
