import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import { DenseKeys } from "./dense-keys.ts";
import { PROBE_ROWS, Slots } from "./slots.ts";

const NO_GROUP = -1;

/** Maps 16-byte keys, or strings that the caller turned into views, to dense groups by hashing. */
export class PairTable {
  readonly #workspace: Workspace;
  readonly #hashMask: number;
  #keys: DenseKeys;
  #slots: Slots;
  #arena: Block | undefined;

  constructor(workspace: Workspace, hashMask: number) {
    this.#workspace = workspace;
    this.#hashMask = hashMask;
    this.#keys = new DenseKeys(workspace, 16);
    this.#slots = new Slots(workspace);
  }

  get keys(): DenseKeys {
    return this.#keys;
  }

  /** Where the keys' long strings lie; 0 while there are none. */
  get arena(): Address {
    return this.#arena?.address ?? 0;
  }

  get memoryBytes(): number {
    return this.#keys.byteLength + this.#slots.byteLength + (this.#arena?.byteLength ?? 0);
  }

  growthBytes(rowCount: number): number {
    return this.#keys.growthBytes(rowCount) + this.#slots.growthBytes(this.#keys.count + rowCount);
  }

  assignPairs(pairs: Address, validity: Address, length: number, out: Address): void {
    const { kernels } = this.#workspace;
    const hashes = this.#workspace.allocate(length * 4);
    kernels.tableHashPairs(pairs, length, this.#hashMask, hashes.address);
    this.#probe(hashes, length, (row, end, limit) =>
      kernels.tableAssignPairs(
        pairs,
        hashes.address,
        validity,
        row,
        end,
        this.#slots.address,
        this.#slots.shift,
        this.#keys.address,
        limit,
        this.#keys.state,
        out,
      ),
    );
    hashes.release();
  }

  /** Strings: i32[length + 1] `offsets` into `data`. */
  assignStrings(data: Address, offsets: Address, validity: Address, length: number, out: Address): void {
    const { kernels } = this.#workspace;
    const hashes = this.#workspace.allocate(length * 4);
    const views = this.#workspace.allocate(length * 16);
    kernels.tableViews(data, offsets, length, this.#hashMask, views.address, hashes.address);
    this.#probe(hashes, length, (row, end, limit) =>
      kernels.tableAssignViews(
        views.address,
        hashes.address,
        validity,
        row,
        end,
        this.#slots.address,
        this.#slots.shift,
        this.#keys.address,
        limit,
        this.arena,
        this.#arena?.byteLength ?? 0,
        this.#keys.state,
        out,
      ),
    );
    views.release();
    hashes.release();
  }

  /** Gives a new table the groups 0..count-1 with the distinct keys u64[2 * count] at `pairs`. */
  adopt(pairs: Address, count: number): void {
    const { kernels } = this.#workspace;
    this.#keys.adopt(pairs, count);
    this.#slots.release();
    this.#slots = new Slots(this.#workspace, count);
    const hashes = this.#workspace.allocate(count * 4);
    kernels.tableHashPairs(pairs, count, this.#hashMask, hashes.address);
    kernels.tableRebuild(hashes.address, count, NO_GROUP, this.#slots.address, this.#slots.shift);
    hashes.release();
  }

  reset(): void {
    this.release();
    this.#arena = undefined;
    this.#keys = new DenseKeys(this.#workspace, 16);
    this.#slots = new Slots(this.#workspace);
  }

  release(): void {
    this.#keys.release();
    this.#slots.release();
    this.#arena?.release();
  }

  #probe(hashes: Block, length: number, assign: (row: number, end: number, limit: number) => number): void {
    let row = 0;
    while (row < length) {
      const end = Math.min(row + PROBE_ROWS, length);
      this.#slots.touch(hashes.address + row * 4, end - row, this.#keys.address, 16);
      while (row < end) {
        const { capacity } = this.#keys;
        row = assign(row, end, Math.min(capacity, this.#slots.capacity));
        if (row === end) break;
        const { count } = this.#keys;
        if (count < capacity && count < this.#slots.capacity) this.#growArena();
        if (count === capacity) this.#keys.grow();
        if (count === this.#slots.capacity) this.#slots.grow();
      }
    }
  }

  #growArena(): void {
    const used = this.#keys.arenaUsed;
    const arena = this.#workspace.allocate(Math.max(4096, (this.#arena?.byteLength ?? 0) * 2));
    if (this.#arena !== undefined) {
      this.#workspace.kernels.copyBytes(arena.address, this.#arena.address, used);
      this.#arena.release();
    }
    this.#arena = arena;
  }
}
