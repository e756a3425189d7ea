import { Column, type ColumnLayout } from "./column.ts";
import { childType } from "./columns/copy.ts";
import { sliceColumn } from "./columns/slice.ts";
import type { Address } from "./memory/allocator.ts";
import type { Block } from "./memory/block.ts";
import { byteWidth, type DataType, isVariableLength } from "./types.ts";
import type { Workspace } from "./workspace.ts";

/*
 * How a column becomes words and buffers of a spill record, and back.
 * Per node, depth first: length, null count, then bytes of the validity, offsets and data buffers, and the dictionary
 * word; children and a new dictionary follow their node. The buffers lie in the body in the same order.
 */
const NODE_WORDS = 6;

/** Dictionary word of a node: plain, dictionary follows as the next node, or the one last seen at this position. */
const DictionaryUse = { none: 0, follows: 1, unchanged: 2 } as const;

/** Buffers are aligned to this inside a body, which serves the widest values (decimal, interval). */
const BUFFER_ALIGNMENT = 16;

const padded = (byteLength: number): number => Math.ceil(byteLength / BUFFER_ALIGNMENT) * BUFFER_ALIGNMENT;

/** Bytes in linear memory. */
export interface Span {
  readonly address: Address;
  readonly byteLength: number;
}

/**
 * The dictionaries that columns had in the record before, by position in depth-first order.
 * It holds a reference on each, so that an equal address means an equal dictionary.
 */
export class DictionaryTrail {
  readonly #columns: (Column | undefined)[] = [];

  at(position: number): Column | undefined {
    return this.#columns[position];
  }

  /** Takes over one reference. */
  set(position: number, dictionary: Column): void {
    const previous = this.#columns[position];
    this.#columns[position] = dictionary;
    previous?.release();
  }

  release(): void {
    for (const dictionary of this.#columns) dictionary?.release();
    this.#columns.length = 0;
  }
}

/** Lists what a record holds of some columns. */
export class RecordWriter {
  readonly words: number[] = [];
  /** In order; each is a multiple of BUFFER_ALIGNMENT long. */
  readonly buffers: Span[] = [];
  readonly #workspace: Workspace;
  readonly #trail: DictionaryTrail;
  /** Slices whose memory the buffers point to, until `release`. */
  readonly #kept: Column[] = [];
  #position = 0;

  constructor(workspace: Workspace, trail: DictionaryTrail) {
    this.#workspace = workspace;
    this.#trail = trail;
  }

