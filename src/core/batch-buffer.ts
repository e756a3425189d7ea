import type { Batch } from "./batch.ts";
import { batchBytes } from "./columns/size.ts";
import type { SpillableState } from "./memory/governor.ts";
import type { SpillFile, SpillReader } from "./spill-file.ts";
import { type SpillContext, SpillSpace } from "./spill-space.ts";
import type { Workspace } from "./workspace.ts";

export type BufferContext = SpillContext & { readonly workspace: Workspace };

/**
 * A queue of batches without a limit, which goes to disk when memory is short. Order is kept: what was spilled comes
 * before what arrived later.
 */
export class BatchBuffer implements SpillableState {
  readonly name: string;
  readonly #workspace: Workspace;
  readonly #space: SpillSpace;
  /** Spilled runs, oldest first, then the batches in memory. */
  readonly #files: SpillFile[] = [];
  readonly #queue: Batch[] = [];
  #reader: SpillReader | undefined;
  #queueBytes = 0;

  constructor(name: string, context: BufferContext) {
    this.name = name;
    this.#workspace = context.workspace;
    this.#space = new SpillSpace(context, "buffer");
    context.workspace.governor.register(this);
  }

  /** Takes over the caller's reference. */
  push(batch: Batch): void {
    this.#queueBytes += batchBytes(this.#workspace, batch);
    this.#queue.push(batch);
    // Everything kept here can be spilled, so a plain check against the limit is enough.
    this.#workspace.governor.reserve(0, this.name);
  }

  /** The oldest batch, which the caller owns; undefined where the buffer is empty. */
  shift(): Batch | undefined {
    while (this.#files.length > 0) {
      this.#reader ??= this.#files[0].open();
      const batch = this.#reader.next(this.#workspace);
      if (batch !== undefined) return batch;
      this.#reader.close();
      this.#reader = undefined;
      const file = this.#files.shift();
      if (file !== undefined) this.#space.remove(file);
    }
    const batch = this.#queue.shift();
    if (batch !== undefined) this.#queueBytes -= batchBytes(this.#workspace, batch);
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
    const writer = this.#space.create(this.#queue[0].schema);
    for (const batch of this.#queue) writer.write(this.#workspace, batch);
    this.#files.push(this.#space.finish(writer));
    for (const batch of this.#queue) batch.release();
    this.#queue.length = 0;
    this.#queueBytes = 0;
  }

  close(): void {
    this.#workspace.governor.unregister(this);
    this.#reader?.close();
    this.#reader = undefined;
    this.#space.close();
    this.#files.length = 0;
    for (const batch of this.#queue) batch.release();
    this.#queue.length = 0;
    this.#queueBytes = 0;
  }
}
