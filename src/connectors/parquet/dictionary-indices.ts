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
  const { kernels } = scope.workspace;
  const { address, byteLength, count } = values;
  const width = indexWidth(scope, values, dictionaryLength);
  checkConsumed(
    scope,
    dictionaryLength,
    kernels.parquetHybridU32(address + 1, byteLength - 1, width, dictionaryLength, target, count),
  );
}

/** Bytes of indices that a lookup kernel unpacks at once. */
const LOOKUP_BYTES = 1024 * 4 + PADDING_BYTES;

/**
 * Decodes dictionary indices and writes the entries of 4 or 8 bytes that they stand for; `target` has PADDING_BYTES of
 * room behind them.
 */
export function lookUpValues(
  scope: DecodeScope,
  values: EncodedValues,
  dictionary: Address,
  dictionaryLength: number,
  entryBytes: 4 | 8,
  target: Address,
): void {
  if (values.count === 0) return;
  const { kernels } = scope.workspace;
  const { address, byteLength, count } = values;
  const width = indexWidth(scope, values, dictionaryLength);
  const lookUp = entryBytes === 4 ? kernels.parquetLookup32 : kernels.parquetLookup64;
  const scratch = scope.scratch.indices.take(LOOKUP_BYTES);
  checkConsumed(
    scope,
    dictionaryLength,
    lookUp(address + 1, byteLength - 1, width, dictionaryLength, dictionary, scratch, target, count),
  );
}

/** The byte in front of the indices. */
function indexWidth(scope: DecodeScope, values: EncodedValues, dictionaryLength: number): number {
  if (values.byteLength < 1) scope.corrupt("its dictionary indices are missing");
  if (dictionaryLength === 0) scope.corrupt("it refers to an empty dictionary");
  return scope.workspace.u8[values.address];
}

function checkConsumed(scope: DecodeScope, dictionaryLength: number, consumed: number): void {
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
