import type { KeyId } from "../../core/state/key-identity.ts";
import type { DiskEntry } from "./disk-entry.ts";

/** Entries that leave the cache at once, about: those of neighbouring pages go together. */
const PART_ENTRIES = 512;

/**
 * Entries of keys, in two generations: what is asked for comes to the young one, and the old one leaves, part by part in
 * the order of pages. When it is empty the young one is old.
 */
export class EntryCache {
  #young = new Map<KeyId, DiskEntry>();
  #old = new Map<KeyId, DiskEntry>();
  /** Those that were old when the generations changed, by the low bits of their hash, as pages are. */
  #parts: DiskEntry[][] = [];
  /** About what the entries take of the heap. */
  heapBytes = 0;

  get(id: KeyId): DiskEntry | undefined {
    const entry = this.#young.get(id);
    if (entry !== undefined) return entry;
    const old = this.#old.get(id);
    if (old === undefined) return undefined;
    this.#old.delete(id);
    this.#young.set(id, old);
    // What is asked for again and again is better held alone.
    if (old.neighbours !== undefined) {
      this.resize(old, old.heapBytes - old.neighbours.text.length);
      old.neighbours = undefined;
    }
    return old;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  has(id: KeyId): boolean {
    return this.#young.has(id) || this.#old.has(id);
  }

  /** An entry that is not there. */
  add(entry: DiskEntry): void {
    this.#young.set(entry.id, entry);
    this.heapBytes += entry.heapBytes;
  }

  /** It takes more or less than it did. */
  resize(entry: DiskEntry, heapBytes: number): void {
    this.heapBytes += heapBytes - entry.heapBytes;
    entry.heapBytes = heapBytes;
  }

  /** Some entries that nobody has asked for for the longest time; empty only where the cache is. They stay until `remove`. */
  oldest(): readonly DiskEntry[] {
    for (;;) {
      const part = this.#parts.pop();
      if (part === undefined) {
        if (this.#young.size === 0) return [];
        this.#turn();
        continue;
      }
      const left = part.filter((entry) => this.#old.get(entry.id) === entry);
      if (left.length > 0) return left;
    }
  }

  /** An entry that is old goes. */
  remove(entry: DiskEntry): void {
    if (this.#old.delete(entry.id)) this.heapBytes -= entry.heapBytes;
  }

  all(): DiskEntry[] {
    return [...this.#young.values(), ...this.#old.values()];
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#parts = [];
    this.heapBytes = 0;
  }

  #turn(): void {
    this.#old = this.#young;
    this.#young = new Map();
    const partCount = 2 ** Math.ceil(Math.log2(Math.max(1, this.#old.size / PART_ENTRIES)));
    const parts: DiskEntry[][] = Array.from({ length: partCount }, () => []);
    for (const entry of this.#old.values()) parts[entry.hash & (partCount - 1)].push(entry);
    this.#parts = parts;
  }
}
