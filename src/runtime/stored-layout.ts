import type { Batch } from "../core/batch.ts";
import type { Column } from "../core/column.ts";
import { type ColumnDescriptor, describeColumn } from "../core/columns/copy.ts";
import type { Workspace } from "../core/workspace.ts";

/** Words of a column record before its children: see `encodeColumn`. */
const COLUMN_WORDS = 10;

/**
 * Where stored batches lie in the memory that holds them, as 32-bit words that all threads share, so that a job over
 * thousands of batches sends none of their addresses.
 *
 *   word 0                   columns per batch
 *   1 + b * (1 + columns)    batch b: its rows, then per column the word at which its record begins
 *   records                  length, null count, addresses and sizes as in `ColumnDescriptor`, the record of the
 *                            dictionary (0: none), wordBits + 1 (0: none), how many children, the children's records
 *
 * A dictionary has one record, however many columns share it.
 */
export function encodeLayout(workspace: Workspace, batches: readonly Batch[], columnCount: number): SharedArrayBuffer {
  const words: number[] = new Array(1 + batches.length * (1 + columnCount)).fill(0);
  const dictionaries = new Map<Column, number>();
  words[0] = columnCount;
  for (const [b, { rowCount, columns }] of batches.entries()) {
    const first = 1 + b * (1 + columnCount);
    words[first] = rowCount;
    for (const [c, column] of columns.entries()) {
      words[first + 1 + c] = encodeColumn(workspace, column, words, dictionaries);
    }
  }
  const shared = new SharedArrayBuffer(words.length * 4);
  new Uint32Array(shared).set(words);
  return shared;
}

/** Returns the word at which the record begins. */
function encodeColumn(
  workspace: Workspace,
  column: Column,
  words: number[],
  dictionaries: Map<Column, number>,
): number {
  const { dictionary } = column;
  let dictionaryAt = 0;
  if (dictionary !== undefined) {
    dictionaryAt = dictionaries.get(dictionary) ?? encodeColumn(workspace, dictionary, words, dictionaries);
    dictionaries.set(dictionary, dictionaryAt);
  }
  const children = column.children.map((child) => encodeColumn(workspace, child, words, dictionaries));
  const { length, nullCount, validity, data, dataStart, dataBytes, offsets, wordBits } = describeColumn(
    workspace,
    column,
  );
  const at = words.length;
  words.push(length, nullCount, validity, data, dataStart, dataBytes, offsets, dictionaryAt);
  words.push(wordBits === undefined ? 0 : wordBits + 1, children.length);
  words.push(...children);
  return at;
}

/** Reads what `encodeLayout` wrote. */
export class StoredLayout {
  readonly #words: Uint32Array;

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Uint32Array(shared);
  }

  rowCount(batch: number): number {
    return this.#words[this.#batchAt(batch)];
  }

  column(batch: number, index: number): ColumnDescriptor {
    return this.#describe(this.#words[this.#batchAt(batch) + 1 + index]);
  }

  /** Tells dictionaries apart: equal for columns that share one, 0 for a column without. */
  dictionaryOf(batch: number, index: number): number {
    return this.#words[this.#words[this.#batchAt(batch) + 1 + index] + 7];
  }

  #batchAt(batch: number): number {
    return 1 + batch * (1 + this.#words[0]);
  }

  #describe(at: number): ColumnDescriptor {
    const [length, nullCount, validity, data, dataStart, dataBytes, offsets, dictionaryAt, wordBits, childCount] =
      this.#words.subarray(at, at + COLUMN_WORDS);
    const childrenAt = at + COLUMN_WORDS;
    const children = Array.from(this.#words.subarray(childrenAt, childrenAt + childCount), (child) =>
      this.#describe(child),
    );
    return {
      length,
      nullCount,
      validity,
      data,
      dataStart,
      dataBytes,
      offsets,
      children,
      ...(wordBits === 0 ? {} : { wordBits: wordBits - 1 }),
      ...(dictionaryAt === 0 ? {} : { dictionary: this.#describe(dictionaryAt) }),
    };
  }
}
