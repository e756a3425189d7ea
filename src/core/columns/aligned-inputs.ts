import type { Batch } from "../batch.ts";
import { assert } from "../errors.ts";
import type { Workspace } from "../workspace.ts";
import { sliceBatch } from "./slice.ts";
import { type EncodedKeys, encodeKeys, releaseKeys, type SortKey } from "./sort-keys.ts";

/** A batch with its keys; rows from `at` on are left. */
interface Piece {
  readonly batch: Batch;
  readonly keys: EncodedKeys;
  at: number;
}

/** Rows of two sorted inputs that end at one place in the order: no key of theirs comes again on either side. */
export interface AlignedRows {
  readonly left: Batch[];
  readonly right: Batch[];
}

/**
 * Cuts two inputs, both sorted by keys of the same types and directions, into pieces that belong together. It holds
 * little more than a batch of each side, or the rows of the longest group of equal keys.
 */
export class AlignedInputs {
  readonly #workspace: Workspace;
  readonly #keys: readonly [readonly SortKey[], readonly SortKey[]];
  readonly #pieces: readonly [Piece[], Piece[]] = [[], []];
  readonly #hasEnded: [boolean, boolean] = [false, false];

  constructor(workspace: Workspace, leftKeys: readonly SortKey[], rightKeys: readonly SortKey[]) {
    this.#workspace = workspace;
    this.#keys = [leftKeys, rightKeys];
  }

  /** The input that holds the other one up. */
  get wanted(): 0 | 1 {
    if (this.#hasEnded[0] || this.#hasEnded[1]) return this.#hasEnded[0] ? 1 : 0;
    const [left, right] = this.#pieces;
    if (left.length === 0 || right.length === 0) return left.length === 0 ? 0 : 1;
    return this.#compareLast() <= 0 ? 0 : 1;
  }

  /** Borrows the batch. */
  offer(input: 0 | 1, batch: Batch): void {
    if (batch.rowCount === 0) return;
    const columns = this.#keys[input].map((key) => batch.columns[key.column]);
    const keys = encodeKeys(this.#workspace, columns, this.#keys[input], batch.rowCount, "absolute");
    this.#pieces[input].push({ batch: batch.retain(), keys, at: 0 });
  }

  end(input: 0 | 1): void {
    this.#hasEnded[input] = true;
  }

  /** The rows that are complete by now, which the caller owns; undefined where there are none. */
  take(): AlignedRows | undefined {
    const [left, right] = this.#pieces;
    if (left.length === 0 && right.length === 0) return undefined;
    const [leftEnded, rightEnded] = this.#hasEnded;
    if (leftEnded && rightEnded) return { left: this.#takeAll(0), right: this.#takeAll(1) };
    if ((!leftEnded && left.length === 0) || (!rightEnded && right.length === 0)) return undefined;
    // Rows before the last known key of an input that goes on are complete on both sides.
    const limiting = leftEnded ? 1 : rightEnded ? 0 : this.#compareLast() <= 0 ? 0 : 1;
    const bound = this.#last(limiting);
    const rows = { left: this.#takeBefore(0, bound), right: this.#takeBefore(1, bound) };
    return rows.left.length + rows.right.length === 0 ? undefined : rows;
  }

  close(): void {
    for (const pieces of this.#pieces) for (const piece of pieces.splice(0)) release(piece);
  }

  #takeAll(input: 0 | 1): Batch[] {
    return this.#pieces[input].splice(0).map((piece) => this.#slice(piece, piece.batch.rowCount));
  }

  #takeBefore(input: 0 | 1, bound: Key): Batch[] {
    const pieces = this.#pieces[input];
    const taken: Batch[] = [];
    while (pieces.length > 0) {
      const [piece] = pieces;
      const { words, positions, stride } = piece.keys;
      const { rowCount } = piece.batch;
      const count = this.#workspace.kernels.mergeBound(
        words.address,
        positions?.address ?? 0,
        stride,
        piece.at,
        rowCount,
        bound.address,
        bound.words,
        false,
      );
      if (count === 0) break;
      if (piece.at + count === rowCount) pieces.shift();
      taken.push(this.#slice(piece, piece.at + count));
      if (pieces[0] === piece) break;
    }
    return taken;
  }

  /** Rows up to `end`; a piece of which nothing is left is released. */
  #slice(piece: Piece, end: number): Batch {
    const slice = sliceBatch(this.#workspace, piece.batch, piece.at, end - piece.at);
    piece.at = end;
    if (end === piece.batch.rowCount) release(piece);
    return slice;
  }

  #compareLast(): number {
    const [a, b] = [this.#last(0), this.#last(1)];
    return this.#workspace.kernels.sortKeyCompare(a.address, a.words, b.address, b.words);
  }

  /** The key of an input's last row that is known. */
  #last(input: 0 | 1): Key {
    const piece = this.#pieces[input].at(-1);
    assert(piece !== undefined, "an input that is compared has rows");
    const { words, positions, stride } = piece.keys;
    const row = piece.batch.rowCount - 1;
    if (positions === undefined) return { address: words.address + row * stride * 8, words: stride };
    const at = (positions.address >>> 2) + row;
    const { u32 } = this.#workspace;
    return { address: words.address + u32[at] * 8, words: u32[at + 1] - u32[at] };
  }
}

interface Key {
  readonly address: number;
  readonly words: number;
}

function release({ batch, keys }: Piece): void {
  batch.release();
  releaseKeys(keys);
}
