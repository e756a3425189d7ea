import { assert } from "./errors.ts";
import type { Address } from "./memory/allocator.ts";
import type { Block } from "./memory/block.ts";
import type { DataType } from "./types.ts";
import type { Workspace } from "./workspace.ts";

/**
 * Decimals that fit 64 bits, in half the memory and with 64-bit arithmetic. Whoever asks for `Column.data` still finds
 * Arrow's 128 bits, which are then made from these.
 */
export interface DecimalWords {
  /** int64[length]: the unscaled values. */
  readonly address: Address;
  /** |value| < 2^bits in every slot, those of null rows included; at most 63. */
  readonly bits: number;
  /** Where the 128-bit values are made. */
  readonly workspace: Workspace;
}

/** Where a column's values lie; all addresses are in one workspace. */
export interface ColumnLayout {
  /** Rows that are null, exactly. */
  nullCount?: number;
  /** Arrow bitmap from bit 0, 1 = not null; 0 (no bitmap) if and only if no row is null. */
  validity?: Address;
  /** Fixed-width values; bits of bool from bit 0; bytes of utf8/binary; int32 indices where `dictionary` is set. */
  data?: Address;
  /** Plain decimals only: the same values as int64; `data` may then be left out. */
  words?: DecimalWords;
  /** int32[length + 1] of utf8, binary, list and map; the first need not be 0. */
  offsets?: Address;
  /** list: [element]; map: [struct of key and value]; struct: one per field. */
  children?: readonly Column[];
  /** Distinct or repeated values that `data` indexes: plain, without nulls, at least one entry. */
  dictionary?: Column;
}

/**
 * One column of a batch in Arrow layout: a type, a length and addresses in linear memory.
 *
 * Invariants that every kernel relies on:
 * - bitmaps (validity, bool data) start at bit 0 of their address; slices at other bits are copied;
 * - fixed-width data is aligned to its width;
 * - slots of null rows hold initialised but unspecified values; dictionary indices of null rows are 0;
 * - offsets never decrease, also across null rows.
 *
 * Reference-counted: born with one reference that its creator owns. It keeps one reference on each of its blocks,
 * children and dictionary, which it takes over from the creator.
 */
export class Column {
  readonly type: DataType;
  readonly length: number;
  readonly nullCount: number;
  readonly validity: Address;
  readonly words: DecimalWords | undefined;
  readonly offsets: Address;
  readonly children: readonly Column[];
  readonly dictionary: Column | undefined;
  #data: Address;
  #blocks: readonly Block[];
  #references = 1;

  constructor(type: DataType, length: number, layout: ColumnLayout, blocks: readonly Block[]) {
    this.type = type;
    this.length = length;
    this.nullCount = layout.nullCount ?? 0;
    this.validity = this.nullCount === 0 ? 0 : (layout.validity ?? 0);
    this.#data = layout.data ?? 0;
    this.words = layout.words;
    this.offsets = layout.offsets ?? 0;
    this.children = layout.children ?? [];
    this.dictionary = layout.dictionary;
    this.#blocks = blocks;
    assert(this.nullCount === 0 || this.validity !== 0 || type.kind === "null", "nulls come with a bitmap");
  }

  /** See `ColumnLayout.data`; the first use of it on a decimal column of `words` allocates. */
  get data(): Address {
    if (this.#data === 0 && this.words !== undefined) this.#widen(this.words);
    return this.#data;
  }

  #widen({ address, workspace }: DecimalWords): void {
    const block = workspace.allocate(this.length * 16);
    workspace.kernels.decimalFromI64(address, false, this.length, block.address);
    this.#data = block.address;
    this.#blocks = [...this.#blocks, block];
  }

  /** A further reference; returns this. */
  retain(): this {
    assert(this.#references > 0, "a released column is not retained");
    this.#references++;
    return this;
  }

  release(): void {
    assert(this.#references > 0, "a column is released once per reference");
    if (--this.#references > 0) return;
    for (const block of this.#blocks) block.release();
    for (const child of this.children) child.release();
    this.dictionary?.release();
  }

  /** The same values under another length or other addresses inside the same blocks; shares memory. */
  view(length: number, layout: ColumnLayout, extraBlocks: readonly Block[] = []): Column {
    return this.viewAs(this.type, length, layout, extraBlocks);
  }

  /** Like `view`, read as another type of the same layout (int64 as timestamp, say). Takes over `extraBlocks`. */
  viewAs(type: DataType, length: number, layout: ColumnLayout, extraBlocks: readonly Block[] = []): Column {
    for (const block of this.#blocks) block.retain();
    for (const child of layout.children ?? []) child.retain();
    layout.dictionary?.retain();
    return new Column(type, length, layout, [...this.#blocks, ...extraBlocks]);
  }

  /** The blocks that this column refers to; children and the dictionary have theirs. */
  get blocks(): readonly Block[] {
    return this.#blocks;
  }

  /** A further reference on each block, for a column that shares some of them. */
  retainBlocks(): Block[] {
    return this.#blocks.map((block) => block.retain());
  }

  /** Present addresses as a layout, to start a `view` from. */
  get layout(): ColumnLayout {
    const { nullCount, validity, words, offsets, children, dictionary } = this;
    const layout: ColumnLayout = { nullCount, validity, data: this.#data, offsets, children };
    if (words !== undefined) layout.words = words;
    if (dictionary !== undefined) layout.dictionary = dictionary;
    return layout;
  }
}
