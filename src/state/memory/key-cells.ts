import { EvaluationError } from "../../core/errors.ts";
import type { KeyGroupRange } from "../../core/key-group.ts";
import { heapBytes, sampledBytes } from "../../core/state/heap-size.ts";
import { compareIds, type KeyId } from "../../core/state/key-identity.ts";
import type { StateKey } from "../../core/state/state-key.ts";
import { KeyChanges } from "./key-changes.ts";
import { type Cell, KeyEntry } from "./key-entry.ts";

/** A key's entry and its place in the map, without values. */
const ENTRY_BYTES = 160;

/** Where a state finds its cell of the key at hand. */
export interface Slot {
  get(): Cell;
  /** Undefined empties it. */
  set(cell: Cell): void;
  /** What the cell holds was changed in place. */
  touch(): void;
}

export interface NamespaceCell {
  readonly namespace: unknown;
  cell: Cell;
}

export type NamespaceCells = Map<KeyId, NamespaceCell>;

/** The cells of all keys, by key group; a key is looked up once for all states. */
export class KeyCells {
  readonly #start: number;
  readonly #groups: readonly Map<KeyId, KeyEntry>[];
  /** By the number of the state. */
  readonly #changes: KeyChanges[] = [];
  /** How many were taken. */
  #snapshots = 0;
  #key: StateKey | undefined;
  #entry: KeyEntry | undefined;
  namespace: unknown;
  namespaceId: KeyId = null;
  /** Keys that have something. */
  count = 0;

  constructor({ start, end }: KeyGroupRange) {
    this.#start = start;
    this.#groups = Array.from({ length: end - start }, () => new Map<KeyId, KeyEntry>());
  }

  get key(): StateKey {
    if (this.#key !== undefined) return this.#key;
    throw new EvaluationError(
      "STATE_WITHOUT_KEY",
      "Keyed state was read or written where there is no key at hand, such as in open or for a broadcast element.",
      "Use it while a row or a timer of a keyed stream is processed; applyToKeyedState reaches the state of all keys.",
    );
  }

  get keyAtHand(): StateKey | undefined {
    return this.#key;
  }

  setKey(key: StateKey | undefined): void {
    this.#key = key;
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

  /** What the cell of the key at hand holds was changed in place. */
  touch(index: number): void {
    if (this.#entry !== undefined) this.#changes[index].mark(this.#entry);
  }

  /** A new entry, whose first cell the caller sets at once. `values` may be left out where the one of the key is its id. */
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

  /** Live: keys that are added behind the one that it is at are met too. */
  *entries(): Generator<KeyEntry, void, void> {
    for (const group of this.#groups) yield* group.values();
  }

  /** The keys that are there when the turn of their key group comes, whatever becomes of them; each is met once. */
  *present(): Generator<KeyEntry, void, void> {
    for (const group of this.#groups) yield* [...group.values()];
  }

  /** About what keys and cells take, from some of them. */
  get memoryBytes(): number {
    return sampledBytes(
      this.#some(),
      this.count,
      ({ values, cells }) => ENTRY_BYTES + heapBytes(values) + heapBytes(cells),
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

export class KeySlot implements Slot {
  readonly #cells: KeyCells;
  readonly #index: number;

  constructor(cells: KeyCells, index: number) {
    this.#cells = cells;
    this.#index = index;
  }

  get(): Cell {
    return this.#cells.get(this.#index);
  }

  set(cell: Cell): void {
    this.#cells.set(this.#index, cell);
  }

  touch(): void {
    this.#cells.touch(this.#index);
  }
}

/** The cell of the key and the namespace at hand. */
export class NamespaceSlot implements Slot {
  readonly #cells: KeyCells;
  readonly #index: number;

  constructor(cells: KeyCells, index: number) {
    this.#cells = cells;
    this.#index = index;
  }

  get(): Cell {
    return (this.#cells.get(this.#index) as NamespaceCells | undefined)?.get(this.#cells.namespaceId)?.cell;
  }

  set(cell: Cell): void {
    const cells = this.#cells;
    const { namespace, namespaceId } = cells;
    let namespaces = cells.get(this.#index) as NamespaceCells | undefined;
    this.touch();
    if (cell === undefined) {
      namespaces?.delete(namespaceId);
      if (namespaces?.size === 0) cells.set(this.#index, undefined);
      return;
    }
    if (namespaces === undefined) {
      namespaces = new Map();
      cells.set(this.#index, namespaces);
    }
    const held = namespaces.get(namespaceId);
    if (held === undefined) namespaces.set(namespaceId, { namespace, cell });
    else held.cell = cell;
  }

  touch(): void {
    this.#cells.touch(this.#index);
  }
}
