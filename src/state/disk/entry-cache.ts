import type { KeyId } from "../../core/state/key-identity.ts";
import type { DiskEntry } from "./disk-entry.ts";

/** Entries that leave the cache at once, about: those of neighbouring pages go together. */
const PART_ENTRIES = 512;

/**
 * Entries of keys. From time to time all that are there become old; what is asked for is young again, and what is still old
 * when its turn comes leaves, part by part in the order of pages.
 */
export class EntryCache {
  readonly #entries = new Map<KeyId, DiskEntry>();
  /** All that were there when they became old, by the low bits of their hash, as pages are. */
  #parts: DiskEntry[][] = [];
  /** Entries that were asked for in this round are young. */
  #round = 0;
  /** About what the entries take of the heap. */
  heapBytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(id: KeyId): DiskEntry | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.round === this.#round) return entry;
    entry.round = this.#round;
    // What is asked for again and again is better held alone.
    if (entry.neighbours !== undefined) {
      this.resize(entry, entry.heapBytes - entry.neighbours.text.length);
      entry.neighbours = undefined;
    }
    return entry;
  }

  has(id: KeyId): boolean {
    return this.#entries.has(id);
  }

  /** An entry that is not there. */
  add(entry: DiskEntry): void {
    entry.round = this.#round;
    this.#entries.set(entry.id, entry);
    this.heapBytes += entry.heapBytes;
  }

  /** It takes more or less than it did. */
  resize(entry: DiskEntry, heapBytes: number): void {
    this.heapBytes += heapBytes - entry.heapBytes;
    entry.heapBytes = heapBytes;
  }

  /** Takes out some entries that nobody has asked for for the longest time, but for those that are in use. */
  takeOldest(isInUse: (entry: DiskEntry) => boolean): readonly DiskEntry[] {
    if (this.#parts.length === 0) this.#turn();
    const taken: DiskEntry[] = [];
    for (const entry of this.#parts.pop() ?? []) {
      if (entry.round === this.#round || isInUse(entry)) continue;
      taken.push(entry);
      this.#entries.delete(entry.id);
      this.heapBytes -= entry.heapBytes;
    }
    return taken;
  }

  all(): DiskEntry[] {
    return [...this.#entries.values()];
  }

  clear(): void {
    this.#entries.clear();
    this.#parts = [];
    this.heapBytes = 0;
  }

  #turn(): void {
    this.#round++;
    const partCount = 2 ** Math.ceil(Math.log2(Math.max(1, this.#entries.size / PART_ENTRIES)));
    const parts: DiskEntry[][] = Array.from({ length: partCount }, () => []);
    for (const entry of this.#entries.values()) parts[entry.hash & (partCount - 1)].push(entry);
    this.#parts = parts;
  }
}
