import type { Address } from "../../core/memory/allocator.ts";
import { type DecodeScope, PADDING_BYTES } from "./decode-scope.ts";
import { Encoding } from "./format.ts";
import type { EncodedValues } from "./value-writer.ts";

export const isDictionaryEncoding = (encoding: number): boolean =>
  encoding === Encoding.plainDictionary || encoding === Encoding.rleDictionary;

/** Decodes dictionary indices (bit width, then the hybrid) to u32 at `target`, each below `dictionaryLength`. */
export function decodeIndices(
  scope: DecodeScope,
  values: EncodedValues,
  dictionaryLength: number,
  target: Address,
): void {
  if (values.count === 0) return;
  if (values.byteLength < 1) scope.corrupt("its dictionary indices are missing");
  if (dictionaryLength === 0) scope.corrupt("it refers to an empty dictionary");
  const { kernels, u8 } = scope.workspace;
  const width = u8[values.address];
  const consumed = kernels.parquetHybridU32(
    values.address + 1,
    values.byteLength - 1,
    width,
    dictionaryLength,
    target,
    values.count,
  );
  if (consumed < 0) {
    scope.corrupt(`its dictionary indices are malformed or pass the dictionary of ${dictionaryLength} entries`);
  }
}

/** Decodes dictionary indices into scratch. */
export function indicesInScratch(scope: DecodeScope, values: EncodedValues, dictionaryLength: number): Address {
  const target = scope.scratch.indices.take(values.count * 4 + PADDING_BYTES);
  decodeIndices(scope, values, dictionaryLength, target);
  return target;
}
