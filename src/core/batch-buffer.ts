import type { Batch } from "./batch.ts";
import { batchBytes } from "./columns/size.ts";
import type { SpillableState } from "./memory/governor.ts";
import type { OperatorContext } from "./operator.ts";
import { type SpillFile, type SpillReader, SpillWriter } from "./spill-file.ts";

/**
 * A queue of batches without a limit, which goes to disk when memory is short. Order is kept: what was spilled comes
 * before what arrived later.
 */
export class BatchBuffer implements SpillableState {
  readonly name: string;
  readonly #context: Pick<OperatorContext, "workspace" | "host" | "spillDirectory">;
  /** Spilled runs, oldest first, then the batches in memory. */
  readonly #files: SpillFile[] = [];
  readonly #queue: Batch[] = [];
  #reader: SpillReader | undefined;
  #queueBytes = 0;

  constructor(name: string, context: Pick<OperatorContext, "workspace" | "host" | "spillDirectory">) {
    this.name = name;
    this.#context = context;
    context.workspace.governor.register(this);
  }

  /** Takes over the caller's reference. */
  push(batch: Batch): void {
    this.#queueBytes += batchBytes(this.#context.workspace, batch);
    this.#queue.push(batch);
    // Everything kept here can be spilled, so a plain check against the limit is enough.
    this.#context.workspace.governor.reserve(0, this.name);
  }

  /** The oldest batch, which the caller owns; undefined where the buffer is empty. */
  shift(): Batch | undefined {
    const { workspace } = this.#context;
    while (this.#files.length > 0) {
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

  /** Whether nothing is left; a run on disk that was read to its end counts until the next `shift`. */
  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#files.length === 0;
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
