import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import { DenseKeys } from "./dense-keys.ts";
import { PROBE_ROWS, Slots } from "./slots.ts";

/** A direct-mapped table of this many entries (1 MiB) is always worth its memory. */
const DIRECT_RANGE = 2 ** 18;
/** Beyond that, while it takes no more memory than the hash table would. */
const DIRECT_RANGE_PER_GROUP = 8;
/**
 * Keys that lie near each other in every batch touch a direct table in order, which is worth twice the memory. Those of
 * a sorted file do, also where an exchange by hash has dealt them out and left gaps.
 */
const NEAR_RANGE_PER_GROUP = 16;
/** A batch's keys are near each other if they span at most this share of all. */
const NEAR_SHARE = 8n;

/** How a column's values become 8-byte keys. */
export interface WordSource {
  /** Looks typed values up in a direct-mapped table; absent where values are no integers. */
  readonly assignDirect?: (
    values: Address,
    validity: Address,
    from: number,
    length: number,
    low: bigint,
    range: number,
    direct: Address,
    keys: Address,
    limit: number,
    state: Address,
    groups: Address,
  ) => number;
  /** Writes u64[length]; absent where the values are 8-byte keys as they lie. */
  readonly widen?: (values: Address, length: number, words: Address) => void;
}

/**
 * Maps 8-byte keys to dense groups. Keys within a narrow range index a table directly; wider ones are hashed, and the
 * table changes sides whenever it has to grow, so that dense keys end up direct-mapped however they arrive.
 */
export class WordTable {
  readonly #workspace: Workspace;
  readonly #source: WordSource;
  readonly #hashMask: number;
  #keys: DenseKeys;
  #direct: { low: bigint; range: number; block: Block } | undefined;
  #slots: Slots | undefined;
  /** Groups that are expected. */
  #expected = 0;

  constructor(workspace: Workspace, source: WordSource, hashMask: number) {
    this.#workspace = workspace;
    this.#source = source;
    this.#hashMask = hashMask;
    this.#keys = new DenseKeys(workspace, 8);
  }

  get keys(): DenseKeys {
    return this.#keys;
  }

  get memoryBytes(): number {
    return this.#keys.byteLength + (this.#direct?.range ?? 0) * 4 + (this.#slots?.byteLength ?? 0);
  }

  growthBytes(rowCount: number): number {
    const needed = this.#keys.count + rowCount;
    const table = this.#slots?.growthBytes(needed) ?? Math.max(0, needed * 16 - this.memoryBytes);
    return this.#keys.growthBytes(rowCount) + table;
  }

