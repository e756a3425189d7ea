import { SnapshotLineage } from "../../core/state/snapshot-lineage.ts";
import type { SnapshotWriter } from "../../core/state-snapshot.ts";
import type { KeyEntry } from "./key-entry.ts";

/** So many states of an operator have a bit of their own in the marks of an entry; those behind them do without. */
const MARKED_STATES = 31;
/** Where the last whole table has fewer keys than this for each that has changed, it will be written whole again. */
export const KEYS_PER_CHANGED_KEY = 2;

/** The keys for which one state has changed since a snapshot; nothing is noted before the first one. */
export class KeyChanges {
  readonly #lineage = new SnapshotLineage();
  readonly #bit: number;
  /** Since the last snapshot, the entries of keys that are gone included; those of them that `marks` tells of. */
  #since = new Set<KeyEntry>();
  /** Before the last snapshot, since the one that it was built on. */
  #before = new Set<KeyEntry>();
  #mostKeys = 0;
  #wholeRows = 0;

  constructor(index: number) {
    this.#bit = index < MARKED_STATES ? 1 << index : 0;
  }

  /** Rows of the table when it was written whole. */
  get wholeRows(): number {
    return this.#wholeRows;
  }

  /** Something changes for that key. */
  mark(entry: KeyEntry): void {
    if ((entry.marks & this.#bit) !== 0 || !this.#lineage.isTracking) return;
    entry.marks |= this.#bit;
    this.#since.add(entry);
    if (this.#since.size > this.#mostKeys) this.#forget();
  }

  /** The key is gone, and no snapshot has known this entry. */
  drop(entry: KeyEntry): void {
    this.#since.delete(entry);
  }

  /**
   * A snapshot is taken: the entries that have changed since the one that it builds on; undefined where all are to be
   * written. A key that was gone in between may be there with its old entry and its new one.
   */
  take({ number, changes }: SnapshotWriter): ReadonlySet<KeyEntry> | undefined {
    // On one without a number none will build.
    if (number === undefined) return undefined;
    const { joins, isKnown } = this.#lineage.next(number, changes?.since);
    for (const entry of this.#since) entry.marks &= ~this.#bit;
    if (joins) for (const entry of this.#since) this.#before.add(entry);
    else this.#before = this.#since;
    this.#since = new Set();
    if (this.#before.size > this.#mostKeys) {
      this.#forget();
      this.#lineage.next(number, undefined);
      return undefined;
    }
    return isKnown ? this.#before : undefined;
  }

  /** The snapshot at hand has the table whole. */
  onWhole(keys: number, rows: number): void {
    this.#mostKeys = Math.floor(keys / KEYS_PER_CHANGED_KEY);
    this.#wholeRows = rows;
  }

  /** They are so many that they are not worth their memory: the next snapshot is written whole. */
  #forget(): void {
    for (const entry of this.#since) entry.marks &= ~this.#bit;
    this.#since.clear();
    this.#before.clear();
    this.#lineage.forget();
  }
}
