import type { DecisionTape } from "./decision-tape.ts";

/** A change of a file that is not on stable storage yet: bytes at a position, or a cut to nothing. */
type Change = { readonly at: number; readonly bytes: Uint8Array } | "truncate";

/** The content of one file: what readers see, and what a crash would leave. */
export class StoredBytes {
  readonly #visible = new GrowingBytes();
  readonly #durable = new GrowingBytes();
  #unsynced: Change[] = [];
  /** Changes with the content. */
  version = 0;

  get sizeBytes(): number {
    return this.#visible.length;
  }

  get hasUnsynced(): boolean {
    return this.#unsynced.length > 0;
  }

  /** What is on stable storage: all that a crash is sure to leave. */
  durableBytes(): Uint8Array {
    return this.#durable.copy();
  }

  /** Copies bytes from `position` into `target`, as many as there are, and says how many. */
  read(target: Uint8Array, position: number): number {
    return this.#visible.read(target, position);
  }

  truncate(): void {
    if (this.#visible.length === 0) return;
    this.#apply(this.#visible, "truncate");
    this.#unsynced.push("truncate");
    this.version++;
  }

  write(bytes: Uint8Array, at: number): void {
    if (bytes.length === 0) return;
    // A copy: callers reuse their buffers, and shared memory goes on changing.
    const change = { at, bytes: bytes.slice() };
    this.#apply(this.#visible, change);
    this.#unsynced.push(change);
    this.version++;
  }

  sync(): void {
    for (const change of this.#unsynced) this.#apply(this.#durable, change);
    this.#unsynced = [];
  }

  /** A failed sync of Linux: the pages count as clean, so that no later sync writes them. */
  forgetUnsynced(): void {
    this.#unsynced = [];
  }

  /** Each unsynced change is lost, kept or torn by itself: a disk orders none of them. */
  crash(tape: DecisionTape): void {
    for (const change of this.#unsynced) {
      const fate = tape.choose(3);
      if (fate === 0) continue;
      if (fate === 1 || change === "truncate") this.#apply(this.#durable, change);
      else {
        const kept = tape.choose(change.bytes.length);
        if (kept > 0) this.#apply(this.#durable, { at: change.at, bytes: change.bytes.subarray(0, kept) });
      }
    }
    this.#unsynced = [];
    this.#visible.replaceBy(this.#durable);
    this.version++;
  }

  /** Flips one bit for good, on stable storage and for readers: rot that no later sync mends. */
  flipBit(bit: number): void {
    this.#visible.flipBit(bit);
    this.#durable.flipBit(bit);
    this.version++;
  }

  #apply(bytes: GrowingBytes, change: Change): void {
    if (change === "truncate") bytes.length = 0;
    else bytes.write(change.bytes, change.at);
  }
}

/** Bytes with room to grow; a hole reads as zeros. */
class GrowingBytes {
  #bytes = new Uint8Array(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  set length(length: number) {
    this.#length = length;
  }

  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  read(target: Uint8Array, position: number): number {
    const end = Math.min(this.#length, position + target.length);
    if (end <= position) return 0;
    target.set(this.#bytes.subarray(position, end));
    return end - position;
  }

  write(bytes: Uint8Array, at: number): void {
    const end = at + bytes.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    // What was cut off before must not come back in a hole.
    if (at > this.#length) this.#bytes.fill(0, this.#length, at);
    this.#bytes.set(bytes, at);
    this.#length = Math.max(this.#length, end);
  }

  replaceBy(other: GrowingBytes): void {
    this.#bytes = other.#bytes.slice(0, other.#length);
    this.#length = other.#length;
  }

  flipBit(bit: number): void {
    const at = Math.floor(bit / 8);
    if (at < this.#length) this.#bytes[at] ^= 1 << (bit % 8);
  }
}
