import { EvaluationError } from "../../core/errors.ts";
import type { KeyGroupRange } from "../../core/key-group.ts";
import { heapBytes, sampledBytes } from "../../core/state/heap-size.ts";
import { compareIds, type KeyId } from "../../core/state/key-identity.ts";
import type { StateKey } from "../../core/state/state-key.ts";

/** A key's entry and its place in the map, without values. */
const ENTRY_BYTES = 160;

/** What one state holds for one key, or for one key and namespace; undefined where it holds nothing. */
export type Cell = unknown;

/** Where a state finds its cell of the key at hand. */
export interface Slot {
  get(): Cell;
  /** Undefined empties it. */
  set(cell: Cell): void;
}

/** Everything that the states of an operator hold for one key. */
export interface KeyEntry {
  readonly key: StateKey;
  /** By the number of the state; states with namespaces have a map of `NamespaceCell` here. */
  readonly cells: Cell[];
  /** How many cells are not empty: without any, the entry goes. */
  used: number;
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
    this.#entry = key === undefined ? undefined : this.find(key);
  }

  find({ keyGroup, id }: StateKey): KeyEntry | undefined {
    return this.#groups[keyGroup - this.#start]?.get(id);
  }

  get(index: number): Cell {
    if (this.#entry !== undefined) return this.#entry.cells[index];
    return this.key && undefined; // without a key at hand it throws
  }

  set(index: number, cell: Cell): void {
    let entry = this.#entry;
    if (entry === undefined) {
      const { key } = this;
      if (cell === undefined) return;
      entry = this.add(key);
      this.#entry = entry;
    }
    this.setIn(entry, index, cell);
  }

  /** A new entry, whose first cell the caller sets at once. */
  add(key: StateKey): KeyEntry {
    const entry: KeyEntry = { key, cells: [], used: 0 };
    this.#groups[key.keyGroup - this.#start].set(key.id, entry);
    this.count++;
    return entry;
  }

  setIn(entry: KeyEntry, index: number, cell: Cell): void {
    const { cells, key } = entry;
    while (cells.length < index) cells.push(undefined); // without holes
    const had = cells[index] !== undefined;
    cells[index] = cell;
    if (had === (cell !== undefined)) return;
    entry.used += had ? -1 : 1;
    if (entry.used > 0) return;
    this.#groups[key.keyGroup - this.#start].delete(key.id);
    this.count--;
    if (this.#entry === entry) this.#entry = undefined;
  }

  /** Live: keys that are added behind the one that it is at are met too. */
  *entries(): Generator<KeyEntry, void, void> {
    for (const group of this.#groups) yield* group.values();
  }

  /** About what keys and cells take, from some of them. */
  get memoryBytes(): number {
    return sampledBytes(
      this.#some(),
      this.count,
      ({ key, cells }) => ENTRY_BYTES + heapBytes(key.values) + heapBytes(cells),
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
      yield* [...group.values()].sort((a, b) => compareIds(a.key.id, b.key.id));
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
}