  assign(values: Address, validity: Address, length: number, out: Address): void {
    let row = 0;
    let words: Block | undefined;
    while (row < length) {
      if (this.#direct !== undefined) row = this.#assignDirect(this.#direct, values, validity, row, length, out);
      if (row === length) break;
      if (this.#source.widen !== undefined && words === undefined) {
        words = this.#workspace.allocate(length * 8);
        this.#source.widen(values, length, words.address);
      }
      const address = words?.address ?? values;
      if (this.#slots === undefined) this.#choose(address, validity, length);
      if (this.#slots !== undefined) row = this.#assignHashed(this.#slots, address, validity, row, length, out);
    }
    words?.release();
  }

  /** Gives a new table the groups 0..count-1 with the distinct keys u64[count] at `words`. */
  adopt(words: Address, count: number): void {
    this.#keys.adopt(words, count);
    this.#choose(words, 0, 0);
  }

  /** So many groups are expected. */
  reserve(groupCount: number): void {
    this.#expected = groupCount;
    this.#keys.reserve(groupCount);
  }

  reset(): void {
    this.release();
    this.#keys = new DenseKeys(this.#workspace, 8);
  }

  release(): void {
    this.#dropIndex();
    this.#keys.release();
  }

  #dropIndex(): void {
    this.#direct?.block.release();
    this.#slots?.release();
    this.#direct = undefined;
    this.#slots = undefined;
  }

  #assignDirect(
    direct: { low: bigint; range: number; block: Block },
    values: Address,
    validity: Address,
    from: number,
    length: number,
    out: Address,
  ): number {
    const assign = this.#source.assignDirect ?? this.#workspace.kernels.groupDirectI64;
    let row = from;
    while (true) {
      const { state, address, capacity } = this.#keys;
      const { low, range, block } = direct;
      row = assign(values, validity, row, length, low, range, block.address, address, capacity, state, out);
      if (row === length) return row;
      if (this.#keys.count < capacity) {
        // A value outside the range: the caller chooses a new table.
        block.release();
        this.#direct = undefined;
        return row;
      }
      this.#keys.grow();
    }
  }

  #assignHashed(slots: Slots, words: Address, validity: Address, from: number, length: number, out: Address): number {
    const { kernels } = this.#workspace;
    const hashes = this.#workspace.allocate(length * 4);
    kernels.tableHashWords(words, length, this.#hashMask, hashes.address);
    let row = from;
    while (row < length) {
      const end = Math.min(row + PROBE_ROWS, length);
      slots.touch(hashes.address + row * 4, end - row, this.#keys.address, 8);
      while (row < end) {
        const { state, address, capacity } = this.#keys;
        const limit = Math.min(capacity, slots.capacity);
        const { address: at, shift } = slots;
        row = kernels.tableAssignWords(
          words,
          hashes.address,
          validity,
          row,
          end,
          at,
          shift,
          address,
          limit,
          state,
          out,
        );
        if (row === end) break;
        if (this.#keys.count === capacity) this.#keys.grow();
        if (this.#keys.count < slots.capacity) continue;
        if (this.#becomesDirect(words, validity, length)) {
          hashes.release();
          return row;
        }
        slots.grow();
      }
    }
    hashes.release();
    return row;
  }

  /** At the point of growing: keys that turned out dense, those of the present batch included, move to a direct table. */
  #becomesDirect(words: Address, validity: Address, length: number): boolean {
    if (this.#source.assignDirect === undefined) return false;
    const bounds = this.#bounds(words, validity, length);
    if (bounds === undefined || !fitsDirect(bounds, this.#keys.count)) return false;
    this.#dropIndex();
    this.#makeDirect(bounds);
    return true;
  }

  /** Chooses the table for the present keys and the given rows, and enters the present keys. */
  #choose(words: Address, validity: Address, length: number): void {
    const { count, nullGroup, address } = this.#keys;
    if (this.#source.assignDirect !== undefined) {
      const bounds = this.#bounds(words, validity, length);
      if (bounds === undefined || fitsDirect(bounds, Math.max(count + length, this.#expected))) {
        this.#makeDirect(bounds ?? { low: 0n, high: 0n });
        return;
      }
    }
    const slots = new Slots(this.#workspace, Math.max(count, this.#expected));
    const hashes = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.tableHashWords(address, count, this.#hashMask, hashes.address);
    this.#workspace.kernels.tableRebuild(hashes.address, count, nullGroup, slots.address, slots.shift);
    hashes.release();
    this.#slots = slots;
  }

  #makeDirect({ low, high }: Bounds): void {
    const used = Number(high - low) + 1;
    // Room on both sides, so that keys that drift do not rebuild the table at every batch.
    const room = used < DIRECT_RANGE ? Math.min(used, DIRECT_RANGE - used) : used >>> 1;
    const start = BigInt.asIntN(64, low - BigInt(room >>> 1)) <= low ? low - BigInt(room >>> 1) : low;
    const range = used + room;
    const block = this.#workspace.allocateZeroed(range * 4);
    const { address, count, nullGroup } = this.#keys;
    this.#workspace.kernels.groupDirectFill(address, count, nullGroup, start, block.address);
    this.#direct = { low: start, range, block };
  }

  /** Bounds of the keys and of the given rows together; undefined where there are none. */
  #bounds(words: Address, validity: Address, length: number): Bounds | undefined {
    const { count, address } = this.#keys;
    const nullBits = this.#keys.validity(0, count);
    const mine = this.#boundsOf(address, nullBits?.address ?? 0, count);
    nullBits?.release();
    const theirs = this.#boundsOf(words, validity, length);
    if (mine === undefined || theirs === undefined) return mine ?? theirs;
    const together = { ...mine, batchSpan: theirs.high - theirs.low };
    if (theirs.low < mine.low) together.low = theirs.low;
    if (theirs.high > mine.high) together.high = theirs.high;
    return together;
  }

  #boundsOf(words: Address, validity: Address, length: number): Bounds | undefined {
    const out = this.#workspace.allocate(16);
    const any = this.#workspace.kernels.groupRange(words, validity, length, out.address);
    const at = out.address / 8;
    const bounds = { low: this.#workspace.i64[at], high: this.#workspace.i64[at + 1] };
    out.release();
    return any ? bounds : undefined;
  }
}

interface Bounds {
  low: bigint;
  high: bigint;
  /** Of the newest rows alone, where there are keys beside them. */
  batchSpan?: bigint;
}

function fitsDirect({ low, high, batchSpan }: Bounds, groupCount: number): boolean {
  const range = high - low + 1n;
  const isNear = batchSpan !== undefined && batchSpan <= range / NEAR_SHARE;
  const perGroup = isNear ? NEAR_RANGE_PER_GROUP : DIRECT_RANGE_PER_GROUP;
  return range <= BigInt(Math.max(DIRECT_RANGE, perGroup * groupCount));
}
