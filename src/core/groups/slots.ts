import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";

const SMALLEST_BITS = 8;
/** Slots beyond this size miss the first-level cache often enough that touching them ahead pays. */
const TOUCH_BYTES = 256 * 1024;
/** Rows whose slots are touched together: their cache lines fit the second-level cache. */
export const PROBE_ROWS = 4096;

/** The slots of an open-addressing table; see kernels/hash-table.ts. */
export class Slots {
  readonly #workspace: Workspace;
  #block: Block;
  #bits = SMALLEST_BITS;

  constructor(workspace: Workspace, groupCount = 0) {
    this.#workspace = workspace;
    while (2 ** this.#bits < groupCount * 2) this.#bits++;
    this.#block = workspace.allocateZeroed(this.byteLength);
  }

  get address(): Address {
    return this.#block.address;
  }

  get shift(): number {
    return 32 - this.#bits;
  }

  get byteLength(): number {
    return 2 ** this.#bits * 8;
  }

  /** Groups that fit at a load of at most one half. */
  get capacity(): number {
    return 2 ** (this.#bits - 1);
  }

  /** Bytes that it would take on top to hold `groupCount` groups; the old slots live until the new are filled. */
  growthBytes(groupCount: number): number {
    if (groupCount <= this.capacity) return 0;
    return 2 ** Math.ceil(Math.log2(groupCount * 2)) * 8;
  }

  grow(): void {
    const old = this.#block;
    const oldShift = this.shift;
    const block = this.#workspace.allocateZeroed(this.byteLength * 2);
    this.#bits++;
    this.#workspace.kernels.tableGrow(old.address, oldShift, block.address, this.shift);
    this.#block = block;
    old.release();
  }

  /**
   * Loads the slots of u32[count] hashes and the keys that they point to, `keyBytes` each (a power of two), so that
   * their cache misses overlap.
   */
  touch(hashes: Address, count: number, keys: Address, keyBytes: number): void {
    if (this.byteLength <= TOUCH_BYTES) return;
    this.#workspace.kernels.tableTouch(hashes, count, this.address, this.shift, keys, Math.log2(keyBytes));
  }

  release(): void {
    this.#block.release();
  }
}
