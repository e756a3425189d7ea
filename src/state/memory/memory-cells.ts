import type { KeyGroupRange } from "../../core/key-group.ts";
import { heapBytes, sampledBytes } from "../../core/state/heap-size.ts";
import { compareIds, type KeyId } from "../../core/state/key-identity.ts";
import type { StateKey } from "../../core/state/state-key.ts";
import { KeyCells } from "./key-cells.ts";
import { KeyChanges } from "./key-changes.ts";
import { type Cell, KeyEntry } from "./key-entry.ts";

/** A key's entry and its place in the map, without key and cells: the heap of a million keys in Node 20 has 110 to 117. */
const ENTRY_BYTES = 112;

/** The cells of all keys in maps, by key group. */
export class MemoryCells extends KeyCells {
  readonly #start: number;
  readonly #groups: readonly Map<KeyId, KeyEntry>[];
  /** By the number of the state. */
  readonly #changes: KeyChanges[] = [];
  /** How many were taken. */
  #snapshots = 0;
  #entry: KeyEntry | undefined;
  count = 0;

  constructor({ start, end }: KeyGroupRange) {
    super();
    this.#start = start;
    this.#groups = Array.from({ length: end - start }, () => new Map<KeyId, KeyEntry>());
  }

  setKey(key: StateKey | undefined): void {
    this.atHand = key;
    this.#entry = key === undefined ? undefined : this.find(key.keyGroup, key.id);
  }

  find(keyGroup: number, id: KeyId): KeyEntry | undefined {
    return this.#groups[keyGroup - this.#start]?.get(id);
  }

  /** Of each state before its first cell, in the order of their numbers. */
  changesOf(index: number): KeyChanges {
    this.#changes[index] ??= new KeyChanges(index);
    return this.#changes[index];
  }

  get(index: number): Cell {
    if (this.#entry !== undefined) return this.#entry.get(index);
    return this.key && undefined; // without a key at hand it throws
  }

  set(index: number, cell: Cell): void {
    let entry = this.#entry;
    if (entry === undefined) {
      const { key } = this;
      if (cell === undefined) return;
      entry = this.add(key.keyGroup, key.id, key.values);
      this.#entry = entry;
    }
    this.setIn(entry, index, cell);
  }

  touch(index: number): void {
    if (this.#entry !== undefined) this.#changes[index].mark(this.#entry);
  }

  touchIn(entry: KeyEntry, index: number): void {
    this.#changes[index].mark(entry);
  }

  add(keyGroup: number, id: KeyId, values: readonly unknown[] | undefined): KeyEntry {
    const entry = new KeyEntry(keyGroup, id, values, this.#snapshots);
    this.#groups[keyGroup - this.#start].set(id, entry);
    this.count++;
    return entry;
  }

  setIn(entry: KeyEntry, index: number, cell: Cell): void {
    if (cell === undefined && entry.get(index) === undefined) return;
    this.#changes[index].mark(entry);
    entry.set(index, cell);
    if (entry.used > 0) return;
    this.#groups[entry.keyGroup - this.#start].delete(entry.id);
    this.count--;
    if (this.#entry === entry) this.#entry = undefined;
    // Keys that come and go between two snapshots leave nothing behind.
    if (entry.born === this.#snapshots) for (const changes of this.#changes) changes.drop(entry);
  }

  /** All that is there now is in a snapshot. */
  onSnapshot(): void {
    this.#snapshots++;
  }

  *entries(): Generator<KeyEntry, void, void> {
    for (const group of this.#groups) yield* group.values();
  }

  *present(): Generator<KeyEntry, void, void> {
    for (const group of this.#groups) yield* [...group.values()];
  }

  /** From some of them. */
  get memoryBytes(): number {
    return sampledBytes(this.#some(), this.count, ({ parts }) =>
      parts.reduce((bytes: number, part) => bytes + heapBytes(part), ENTRY_BYTES),
    );
  }

  /** Of each key group one, then the second of each. */
  *#some(): Generator<KeyEntry, void, void> {
    let groups = this.#groups.filter(({ size }) => size > 0).map((group) => group.values());
    while (groups.length > 0) {
      const left: typeof groups = [];
      for (const group of groups) {
        const next = group.next();
        if (next.done === true) continue;
        yield next.value;
        left.push(group);
      }
      groups = left;
    }
  }

  /** In an order that depends on the keys alone. */
  *sortedEntries(): Generator<KeyEntry, void, void> {
    for (const group of this.#groups) {
      yield* [...group.values()].sort((a, b) => compareIds(a.id, b.id));
    }
  }

  close(): void {
    for (const group of this.#groups) group.clear();
    this.#entry = undefined;
    this.count = 0;
  }
}
