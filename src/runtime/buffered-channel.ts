import type { Batch } from "../core/batch.ts";
import { batchBytes } from "../core/columns/size.ts";
import type { SpillableState } from "../core/memory/governor.ts";
import type { OperatorContext } from "../core/operator.ts";
import { type SpillFile, type SpillReader, SpillWriter } from "../core/spill-file.ts";
import type { ChannelReader, ChannelWriter } from "./channel.ts";

/**
 * A queue without a limit that goes to disk when memory is short, inside one thread.
 * For producers whose consumers read in turn (both inputs of a join from one source): a bounded queue would deadlock.
 * Order is kept: batches that were spilled come before those that arrived later.
 */
export class BufferedChannel implements ChannelWriter, ChannelReader, SpillableState {
  readonly name = "exchange buffer";
  readonly #context: Pick<OperatorContext, "workspace" | "host" | "spillDirectory">;
  /** Spilled runs, oldest first, then the batches in memory. */
  readonly #files: SpillFile[] = [];
  readonly #queue: Batch[] = [];
  #reader: SpillReader | undefined;
  #queueBytes = 0;
  #hasEnded = false;
  isClosed = false;

  constructor(context: Pick<OperatorContext, "workspace" | "host" | "spillDirectory">) {
    this.#context = context;
    context.workspace.governor.register(this);
  }

  hasRoom(): boolean {
    return true;
  }

  send(batch: Batch): void {
    if (this.isClosed) {
      batch.release();
      return;
    }
    this.#queueBytes += batchBytes(this.#context.workspace, batch);
    this.#queue.push(batch);
    // Everything kept here is spillable, so a plain check against the limit is enough.
    this.#context.workspace.governor.reserve(0, this.name);
  }

  end(): void {
    this.#hasEnded = true;
  }

  poll(): Batch | undefined {
    const { workspace } = this.#context;
    while (this.#reader !== undefined || this.#files.length > 0) {
      this.#reader ??= this.#files[0].open();
      const batch = this.#reader.next(workspace);
      if (batch !== undefined) return batch;
      this.#reader.close();
      this.#reader = undefined;
      this.#files.shift()?.remove();
    }
    const batch = this.#queue.shift();
    if (batch !== undefined) this.#queueBytes -= batchBytes(workspace, batch);
    return batch;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#files.length === 0;
  }

  get isEnded(): boolean {
    return this.#hasEnded && this.isEmpty;
  }

  spillableBytes(): number {
    return this.#queueBytes;
  }

  spill(): void {
    const { workspace, host } = this.#context;
    const writer = SpillWriter.create(host.files, this.#context.spillDirectory(), this.name, this.#queue[0].schema);
    for (const batch of this.#queue) {
      writer.write(workspace, batch);
      batch.release();
    }
    this.#queue.length = 0;
    this.#queueBytes = 0;
    this.#files.push(writer.finish());
  }

  close(): void {
    this.isClosed = true;
    this.#context.workspace.governor.unregister(this);
    this.#reader?.close();
    this.#reader = undefined;
    for (const file of this.#files) file.remove();
    this.#files.length = 0;
    for (const batch of this.#queue) batch.release();
    this.#queue.length = 0;
    this.#queueBytes = 0;
  }
}
