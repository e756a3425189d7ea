import type { Column } from "../column.ts";
import { type EncodedKeys, encodeKeys, releaseKeys } from "../columns/sort-keys.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import type { BuildTable } from "./build-table.ts";
import { validRows } from "./join-keys.ts";

/** Finds rows of a sorted side by merging: what is looked up is sorted as well, ascending with nulls last. */
export class SortedTable implements BuildTable {
  readonly hasRepeats: boolean;
  readonly #workspace: Workspace;
  readonly #nullEquals: boolean;
  readonly #keys: EncodedKeys;
  readonly #valid: Address;
  readonly #owned: { release(): void }[] = [];
  readonly #length: number;
  readonly #next: Block;

  /** Borrows the key columns. */
  constructor(workspace: Workspace, columns: readonly Column[], length: number, nullEquals: boolean) {
    this.#workspace = workspace;
    this.#nullEquals = nullEquals;
    this.#length = length;
    this.#keys = encode(workspace, columns, length);
    this.#valid = nullEquals ? 0 : validRows(workspace, columns, length, this.#owned);
    this.#next = workspace.allocate(length * 4);
    const { words, positions, stride } = this.#keys;
    const repeats = workspace.kernels.joinSortedNext(
      words.address,
      positions?.address ?? 0,
      stride,
      length,
      this.#next.address,
    );
    this.hasRepeats = Boolean(repeats);
  }

  get next(): Address {
    return this.#next.address;
  }

  find(columns: readonly Column[], length: number): Block {
    const owned: { release(): void }[] = [];
    const keys = encode(this.#workspace, columns, length);
    const valid = this.#nullEquals ? 0 : validRows(this.#workspace, columns, length, owned);
    const heads = this.#workspace.allocate(length * 4);
    this.#workspace.kernels.joinSortedFind(
      keys.words.address,
      keys.positions?.address ?? 0,
      keys.stride,
      valid,
      length,
      this.#keys.words.address,
      this.#keys.positions?.address ?? 0,
      this.#keys.stride,
      this.#valid,
      this.#length,
      heads.address,
    );
    releaseKeys(keys);
    for (const each of owned) each.release();
    return heads;
  }

  release(): void {
    releaseKeys(this.#keys);
    this.#next.release();
    for (const each of this.#owned) each.release();
  }
}

const encode = (workspace: Workspace, columns: readonly Column[], length: number): EncodedKeys =>
  encodeKeys(
    workspace,
    columns,
    columns.map(() => ({})),
    length,
    "absolute",
  );