  add(column: Column): void {
    const { type, length } = column;
    const bits = (length + 7) >>> 3;
    const validityBytes = this.#buffer(column.validity, column.validity === 0 ? 0 : bits);
    if (column.dictionary !== undefined) {
      const position = this.#position++;
      const isNew = this.#trail.at(position) !== column.dictionary;
      const use = isNew ? DictionaryUse.follows : DictionaryUse.unchanged;
      this.words.push(length, column.nullCount, validityBytes, 0, this.#buffer(column.data, length * 4), use);
      if (isNew) {
        this.#trail.set(position, column.dictionary.retain());
        this.add(column.dictionary);
      }
      return;
    }
    if (column.offsets !== 0) {
      const { i32 } = this.#workspace;
      const first = i32[column.offsets >>> 2];
      const end = i32[(column.offsets >>> 2) + length];
      const offsetBytes = this.#buffer(column.offsets, (length + 1) * 4);
      const dataBytes = isVariableLength(type) ? this.#buffer(column.data + first, end - first) : 0;
      this.words.push(length, column.nullCount, validityBytes, offsetBytes, dataBytes, DictionaryUse.none);
      for (const child of column.children) {
        const slice = sliceColumn(this.#workspace, child, first, end - first);
        this.#kept.push(slice);
        this.add(slice);
      }
      return;
    }
    const dataBytes = this.#buffer(column.data, type.kind === "bool" ? bits : length * byteWidth(type));
    this.words.push(length, column.nullCount, validityBytes, 0, dataBytes, DictionaryUse.none);
    for (const child of column.children) this.add(child);
  }

  release(): void {
    for (const column of this.#kept) column.release();
  }

  /** Reading past a block is allowed (see Allocator), so the padding needs no copy. */
  #buffer(address: Address, byteLength: number): number {
    if (byteLength > 0) this.buffers.push({ address, byteLength: padded(byteLength) });
    return byteLength;
  }
}

/** Rebuilds columns from a record whose body was read into one block; they share that block. */
export class RecordReader {
  readonly #workspace: Workspace;
  readonly #trail: DictionaryTrail;
  readonly #words: Int32Array;
  readonly #body: Block;
  readonly #bodyBytes: number;
  #word = 0;
  #used = 0;
  #position = 0;

  /** `words` is a copy, since linear memory may move under a view. Borrows `body`. */
  constructor(workspace: Workspace, trail: DictionaryTrail, words: Int32Array, body: Block, bodyBytes: number) {
    this.#workspace = workspace;
    this.#trail = trail;
    this.#words = words;
    this.#body = body;
    this.#bodyBytes = bodyBytes;
  }

  /** True once every word and byte was used. */
  get isAtEnd(): boolean {
    return this.#word === this.#words.length && this.#used === this.#bodyBytes;
  }

  /** The next column; undefined where the record cannot hold one of this type. The caller owns it. */
  next(type: DataType): Column | undefined {
    const node = this.#words.subarray(this.#word, this.#word + NODE_WORDS);
    if (node.length < NODE_WORDS) return undefined;
    this.#word += NODE_WORDS;
    const [length, nullCount, validityBytes, offsetBytes, dataBytes, use] = node;
    const validity = this.#take(validityBytes);
    const offsets = this.#take(offsetBytes);
    const data = this.#take(dataBytes);
    if (this.#used > this.#bodyBytes || !fits(type, node)) return undefined;
    const layout: ColumnLayout = { nullCount, validity, data, offsets };
    if (use !== DictionaryUse.none) {
      const dictionary = this.#dictionary(type, use);
      return dictionary && new Column(type, length, { ...layout, dictionary }, [this.#body.retain()]);
    }
    // The offsets of a slice start anywhere, its bytes in the body at 0.
    if (offsets !== 0) this.#workspace.kernels.rebaseOffsets(offsets, length, 0, offsets);
    const children: Column[] = [];
    for (let i = 0; i < childCount(type); i++) {
      const child = this.next(childType(type, i));
      if (child === undefined) {
        for (const column of children) column.release();
        return undefined;
      }
      children.push(child);
    }
    return new Column(type, length, { ...layout, children }, [this.#body.retain()]);
  }

  #dictionary(type: DataType, use: number): Column | undefined {
    const position = this.#position++;
    if (use === DictionaryUse.follows) {
      const dictionary = this.next(type);
      if (dictionary !== undefined) this.#trail.set(position, dictionary);
    }
    return this.#trail.at(position)?.retain();
  }

  #take(byteLength: number): Address {
    if (byteLength <= 0) return 0;
    const address = this.#body.address + this.#used;
    this.#used += padded(byteLength);
    return address;
  }
}

function childCount(type: DataType): number {
  if (type.kind === "list" || type.kind === "map") return 1;
  return type.kind === "struct" ? Object.keys(type.fields).length : 0;
}

/** Whether the buffers of a node have the sizes that its type and length ask for. */
function fits(type: DataType, node: Int32Array): boolean {
  const [length, nullCount, validityBytes, offsetBytes, dataBytes, use] = node;
  const bits = (length + 7) >>> 3;
  if (length < 0 || nullCount < 0 || nullCount > length || dataBytes < 0) return false;
  const hasBitmap = validityBytes === bits && nullCount > 0;
  if (!hasBitmap && (validityBytes !== 0 || (nullCount > 0 && type.kind !== "null"))) return false;
  if (use !== DictionaryUse.none) return offsetBytes === 0 && dataBytes === length * 4;
  if (isVariableLength(type) || type.kind === "list" || type.kind === "map") {
    const isComplete = offsetBytes === (length + 1) * 4 || (length === 0 && offsetBytes === 0);
    return isComplete && (isVariableLength(type) || dataBytes === 0);
  }
  return offsetBytes === 0 && dataBytes === (type.kind === "bool" ? bits : length * byteWidth(type));
}
