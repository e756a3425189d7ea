import type { Batch } from "../core/batch.ts";
import { type Barrier, type ControlElement, isControl, type StreamElement } from "../core/stream-element.ts";

/**
 * The sending end of a queue between two subtasks: bounded, so a slow consumer slows its producers down.
 * One step of a producer may put a few batches more than the limit says; it is not scheduled again before there is room.
 */
export interface ChannelWriter {
  hasRoom(): boolean;
  /** Takes over the caller's reference. */
  send(batch: Batch): void;
  /** Watermarks, idleness and barriers, in order with the batches; they need no room. */
  control(element: ControlElement): void;
  end(): void;
  /** True once the consumer needs no more; what is sent then is dropped. */
  readonly isClosed: boolean;
  /** True where the consumer runs on the thread of the producer. */
  readonly isLocal?: boolean;
}

/** The receiving end. */
export interface ChannelReader {
  /** The next element; the caller owns a batch. Undefined where nothing has arrived. */
  poll(): StreamElement | undefined;
  /** Whether a poll would give nothing. */
  readonly isEmpty: boolean;
  /** True once the producer has ended, though something may still be queued. */
  readonly hasEnded: boolean;
  /** True once the producer has ended and everything was polled. */
  readonly isEnded: boolean;
  /** No more is needed: queued batches are released, the producer learns of it. */
  close(): void;
  /** Called when a barrier arrives, behind what is queued. */
  onBarrier?: (barrier: Barrier) => void;
  /** What is queued, oldest first; batches stay the channel's. Only streams ask. */
  queued?(): Iterable<StreamElement>;
}

/** A queue inside one thread: batches change hands, nothing is copied. */
export class LocalChannel implements ChannelWriter, ChannelReader {
  readonly #capacity: number;
  readonly #queue = new ElementQueue();
  readonly isLocal = true;
  hasEnded = false;
  isClosed = false;
  onBarrier: (barrier: Barrier) => void = () => undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  hasRoom(): boolean {
    return this.isClosed || this.#queue.batchCount < this.#capacity;
  }

  send(batch: Batch): void {
    if (this.isClosed) batch.release();
    else this.#queue.push(batch);
  }

  control(element: ControlElement): void {
    if (this.isClosed) return;
    this.#queue.push(element);
    if (element.kind === "barrier") this.onBarrier(element.barrier);
  }

  end(): void {
    this.hasEnded = true;
  }

  queued(): Iterable<StreamElement> {
    return this.#queue;
  }

  poll(): StreamElement | undefined {
    return this.#queue.shift();
  }

  get isEmpty(): boolean {
    return this.#queue.isEmpty;
  }

  get isEnded(): boolean {
    return this.hasEnded && this.#queue.isEmpty;
  }

  close(): void {
    this.isClosed = true;
    for (let element = this.#queue.shift(); element !== undefined; element = this.#queue.shift()) {
      if (!isControl(element)) element.release();
    }
  }
}

/**
 * Elements in order. Of successive watermarks only the last is kept, and idleness comes and goes in place, so that
 * control elements without batches between them take no more room than one of each kind.
 */
export class ElementQueue {
  readonly #elements: StreamElement[] = [];
  batchCount = 0;

  [Symbol.iterator](): Iterator<StreamElement> {
    return this.#elements.values();
  }

  get isEmpty(): boolean {
    return this.#elements.length === 0;
  }

  push(element: StreamElement): void {
    if (!isControl(element)) {
      this.batchCount++;
      this.#elements.push(element);
      return;
    }
    const last = this.#elements.at(-1);
    const isReplaced = last !== undefined && isControl(last) && last.kind !== "barrier" && last.kind === element.kind;
    if (isReplaced) this.#elements[this.#elements.length - 1] = element;
    else this.#elements.push(element);
  }

  shift(): StreamElement | undefined {
    const element = this.#elements.shift();
    if (element !== undefined && !isControl(element)) this.batchCount--;
    return element;
  }
}
