import type { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import type { BuildTable } from "./build-table.ts";
import { type JoinKeys, joinKeys } from "./join-keys.ts";

/** A direct-mapped table of up to this many entries (1 MiB) is always worth its memory. */
const DIRECT_RANGE = 2 ** 18;
/** Beyond that, up to this many entries of 4 bytes per row, which is what hashing takes. */
const DIRECT_RANGE_PER_ROW = 12;
/** A dictionary this many times longer than the batch is not looked up as a whole. */
const DICTIONARY_PER_ROW = 4;

/** Bytes that a table takes at most for each build row, beside the rows themselves. */
export const TABLE_BYTES_PER_ROW = 72;

interface DirectIndex {
  readonly kind: "direct";
  readonly table: Block;
  readonly low: bigint;
  readonly range: number;
}
interface HashedIndex {
  readonly kind: "hashed";
  readonly slots: Block;
  readonly shift: number;
}

/**
 * Finds build rows by key. Integer keys of a narrow range index a table directly; others are hashed with open
 * addressing.
 */
export class JoinTable implements BuildTable {
  readonly hasRepeats: boolean;
  readonly #workspace: Workspace;
  readonly #nullEquals: boolean;
  readonly #hashMask: number;
  readonly #keys: JoinKeys;
  readonly #next: Block;
  readonly #index: DirectIndex | HashedIndex;
  #dictionary: { column: Column; heads: Block } | undefined;

  /** Borrows the key columns. */
  constructor(
    workspace: Workspace,
    columns: readonly Column[],
    length: number,
    options: { nullEquals: boolean; hashMask: number },
  ) {
    this.#workspace = workspace;
    this.#nullEquals = options.nullEquals;
    this.#hashMask = options.hashMask | 0;
    this.#keys = joinKeys(workspace, columns, length, this.#nullEquals, this.#hashMask);
    let next: Block | undefined;
    let built: { index: DirectIndex | HashedIndex; hasRepeats: boolean };
    try {
      next = workspace.allocate(length * 4);
      const direct = this.#keys.form === "words" ? this.#directIndex() : undefined;
      built = direct === undefined ? this.#buildHashed(next.address) : this.#buildDirect(direct, next.address);
    } catch (error) {
      next?.release();
      this.#keys.release();
      throw error;
    }
    this.#next = next;
    this.#index = built.index;
    this.hasRepeats = built.hasRepeats;
  }

  get next(): Address {
    return this.#next.address;
  }

  find(columns: readonly Column[], length: number): Block {
    const [first] = columns;
    const { dictionary } = first;
    const isKnown = dictionary !== undefined && dictionary === this.#dictionary?.column;
    if (columns.length > 1 || dictionary === undefined || this.#nullEquals) return this.#findPlain(columns, length);
    if (!isKnown && dictionary.length > length * DICTIONARY_PER_ROW) return this.#findPlain(columns, length);
    const heads = this.#workspace.allocate(length * 4);
    const entries = this.#entryHeads(dictionary);
    this.#workspace.kernels.joinFindEntries(first.data, first.validity, length, entries.address, heads.address);
    return heads;
  }

  release(): void {
    this.#dictionary?.heads.release();
    this.#dictionary?.column.release();
    this.#dictionary = undefined;
    this.#next.release();
    this.#keys.release();
    (this.#index.kind === "direct" ? this.#index.table : this.#index.slots).release();
  }

  #findPlain(columns: readonly Column[], length: number): Block {
    const { kernels } = this.#workspace;
    const probe = joinKeys(this.#workspace, columns, length, this.#nullEquals, this.#hashMask);
    const heads = this.#workspace.allocate(length * 4);
    const index = this.#index;
    if (index.kind === "direct") {
      const { table, low, range } = index;
      kernels.joinFindDirect(probe.keys, probe.valid, length, low, range, table.address, heads.address);
    } else if (probe.form === "words") {
      const { slots, shift } = index;
      kernels.joinFindWords(probe.keys, probe.hashes, probe.valid, length, slots.address, shift, heads.address);
    } else {
      const { slots, shift } = index;
      const scratch = this.#workspace.allocate(kernels.joinTouchBytes());
      kernels.joinFindPairs(
        probe.keys,
        probe.form === "views",
        probe.hashes,
        probe.valid,
        length,
        slots.address,
        shift,
        this.#keys.keys,
        scratch.address,
        heads.address,
      );
      scratch.release();
    }
    probe.release();
    return heads;
  }

  /** Heads of all entries of a dictionary; the last one asked for is remembered. */
  #entryHeads(dictionary: Column): Block {
    if (this.#dictionary?.column !== dictionary) {
      const heads = this.#findPlain([dictionary], dictionary.length);
      this.#dictionary?.heads.release();
      this.#dictionary?.column.release();
      this.#dictionary = { column: dictionary.retain(), heads };
    }
    return this.#dictionary.heads;
  }

  /** Bounds of the keys as signed words, where their range is narrow enough. */
  #directIndex(): { low: bigint; range: number } | undefined {
    const { keys, valid, length } = this.#keys;
    const bounds = this.#workspace.allocate(16);
    this.#workspace.kernels.sortKeyRangeI64(keys, 8, valid, length, bounds.address);
    const least = this.#workspace.u64[bounds.address / 8];
    const greatest = this.#workspace.u64[bounds.address / 8 + 1];
    bounds.release();
    if (least > greatest) return { low: 0n, range: 1 };
    const range = greatest - least + 1n;
    if (range > BigInt(Math.max(DIRECT_RANGE, DIRECT_RANGE_PER_ROW * length))) return undefined;
    // The kernel's bounds are biased by the sign bit.
    return { low: least ^ (1n << 63n), range: Number(range) };
  }

  #buildDirect(
    { low, range }: { low: bigint; range: number },
    next: Address,
  ): { index: DirectIndex; hasRepeats: boolean } {
    const { keys, valid, length } = this.#keys;
    const table = this.#workspace.allocateZeroed(range * 4);
    const { kernels } = this.#workspace;
    const hasRepeats = kernels.joinBuildDirect(keys, valid, length, low, table.address, next);
    return { index: { kind: "direct", table, low, range }, hasRepeats: Boolean(hasRepeats) };
  }

  #buildHashed(next: Address): { index: HashedIndex; hasRepeats: boolean } {
    const { form, keys, hashes, valid, length } = this.#keys;
    const { kernels } = this.#workspace;
    // Linear probing wants room: a load of at most two thirds where keys lie in the slots, half where they do not.
    const bits = Math.max(4, Math.ceil(Math.log2(length * (form === "words" ? 1.5 : 2) + 1)));
    const shift = 32 - bits;
    const slots = this.#workspace.allocateZeroed(2 ** bits * (form === "words" ? 16 : 8));
    const hasRepeats =
      form === "words"
        ? kernels.joinBuildWords(keys, hashes, valid, length, slots.address, shift, next)
        : kernels.joinBuildPairs(keys, form === "views", hashes, valid, length, slots.address, shift, next);
    return { index: { kind: "hashed", slots, shift }, hasRepeats: Boolean(hasRepeats) };
  }
}
