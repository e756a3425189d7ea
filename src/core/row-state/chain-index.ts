import { GroupArray } from "../aggregates/group-array.ts";
import type { Column } from "../column.ts";
import { type JoinKeys, joinKeys, type KeyForm, keyForm } from "../joins/join-keys.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";

const SMALLEST_BITS = 8;

export interface ChainIndexOptions {
  readonly nullEquals?: boolean;
  /** ANDed with the internal hashes; tests pass 0, so that all keys collide. */
  readonly hashMask?: number;
}

/** How keys of some types are compared; keys made by one can be used with every index of the same types and options. */
export class ChainKeys {
  readonly form: KeyForm;
  readonly #workspace: Workspace;
  readonly #nullEquals: boolean;
  readonly #hashMask: number;

  constructor(workspace: Workspace, types: readonly DataType[], options: ChainIndexOptions = {}) {
    this.#workspace = workspace;
    this.#nullEquals = options.nullEquals ?? false;
    this.#hashMask = (options.hashMask ?? 0xffffffff) | 0;
    this.form = keyForm(types, this.#nullEquals);
  }

  /** Keys of rows, which the caller releases; they borrow nothing that the columns do not retain. */
  of(columns: readonly Column[], rowCount: number): JoinKeys {
    return joinKeys(this.#workspace, columns, rowCount, this.#nullEquals, this.#hashMask);
  }
}

/**
 * Finds rows that come batch by batch by their keys, see kernels/chain-index.ts. Rows are numbered as they are inserted,
 * the same way as those of a RowStore beside it; rows with a null key are numbered, too, but never found.
 */
export class ChainIndex {
  readonly #workspace: Workspace;
  readonly #form: KeyForm;
  readonly #keys: GroupArray;
  readonly #next: GroupArray;
  readonly #scratch: Block;
  #slots: Block;
  #bits = SMALLEST_BITS;
  #arenas: Block[] = [];
  #arenaBytes = 0;
  #keyCount = 0;
  #rowCount = 0;

  constructor(workspace: Workspace, form: KeyForm) {
    this.#workspace = workspace;
    this.#form = form;
    this.#keys = new GroupArray(workspace, form === "words" ? 8 : 16);
    this.#next = new GroupArray(workspace, 4);
    this.#scratch = workspace.allocate(4);
    this.#slots = workspace.allocateZeroed(2 ** this.#bits * 8);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get memoryBytes(): number {
    return this.#keys.byteLength + this.#next.byteLength + this.#slots.byteLength + this.#arenaBytes;
  }

  growthBytes(rowCount: number): number {
    const rows = this.#rowCount + rowCount;
    const slots = (this.#keyCount + rowCount) * 2 > 2 ** this.#bits ? this.#slots.byteLength * 2 : 0;
    return this.#keys.growthBytes(rows) + this.#next.growthBytes(rows) + slots;
  }

  /** u32 per row: the row before it of its key + 1, or 0. Ask again after `insert`. */
  get next(): Address {
    return this.#next.address;
  }

  /** Borrows the keys. */
  insert(keys: JoinKeys): void {
    const { length } = keys;
    if (length === 0) return;
    const first = this.#rowCount;
    const { stride } = this.#keys;
    const target = this.#keys.ensure(first + length) + first * stride;
    const next = this.#next.ensure(first + length);
    while ((this.#keyCount + length) * 2 > 2 ** this.#bits) this.#grow();
    const { hashes } = keys;
    const { kernels } = this.#workspace;
    kernels.copyBytes(target, keys.keys, length * stride);
    if (this.#form === "views") this.#ownTexts(target, length);
    this.#keyCount += kernels.chainInsert(
      this.#keys.address,
      this.#keyShift,
      this.#form === "views",
      hashes,
      keys.valid,
      first,
      length,
      this.#slots.address,
      32 - this.#bits,
      next,
      this.#scratch.address,
    );
    this.#rowCount += length;
  }

  /** u32 per key: its newest row + 1, or 0. The caller owns the block. */
  find(keys: JoinKeys): Block {
    const heads = this.#workspace.allocate(keys.length * 4 + 4);
    if (this.#rowCount === 0) {
      this.#workspace.kernels.fillBytes(heads.address, 0, keys.length * 4);
      return heads;
    }
    const { hashes } = keys;
    this.#workspace.kernels.chainFind(
      keys.keys,
      this.#keyShift,
      this.#form === "views",
      hashes,
      keys.valid,
      keys.length,
      this.#keys.address,
      this.#slots.address,
      32 - this.#bits,
      heads.address,
    );
    return heads;
  }

  release(): void {
    this.#keys.release();
    this.#next.release();
    this.#scratch.release();
    this.#slots.release();
    for (const arena of this.#arenas.splice(0)) arena.release();
  }

  get #keyShift(): number {
    return this.#form === "words" ? 3 : 4;
  }

  #ownTexts(views: Address, length: number): void {
    const { kernels } = this.#workspace;
    const longBytes = kernels.chainLongBytes(views, length);
    if (longBytes === 0) return;
    const arena = this.#workspace.allocate(longBytes);
    this.#arenas.push(arena);
    this.#arenaBytes += arena.byteLength;
    kernels.rowStoreOwnTexts(length, arena.address, views, 16);
  }

  #grow(): void {
    const old = this.#slots;
    const oldShift = 32 - this.#bits;
    const slots = this.#workspace.allocateZeroed(old.byteLength * 2);
    this.#bits++;
    this.#workspace.kernels.chainGrow(old.address, oldShift, slots.address, 32 - this.#bits);
    this.#slots = slots;
    old.release();
  }
}
