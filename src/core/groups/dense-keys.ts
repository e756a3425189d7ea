import { allocateBitmap } from "../columns/allocate.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";

const SMALLEST_CAPACITY = 64;
const STATE_BYTES = 16;

/** The state words and the dense keys of a table (kernels/hash-table.ts), which grow by doubling. */
export class DenseKeys {
  readonly #workspace: Workspace;
  readonly #keyBytes: number;
  readonly #state: Block;
  #keys: Block;
  #capacity = SMALLEST_CAPACITY;

  constructor(workspace: Workspace, keyBytes: number) {
    this.#workspace = workspace;
    this.#keyBytes = keyBytes;
    this.#state = workspace.allocateZeroed(STATE_BYTES);
    this.#keys = workspace.allocate(SMALLEST_CAPACITY * keyBytes);
  }

  get state(): Address {
    return this.#state.address;
  }

  get address(): Address {
    return this.#keys.address;
  }

  get capacity(): number {
    return this.#capacity;
  }

  get byteLength(): number {
    return this.#capacity * this.#keyBytes;
  }

  get count(): number {
    return this.#workspace.u32[this.state >>> 2];
  }

  /** The group of null; -1 while there is none. */
  get nullGroup(): number {
    return this.#workspace.u32[(this.state >>> 2) + 1] - 1;
  }

  get arenaUsed(): number {
    return this.#workspace.u32[(this.state >>> 2) + 2];
  }

  growthBytes(rowCount: number): number {
    const needed = this.count + rowCount;
    return needed <= this.#capacity ? 0 : 2 ** Math.ceil(Math.log2(needed)) * this.#keyBytes;
  }

  grow(): void {
    this.#growTo(this.#capacity * 2);
  }

  /** So many keys are expected: they fit without growing. */
  reserve(count: number): void {
    if (count > this.#capacity) this.#growTo(count);
  }

  #growTo(capacity: number): void {
    const keys = this.#workspace.allocate(capacity * this.#keyBytes);
    this.#workspace.kernels.copyBytes(keys.address, this.#keys.address, this.count * this.#keyBytes);
    this.#keys.release();
    this.#keys = keys;
    this.#capacity = capacity;
  }

  /** Takes `count` keys over into a table without any. */
  adopt(keys: Address, count: number): void {
    while (this.#capacity < count) this.grow();
    this.#workspace.kernels.copyBytes(this.address, keys, count * this.#keyBytes);
    this.#workspace.u32[this.state >>> 2] = count;
  }

  /** A bitmap for groups [from, from + count) with the group of null cleared; undefined where it is not among them. */
  validity(from: number, count: number): Block | undefined {
    const at = this.nullGroup - from;
    if (at < 0 || at >= count) return undefined;
    const bitmap = allocateBitmap(this.#workspace, count);
    this.#workspace.kernels.fillBytes(bitmap.address, 0xff, (count + 7) >>> 3);
    this.#workspace.u8[bitmap.address + (at >>> 3)] &= ~(1 << (at & 7));
    return bitmap;
  }

  release(): void {
    this.#state.release();
    this.#keys.release();
  }
}
