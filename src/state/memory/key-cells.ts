import { EvaluationError } from "../../core/errors.ts";
import type { KeyId } from "../../core/state/key-identity.ts";
import type { StateKey } from "../../core/state/state-key.ts";
import type { Cell, KeyEntry } from "./key-entry.ts";

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

/** The cells of all keys; a key is looked up once for all states. */
export abstract class KeyCells {
  protected atHand: StateKey | undefined;
  namespace: unknown;
  namespaceId: KeyId = null;
  /** Keys that have something. */
  abstract readonly count: number;
  /** About what is held of keys and cells in memory. */
  abstract readonly memoryBytes: number;

  get key(): StateKey {
    if (this.atHand !== undefined) return this.atHand;
    throw new EvaluationError(
      "STATE_WITHOUT_KEY",
      "Keyed state was read or written where there is no key at hand, such as in open or for a broadcast element.",
      "Use it while a row or a timer of a keyed stream is processed; applyToKeyedState reaches the state of all keys.",
    );
  }

  get keyAtHand(): StateKey | undefined {
    return this.atHand;
  }

  abstract setKey(key: StateKey | undefined): void;

  /** `values` may be left out where the one of the key is its id. */
  abstract find(keyGroup: number, id: KeyId, values: readonly unknown[] | undefined): KeyEntry | undefined;

  /** A new entry of a key that has none, whose first cell the caller sets at once. */
  abstract add(keyGroup: number, id: KeyId, values: readonly unknown[] | undefined): KeyEntry;

  /** The cell of the key at hand; without a key it throws. */
  abstract get(index: number): Cell;

  /** Undefined empties it. */
  abstract set(index: number, cell: Cell): void;

  /** What the cell of the key at hand holds was changed in place. */
  abstract touch(index: number): void;

  abstract setIn(entry: KeyEntry, index: number, cell: Cell): void;

  /** What the cell of an entry holds was changed in place. */
  abstract touchIn(entry: KeyEntry, index: number): void;

  /** Live: keys that are added behind the one that it is at are met too. An entry is good until the next is asked for. */
  abstract entries(): Generator<KeyEntry, void, void>;

  /** The keys that are there now, or when the turn of their part of the state comes, whatever becomes of them; each is met once. */
  abstract present(): Generator<KeyEntry, void, void>;

  abstract close(): void;
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
