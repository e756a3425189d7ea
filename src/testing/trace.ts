/** One thing that happened in a simulation. */
export interface TraceEntry {
  /** Virtual milliseconds since the simulation began. */
  readonly atMs: number;
  /** "main/timer", "thread-1/yield", "main/disk.sync", ... */
  readonly label: string;
  /** A path, the name of a link, a fault that struck. */
  readonly detail: string;
}

/** What happened, in order: the newest entries, and a hash over all of them. */
export class Trace {
  readonly #keep: number;
  #entries: TraceEntry[] = [];
  /** Entries before this one are part of the hash. */
  #mixed = 0;
  #low = 0x811c9dc5;
  #high = 0x01000193;
  count = 0;

  /** `keep` is how many of the newest entries stay readable. */
  constructor(keep: number) {
    this.#keep = keep;
  }

  add(atMs: number, label: string, detail = ""): void {
    this.count++;
    this.#entries.push({ atMs, label, detail });
    if (this.#entries.length <= 2 * this.#keep) return;
    this.#mixAll();
    this.#entries = this.#keep === 0 ? [] : this.#entries.slice(-this.#keep);
    this.#mixed = this.#entries.length;
  }

  /** Equal for runs in which the same things happened at the same virtual times; 16 hexadecimal digits. */
  get hash(): string {
    this.#mixAll();
    const hex = (half: number) => (half >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  /** The newest `count` entries, oldest first. */
  newest(count = this.#keep): readonly TraceEntry[] {
    return count === 0 ? [] : this.#entries.slice(-Math.min(count, this.#keep));
  }

  /** Not as they come: most runs are never asked for their hash. */
  #mixAll(): void {
    for (const { atMs, label, detail } of this.#entries.slice(this.#mixed)) {
      this.#mixText(label);
      this.#mixText(detail);
      // A virtual time may have a fraction: both halves of a millisecond's 2^-10 grid go in.
      this.#mix(Math.floor(atMs));
      this.#mix((atMs % 1) * 1024);
    }
    this.#mixed = this.#entries.length;
  }

  #mixText(text: string): void {
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
    this.#mix(-1); // ends the text: "ab", "c" differs from "a", "bc"
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ this.#low ^ (this.#high >>> 15), 0x85ebca6b);
  }
}

/** "  12.5 ms  main/timer", one line per entry. */
export const traceText = (entries: readonly TraceEntry[]): string =>
  entries.map(({ atMs, label, detail }) => `  ${atMs} ms  ${label}${detail === "" ? "" : ` ${detail}`}`).join("\n");
