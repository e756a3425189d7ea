import type { Batch } from "../batch.ts";
import { type EncodedKeys, encodeKeys, releaseKeys, type SortKey } from "../columns/sort-keys.ts";
import type { Workspace } from "../workspace.ts";

/** A row's key as pairs of uint32 (low, high) that compare, pair by pair, like the rows. */
export type KeyWords = Uint32Array;

/** Negative, 0 or positive as for sorting; keys of one order over the same types. */
export function compareKeys(a: KeyWords, b: KeyWords): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 2) {
    if (a[at + 1] !== b[at + 1]) return a[at + 1] < b[at + 1] ? -1 : 1;
    if (a[at] !== b[at]) return a[at] < b[at] ? -1 : 1;
  }
  // No key is a proper prefix of another.
  return 0;
}

/** The keys of one batch whose rows are sorted by them. */
export class BatchKeys {
  readonly #workspace: Workspace;
  readonly #keys: EncodedKeys;
  readonly rowCount: number;

  constructor(workspace: Workspace, batch: Batch, order: readonly SortKey[]) {
    const columns = order.map(({ column }) => batch.columns[column]);
    this.#workspace = workspace;
    this.rowCount = batch.rowCount;
    this.#keys = encodeKeys(workspace, columns, order, batch.rowCount, "absolute");
  }

  /** The key of a row; a view while this object lives. */
  at(row: number): KeyWords {
    const { words, positions, stride } = this.#keys;
    const { u32, memory } = this.#workspace;
    const first = positions === undefined ? row * stride : u32[(positions.address >>> 2) + row];
    const end = positions === undefined ? first + stride : u32[(positions.address >>> 2) + row + 1];
    return new Uint32Array(memory.buffer, words.address + first * 8, (end - first) * 2);
  }

  /** The rows, other than the first, whose key differs from that of the row before. */
  cuts(): number[] {
    const { words, positions, stride } = this.#keys;
    const { u32 } = this.#workspace;
    const base = words.address / 4;
    const cuts: number[] = [];
    if (positions === undefined) {
      const width = stride * 2;
      for (let row = 1; row < this.rowCount; row++) {
        const at = base + row * width;
        for (let i = 0; i < width; i++) {
          if (u32[at + i] !== u32[at + i - width]) {
            cuts.push(row);
            break;
          }
        }
      }
      return cuts;
    }
    const starts = positions.address / 4;
    for (let row = 1; row < this.rowCount; row++) {
      const before = u32[starts + row - 1];
      const start = u32[starts + row];
      const length = start - before;
      let isEqual = u32[starts + row + 1] - start === length;
      for (let i = 0; isEqual && i < length * 2; i++) {
        isEqual = u32[base + before * 2 + i] === u32[base + start * 2 + i];
      }
      if (!isEqual) cuts.push(row);
    }
    return cuts;
  }

  release(): void {
    releaseKeys(this.#keys);
  }
}
