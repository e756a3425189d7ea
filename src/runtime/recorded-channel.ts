import { isControl, type StreamElement } from "../core/stream-element.ts";
import { type ChannelReader, ElementQueue } from "./channel.ts";

/** What an earlier run left in a channel: nothing is added to it. */
export class RecordedChannel implements ChannelReader {
  readonly #queue = new ElementQueue();
  readonly hasEnded: boolean;

  /** Takes over the references on the batches. */
  constructor(elements: readonly StreamElement[], hasEnded: boolean) {
    for (const element of elements) this.#queue.push(element);
    this.hasEnded = hasEnded;
  }

  poll(): StreamElement | undefined {
    return this.#queue.shift();
  }

  queued(): Iterable<StreamElement> {
    return this.#queue;
  }

  get isEmpty(): boolean {
    return this.#queue.isEmpty;
  }

  get isEnded(): boolean {
    return this.hasEnded && this.#queue.isEmpty;
  }

  close(): void {
    for (let element = this.#queue.shift(); element !== undefined; element = this.#queue.shift()) {
      if (!isControl(element)) element.release();
    }
  }
}
