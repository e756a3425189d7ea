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
    if (groupCount > this.#capacity) {
      const capacity = Math.max(SMALLEST_CAPACITY, 2 ** Math.ceil(Math.log2(groupCount)));
      const block = this.#workspace.allocate(capacity * this.stride);
      const { kernels } = this.#workspace;
      const used = this.byteLength;
      if (this.#block !== undefined) kernels.copyBytes(block.address, this.#block.address, used);
      kernels.fillBytes(block.address + used, 0, capacity * this.stride - used);
      this.#block?.release();
      this.#block = block;
      this.#capacity = capacity;
    }
    return this.address;
  }

  /** The records of the groups u32[count], which exist, as an array of their own; its stride is a multiple of 4. */
  gather(groups: Address, count: number): GroupArray {
    const some = new GroupArray(this.#workspace, this.stride);
    const out = some.ensure(count);
    this.#workspace.kernels.changelogRecords(this.address, this.stride, groups, count, out);
    return some;
  }

  growthBytes(groupCount: number): number {
    return groupCount <= this.#capacity ? 0 : 2 ** Math.ceil(Math.log2(groupCount)) * this.stride;
  }

  release(): void {
    this.#block?.release();
    this.#block = undefined;
    this.#capacity = 0;
  }
}
