import type { Batch } from "../batch.ts";
import { batchBytes } from "../columns/size.ts";
import { assert } from "../errors.ts";
import type { SpillableState } from "../memory/governor.ts";
import type { SpillFile, SpillReader, SpillWriter } from "../spill-file.ts";
import type { SpillSpace } from "../spill-space.ts";
import type { Workspace } from "../workspace.ts";

/**
 * Batches that are collected once and then read in order any number of times. While they are collected, they go to
 * disk when memory is short.
 */
export class HeldBatches implements SpillableState {
  readonly name: string;
  readonly #workspace: Workspace;
  readonly #space: SpillSpace;
  readonly #batches: Batch[] = [];
  #bytes = 0;
  #writer: SpillWriter | undefined;
  #file: SpillFile | undefined;

  constructor(workspace: Workspace, space: SpillSpace, name: string) {
    this.name = name;
    this.#workspace = workspace;
    this.#space = space;
    workspace.governor.register(this);
  }

  /** Borrows the batch. */
  add(batch: Batch): void {
    if (batch.rowCount === 0) return;
    this.#batches.push(batch.retain());
    this.#bytes += batchBytes(this.#workspace, batch);
    this.#workspace.governor.reserve(0, this.name);
  }

  /** No more batches come. */
  seal(): void {
    this.#workspace.governor.unregister(this);
    if (this.#writer !== undefined) this.#file = this.#space.finish(this.#writer);
    this.#writer = undefined;
  }

  spillableBytes(): number {
    return this.#bytes;
  }

  spill(): void {
    const [first] = this.#batches;
    if (first === undefined) return;
    this.#writer ??= this.#space.create(first.schema);
    for (const batch of this.#batches) this.#writer.write(this.#workspace, batch);
    this.#release();
  }

  /** Reads all batches from the first on; after `seal`. The caller closes the pass. */
  pass(): BatchPass {
    assert(this.#writer === undefined, "batches are read once all are collected");
    return new BatchPass(this.#workspace, this.#file?.open(), this.#batches);
  }

  close(): void {
    this.#workspace.governor.unregister(this);
    this.#release();
    if (this.#file !== undefined) this.#space.remove(this.#file);
    this.#file = undefined;
  }

  #release(): void {
    for (const batch of this.#batches) batch.release();
    this.#batches.length = 0;
    this.#bytes = 0;
  }
}

export class BatchPass {
  readonly #workspace: Workspace;
  readonly #batches: readonly Batch[];
  #reader: SpillReader | undefined;
  #next = 0;

  constructor(workspace: Workspace, reader: SpillReader | undefined, batches: readonly Batch[]) {
    this.#workspace = workspace;
    this.#reader = reader;
    this.#batches = batches;
  }

  /** The next batch, which the caller owns; undefined at the end. */
  next(): Batch | undefined {
    const spilled = this.#reader?.next(this.#workspace);
    if (spilled !== undefined) return spilled;
    this.close();
    return this.#batches[this.#next++]?.retain();
  }

  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }
}
