import type { ReadableFile } from "../../core/host.ts";
import { comparableOf } from "./bounds.ts";
import { type ColumnChunkMetadata, PhysicalType } from "./format.ts";
import type { LeafSchema } from "./schema-mapping.ts";
import { CompactReader, MalformedThrift } from "./thrift-compact.ts";
import { xxh64 } from "./xxh64.ts";

/** The odd constants of the format: one bit in each of a block's eight words. */
export const BLOOM_SALT = [
  0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
] as const;

export const BLOOM_BLOCK_BYTES = 32;
const GREATEST_FILTER_BYTES = 128 * 1024 * 1024;
const HEADER_BYTES = 64;

/**
 * A split-block Bloom filter (https://github.com/apache/parquet-format/blob/master/BloomFilter.md): says for sure that a
 * chunk does not contain a value, or that it might.
 */
export class BloomFilter {
  readonly #words: DataView;
  readonly #blockCount: bigint;
  readonly #leaf: LeafSchema;

  constructor(bits: Uint8Array, leaf: LeafSchema) {
    this.#words = new DataView(bits.buffer, bits.byteOffset, bits.byteLength);
    this.#blockCount = BigInt(bits.length / BLOOM_BLOCK_BYTES);
    this.#leaf = leaf;
  }

  /** True also where the value has no form that could be looked up. */
  mightContain(value: unknown): boolean {
    const bytes = storedBytes(this.#leaf, value);
    if (bytes === undefined) return true;
    const hash = xxh64(bytes);
    const block = Number(((hash >> 32n) * this.#blockCount) >> 32n) * BLOOM_BLOCK_BYTES;
    const key = Number(hash & 0xffff_ffffn);
    return BLOOM_SALT.every((salt, word) => {
      const bit = Math.imul(key, salt) >>> 27;
      return (this.#words.getUint32(block + word * 4, true) >>> bit) & 1;
    });
  }
}

/** The filter of a chunk; undefined where there is none, or none that this reader understands. */
export function readBloomFilter(
  file: ReadableFile,
  chunk: ColumnChunkMetadata,
  leaf: LeafSchema,
): BloomFilter | undefined {
  const { bloomFilterOffset: offset } = chunk;
  if (offset === undefined || offset < 0 || offset >= file.sizeBytes) return undefined;
  const start = new Uint8Array(Math.min(HEADER_BYTES, file.sizeBytes - offset));
  file.readInto(start, offset);
  const header = parseHeader(start);
  if (header === undefined) return undefined;
  const { byteLength, end } = header;
  const isValid = byteLength > 0 && byteLength % BLOOM_BLOCK_BYTES === 0 && byteLength <= GREATEST_FILTER_BYTES;
  if (!isValid || offset + end + byteLength > file.sizeBytes) return undefined;
  const bits = new Uint8Array(byteLength);
  file.readInto(bits, offset + end);
  return new BloomFilter(bits, leaf);
}

/** Only split blocks, xxHash and no compression exist; anything else is left alone. */
function parseHeader(bytes: Uint8Array): { byteLength: number; end: number } | undefined {
  const reader = new CompactReader(bytes, 0, bytes.length);
  let byteLength = -1;
  let known = 0;
  try {
    const outer = reader.begin();
    while (reader.nextField()) {
      if (reader.fieldId === 1) byteLength = reader.integerField();
      else if (reader.fieldId <= 4) {
        if (unionMember(reader) === 1) known++;
      } else reader.skip();
    }
    reader.end(outer);
  } catch (error) {
    if (error instanceof MalformedThrift) return undefined;
    throw error;
  }
  return known === 3 ? { byteLength, end: reader.position } : undefined;
}

function unionMember(reader: CompactReader): number {
  reader.expectStruct();
  let member = 0;
  const outer = reader.begin();
  while (reader.nextField()) {
    member = reader.fieldId;
    reader.skip();
  }
  reader.end(outer);
  return member;
}

/** The bytes of a value as the writer hashed them; undefined for types whose equal values have several forms. */
function storedBytes(leaf: LeafSchema, value: unknown): Uint8Array | undefined {
  if (leaf.type.kind === "decimal") return undefined;
  const comparable = comparableOf(leaf.type, value);
  if (comparable === undefined || comparable instanceof Uint8Array) return comparable;
  const view = new DataView(new ArrayBuffer(8));
  const bytes = (length: number): Uint8Array => new Uint8Array(view.buffer, 0, length);
  switch (leaf.physicalType) {
    case PhysicalType.int32: {
      if (BigInt.asIntN(33, toBigInt(comparable) ?? 2n ** 40n) !== toBigInt(comparable)) return undefined;
      view.setInt32(0, Number(comparable), true);
      return bytes(4);
    }
    case PhysicalType.int64: {
      const integer = toBigInt(comparable);
      if (integer === undefined) return undefined;
      view.setBigInt64(0, integer, true);
      return bytes(8);
    }
    // 0 and -0 are equal and hash apart; a value that float32 rounds is in no float32 column.
    case PhysicalType.float:
      if (Number(comparable) === 0 || Math.fround(Number(comparable)) !== Number(comparable)) return undefined;
      view.setFloat32(0, Number(comparable), true);
      return bytes(4);
    case PhysicalType.double:
      if (Number(comparable) === 0 || typeof comparable === "bigint") return undefined;
      view.setFloat64(0, comparable, true);
      return bytes(8);
    default:
      return undefined;
  }
}

function toBigInt(value: number | bigint): bigint | undefined {
  if (typeof value === "bigint") return value;
  return Number.isSafeInteger(value) ? BigInt(value) : undefined;
}
