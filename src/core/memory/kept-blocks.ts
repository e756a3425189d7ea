import { assert } from "../errors.ts";
import { Allocator } from "./allocator.ts";
import type { Block } from "./block.ts";

/** What refers to blocks: a column. */
export interface BlockHolder {
  readonly blocks: readonly Block[];
  readonly children: readonly BlockHolder[];
  readonly dictionary: BlockHolder | undefined;
}

/**
 * The blocks of one memory that outlive the job that made them, each counted once however many kept columns share it.
 * A job that has ended has left exactly as many live blocks as were kept meanwhile, which is how leaks are found while
 * tables lie in the same memory; the bytes are what these tables take of the next job's budget.
 */
export class KeptBlocks {
  readonly #uses = new Map<Block, number>();
  #byteLength = 0;

  get blockCount(): number {
    return this.#uses.size;
  }

  /** At their rounded size, as the allocator counts them. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Counts the blocks of a column, its children and its dictionary; returns the bytes that were not kept before. */
  keep(column: BlockHolder): number {
    const before = this.#byteLength;
    for (const block of column.blocks) {
      const uses = this.#uses.get(block) ?? 0;
      this.#uses.set(block, uses + 1);
      if (uses === 0) this.#byteLength += Allocator.roundedBytes(block.byteLength);
    }
    for (const child of column.children) this.keep(child);
    if (column.dictionary !== undefined) this.keep(column.dictionary);
    return this.#byteLength - before;
  }

  /** Undoes one `keep` of the column; blocks that are kept no longer are added to `dropped`. */
  drop(column: BlockHolder, dropped: Block[]): void {
    for (const block of column.blocks) {
      const uses = this.#uses.get(block);
      assert(uses !== undefined, "a block is dropped once per keep");
      if (uses > 1) {
        this.#uses.set(block, uses - 1);
        continue;
      }
      this.#uses.delete(block);
      this.#byteLength -= Allocator.roundedBytes(block.byteLength);
      dropped.push(block);
    }
    for (const child of column.children) this.drop(child, dropped);
    if (column.dictionary !== undefined) this.drop(column.dictionary, dropped);
  }
}
