import { Column } from "../../core/column.ts";
import { bitmapBytes, columnOf } from "../../core/columns/allocate.ts";
import { assert } from "../../core/errors.ts";
import type { Block } from "../../core/memory/block.ts";
import { nullType } from "../../core/types.ts";
import type { DecodeScope } from "./decode-scope.ts";
import { Encoding } from "./format.ts";
import type { LeafSchema } from "./schema-mapping.ts";
import type { EncodedValues, PageSlots, ValueWriter } from "./value-writer.ts";

/** bool columns: packed bits, or runs of them. */
export class BitValues implements ValueWriter {
  readonly #scope: DecodeScope;
  readonly #leaf: LeafSchema;
  #data: Block | undefined;

  constructor(scope: DecodeScope, leaf: LeafSchema, slotCount: number) {
    this.#scope = scope;
    this.#leaf = leaf;
    this.#data = scope.allocate(bitmapBytes(slotCount));
  }

  append(values: EncodedValues, slots: PageSlots): void {
    const scope = this.#scope;
    const { kernels, u8 } = scope.workspace;
    const target = (this.#data as Block).address;
    const { address, byteLength, count, encoding } = values;
    if (count > 0) {
      if (encoding === Encoding.plain) {
        if (bitmapBytes(count) > byteLength) scope.corrupt(`its ${count} booleans are cut off`);
        kernels.parquetPlainBits(address, target, slots.first, count);
      } else if (encoding === Encoding.rle) {
        if (byteLength < 4) scope.corrupt("its booleans are cut off");
        const length = (u8[address] | (u8[address + 1] << 8) | (u8[address + 2] << 16) | (u8[address + 3] << 24)) >>> 0;
        if (length > byteLength - 4 || kernels.parquetHybridBits(address + 4, length, target, slots.first, count) < 0) {
          scope.corrupt("its runs of booleans are malformed");
        }
      } else scope.fail("PARQUET_UNSUPPORTED", `the encoding ${encoding} is not known for booleans`);
    }
    if (slots.present === slots.count) return;
    kernels.parquetSpreadBits(target, slots.first, slots.bitmap, slots.firstBit, slots.count, slots.present);
  }

  pick(): void {
    assert(false, "booleans are decoded page by page");
  }

  finish(slotCount: number, validity: Block | undefined): Column {
    const data = this.#data as Block;
    this.#data = undefined;
    return columnOf(this.#scope.workspace, this.#leaf.type, slotCount, {
      data,
      ...(validity === undefined ? {} : { validity }),
    });
  }

  release(): void {
    this.#data?.release();
    this.#data = undefined;
  }
}

/** Columns of the type null: nothing is stored. */
export class NullValues implements ValueWriter {
  append(): void {}

  pick(): void {}

  finish(slotCount: number, validity: Block | undefined): Column {
    validity?.release();
    return new Column(nullType, slotCount, { nullCount: slotCount }, []);
  }

  release(): void {}
}
