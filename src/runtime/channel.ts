import type { Batch } from "../core/batch.ts";

/**
 * The sending end of a queue between two subtasks: bounded, so a slow consumer slows its producers down.
 * One step of a producer may put a few batches more than the limit says; it is not scheduled again before there is room.
 */
export interface ChannelWriter {
  hasRoom(): boolean;
  /** Takes over the caller's reference. */
  send(batch: Batch): void;
  end(): void;
  /** True once the consumer needs no more; what is sent then is dropped. */
  readonly isClosed: boolean;
}

/** The receiving end. */
export interface ChannelReader {
  /** The next batch, which the caller owns; undefined where nothing has arrived. */
  poll(): Batch | undefined;
  /** Whether a poll would give a batch. */
  readonly isEmpty: boolean;
  /** True once the producer has ended and everything was polled. */
  readonly isEnded: boolean;
  /** No more is needed: queued batches are released, the producer learns of it. */
  close(): void;
}

/** A queue inside one thread: batches change hands, nothing is copied. */
export class LocalChannel implements ChannelWriter, ChannelReader {
  readonly #capacity: number;
  readonly #queue: Batch[] = [];
  #hasEnded = false;
  isClosed = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  hasRoom(): boolean {
    return this.isClosed || this.#queue.length < this.#capacity;
  }

  send(batch: Batch): void {
    if (this.isClosed) batch.release();
    else this.#queue.push(batch);
  }

  end(): void {
    this.#hasEnded = true;
  }

  poll(): Batch | undefined {
    return this.#queue.shift();
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  get isEnded(): boolean {
    return this.#hasEnded && this.#queue.length === 0;
  }

  close(): void {
    this.isClosed = true;
    for (const batch of this.#queue) batch.release();
    this.#queue.length = 0;
  }
}
