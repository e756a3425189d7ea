import type { Column } from "../column.ts";
import { allocateBitmap, columnOf } from "../columns/allocate.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { gatherColumn, NO_ROW } from "../columns/gather.ts";
import { assert } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { isVariableLength } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { ColumnKeyTable } from "./column-key-table.ts";
import type { KeyTable } from "./key-table.ts";

/** A dictionary this many times longer than the batch is not worth a cache: its rows are decoded instead. */
const DICTIONARY_PER_ROW = 16;

/** Entries of all remembered dictionaries together (1 MiB of groups); the newest is remembered whatever its length. */
const REMEMBERED_ENTRIES = 2 ** 18;

/** A dictionary and, per entry, 1 + its group; 0 where it is not known yet. The last entry stands for null. */
interface KnownDictionary {
  readonly dictionary: Column;
  readonly groups: Block;
}

/**
 * A key table of one column that also takes dictionary-encoded columns: per dictionary it remembers the group of each
 * entry, so that a row costs one load. Several are remembered: readers give one per row group, and behind an exchange
 * the batches of several readers take turns.
 */
export class EncodedKeyTable implements KeyTable {
  readonly #workspace: Workspace;
  readonly #plain: ColumnKeyTable;
  /** The one that was used last comes first. */
  #known: KnownDictionary[] = [];
  /** All keys as a dictionary, made at the first `gatherKeys` after a change. */
  #allKeys: Column | undefined;

  constructor(workspace: Workspace, plain: ColumnKeyTable) {
    this.#workspace = workspace;
    this.#plain = plain;
  }

  get groupCount(): number {
    return this.#plain.groupCount;
  }

  get memoryBytes(): number {
    return this.#known.reduce((sum, { groups }) => sum + groups.byteLength, this.#plain.memoryBytes);
  }

  growthBytes(rowCount: number): number {
    return this.#plain.growthBytes(rowCount);
  }

  reserve(groupCount: number): void {
    this.#plain.reserve?.(groupCount);
  }

  assignInto(columns: readonly Column[], rowCount: number, out: Address): void {
    const [column] = columns;
    const { dictionary } = column;
    if (rowCount === 0) return;
    this.#allKeys?.release();
    this.#allKeys = undefined;
    if (dictionary === undefined) this.#plain.assignPlain(column, rowCount, out);
    else if (dictionary.length > rowCount * DICTIONARY_PER_ROW && !this.#knows(dictionary)) {
      const decoded = decodeDictionary(this.#workspace, column);
      this.#plain.assignPlain(decoded, rowCount, out);
      decoded.release();
    } else this.#assignEncoded(column, dictionary, rowCount, out);
  }

  keyColumns(from: number, count: number): Column[] {
    return [this.#plain.keyColumn(from, count)];
  }

  gatherKeys(groups: Address, count: number): Column[] {
    const few = this.#plain.gatherKey?.(groups, count);
    if (few !== undefined) return [few];
    this.#allKeys ??= this.#plain.keyColumn(0, this.groupCount);
    const all = this.#allKeys;
    if (!isVariableLength(this.#plain.type)) return [gatherColumn(this.#workspace, all, groups, count)];
    // Strings stay in one place: a dictionary column per batch shares them.
    const dictionary = all.view(all.length, { ...all.layout, nullCount: 0, validity: 0 });
    const data = this.#workspace.allocate(count * 4);
    const validity = allocateBitmap(this.#workspace, count);
    const nullCode = this.#plain.nullGroup >>> 0;
    this.#workspace.kernels.groupIndices(groups, count, nullCode, data.address, validity.address);
    return [columnOf(this.#workspace, this.#plain.type, count, { data, validity, dictionary })];
  }

  reset(): void {
    this.#forget();
    this.#plain.reset();
  }

  release(): void {
    this.#forget();
    this.#plain.release();
  }

  #forget(): void {
    for (const known of this.#known) forget(known);
    this.#known = [];
    this.#allKeys?.release();
    this.#allKeys = undefined;
  }

  #assignEncoded(column: Column, dictionary: Column, rowCount: number, out: Address): void {
    const { kernels } = this.#workspace;
    const cache = this.#groupsOf(dictionary);
    const entries = dictionary.length;
    const fresh = this.#workspace.allocate(Math.min(rowCount, entries + 1) * 4);
    const map = (): number =>
      kernels.groupDictionary(column.data, column.validity, rowCount, cache.address, entries, fresh.address, out);
    const count = map();
    if (count > 0) {
      this.#learn(dictionary, cache, fresh, count);
      assert(map() === 0, "every dictionary entry that occurs has a group");
    }
    fresh.release();
  }

  /** Gives groups to the dictionary entries u32[count] at `fresh`; entry `dictionary.length` stands for null. */
  #learn(dictionary: Column, cache: Block, fresh: Block, count: number): void {
    const rows = this.#workspace.allocate(count * 4);
    const groups = this.#workspace.allocate(count * 4);
    const { u32 } = this.#workspace;
    for (let i = 0; i < count; i++) {
      const entry = u32[(fresh.address >>> 2) + i];
      u32[(rows.address >>> 2) + i] = entry === dictionary.length ? NO_ROW : entry;
    }
    const keys = gatherColumn(this.#workspace, dictionary, rows.address, count, true);
    this.#plain.assignPlain(keys, count, groups.address);
    this.#workspace.kernels.groupDictionaryLearn(fresh.address, groups.address, count, cache.address);
    keys.release();
    groups.release();
    rows.release();
  }

  #knows(dictionary: Column): boolean {
    return this.#known.some((known) => known.dictionary === dictionary);
  }

  #groupsOf(dictionary: Column): Block {
    const at = this.#known.findIndex((known) => known.dictionary === dictionary);
    if (at === 0) return this.#known[0].groups;
    if (at > 0) this.#known.unshift(...this.#known.splice(at, 1));
    else {
      const groups = this.#workspace.allocateZeroed((dictionary.length + 1) * 4);
      this.#known.unshift({ dictionary: dictionary.retain(), groups });
      this.#forgetOldest();
    }
    return this.#known[0].groups;
  }

  #forgetOldest(): void {
    let entries = 0;
    const kept = this.#known.filter(({ dictionary }, i) => {
      entries += dictionary.length;
      return i === 0 || entries <= REMEMBERED_ENTRIES;
    });
    for (const known of this.#known) if (!kept.includes(known)) forget(known);
    this.#known = kept;
  }
}

function forget({ dictionary, groups }: KnownDictionary): void {
  dictionary.release();
  groups.release();
}
