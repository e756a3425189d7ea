import type { KeyId } from "../../core/state/key-identity.ts";
import type { StateKey } from "../../core/state/state-key.ts";

/** What one state holds for one key, or for one key and namespace; undefined where it holds nothing. */
export type Cell = unknown;

/** Everything that the states of an operator hold for one key. Many of them are most of the state: each field counts. */
export class KeyEntry implements StateKey {
  readonly keyGroup: number;
  readonly id: KeyId;
  /** Undefined where the one value of the key is its own identity. */
  readonly #values: readonly unknown[] | undefined;
  /** Of state 0, which often is the only one. */
  #first: Cell;
  /** Of state 1, 2, ...; states with namespaces have a map of `NamespaceCell`. */
  #others: Cell[] | undefined;
  /** How many cells are not empty: without any, the entry goes. */
  used = 0;
  /** How many snapshots had been taken when it was made. */
  readonly born: number;
  /** A bit per state that has marked it as changed. */
  marks = 0;

  constructor(keyGroup: number, id: KeyId, values: readonly unknown[] | undefined, born: number) {
    this.keyGroup = keyGroup;
    this.id = id;
    this.#values = values?.length === 1 && Object.is(values[0], id) ? undefined : values;
    this.born = born;
  }

  get values(): readonly unknown[] {
    return this.#values ?? [this.id];
  }

  get(index: number): Cell {
    return index === 0 ? this.#first : this.#others?.[index - 1];
  }

  /** Undefined empties it. */
  set(index: number, cell: Cell): void {
    const had = this.get(index) !== undefined;
    if (index === 0) this.#first = cell;
    else {
      // Exactly as long as it has to be, and without holes.
      if (this.#others === undefined) this.#others = Array.from({ length: index }, () => undefined);
      while (this.#others.length < index) this.#others.push(undefined);
      this.#others[index - 1] = cell;
    }
    if (had !== (cell !== undefined)) this.used += had ? -1 : 1;
  }

  /** All that it refers to, for estimates of what it takes. */
  get parts(): readonly unknown[] {
    return [this.id, this.#values, this.#first, this.#others];
  }
}
