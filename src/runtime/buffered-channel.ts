import type { Batch } from "../core/batch.ts";
import { BatchBuffer, type BufferContext } from "../core/batch-buffer.ts";
import { InternalError } from "../core/errors.ts";
import type { ChannelReader, ChannelWriter } from "./channel.ts";

/**
 * A queue without a limit that goes to disk when memory is short, inside one thread.
 * For producers whose consumers read in turn (both inputs of a join from one source): a bounded queue would deadlock.
 */
export class BufferedChannel implements ChannelWriter, ChannelReader {
  readonly #buffer: BatchBuffer;
  hasEnded = false;
  isClosed = false;

  constructor(context: BufferContext) {
    this.#buffer = new BatchBuffer("exchange buffer", context);
  }

  hasRoom(): boolean {
    return true;
  }

  send(batch: Batch): void {
    if (this.isClosed) batch.release();
    else this.#buffer.push(batch);
  }

  control(): void {
    throw new InternalError("A buffered channel was given a control element, which only streams have");
  }

  end(): void {
    this.hasEnded = true;
  }

  poll(): Batch | undefined {
    return this.#buffer.shift();
  }

  get isEmpty(): boolean {
    return this.#buffer.isEmpty;
  }

  get isEnded(): boolean {
    return this.hasEnded && this.#buffer.isEmpty;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#buffer.close();
  }
}
