import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";

const SMALLEST_CAPACITY = 64;

/** One zero-initialised record of fixed size per group, growing by doubling. */
export class GroupArray {
  readonly stride: number;
  readonly #workspace: Workspace;
  #block: Block | undefined;
  #capacity = 0;
  /** Records before it are zero, or in use; those behind it are whatever the memory holds. */
  #used = 0;

  constructor(workspace: Workspace, stride: number) {
    this.#workspace = workspace;
    this.stride = stride;
  }

  /** Of the first record; ask again after `ensure`. */
  get address(): Address {
    return this.#block?.address ?? 0;
  }

  get byteLength(): number {
    return this.#capacity * this.stride;
  }

  /** Makes room for `groupCount` groups; new records are zero. */
  ensure(groupCount: number): Address {
    if (groupCount > this.#capacity) this.#grow(capacityFor(groupCount));
    if (groupCount > this.#used) {
      // No more than is used: memory that nobody has touched yet is dear.
      const { stride } = this;
      this.#workspace.kernels.fillBytes(this.address + this.#used * stride, 0, (groupCount - this.#used) * stride);
      this.#used = groupCount;
    }
    return this.address;
  }

  /** So many groups are expected: they fit without growing. */
  reserve(groupCount: number): void {
    if (groupCount > this.#capacity) this.#grow(Math.max(groupCount, SMALLEST_CAPACITY));
  }

  #grow(capacity: number): void {
    const block = this.#workspace.allocate(capacity * this.stride);
    if (this.#block !== undefined) {
      this.#workspace.kernels.copyBytes(block.address, this.#block.address, this.#used * this.stride);
      this.#block.release();
    }
    this.#block = block;
    this.#capacity = capacity;
  }

  /** The records of the groups u32[count], which exist, as an array of their own; its stride is a multiple of 4. */
  gather(groups: Address, count: number): GroupArray {
    const some = new GroupArray(this.#workspace, this.stride);
    const out = some.ensure(count);
    this.#workspace.kernels.changelogRecords(this.address, this.stride, groups, count, out);
    return some;
  }

  growthBytes(groupCount: number): number {
    return groupCount <= this.#capacity ? 0 : capacityFor(groupCount) * this.stride;
  }

  release(): void {
    this.#block?.release();
    this.#block = undefined;
    this.#capacity = 0;
    this.#used = 0;
  }
}

const capacityFor = (groupCount: number): number => Math.max(SMALLEST_CAPACITY, 2 ** Math.ceil(Math.log2(groupCount)));
