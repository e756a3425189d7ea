import type { Address } from "../../core/memory/allocator.ts";
import { type DecodeScope, PADDING_BYTES } from "./decode-scope.ts";
import { Encoding } from "./format.ts";
import type { EncodedValues, PickedValues } from "./value-writer.ts";

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

/** Decodes the dictionary indices at `count` positions of a page to u32 at `target`. */
export function pickIndices(
  scope: DecodeScope,
  values: EncodedValues,
  dictionaryLength: number,
  { positions, base, cursor }: PickedValues,
  count: number,
  target: Address,
): void {
  if (count === 0) return;
  const { kernels } = scope.workspace;
  const { address, byteLength } = values;
  const width = indexWidth(scope, values, dictionaryLength);
  checkConsumed(
    scope,
    dictionaryLength,
    kernels.parquetPick(address + 1, byteLength - 1, width, dictionaryLength, cursor, positions, count, base, target),
  );
}

/**
 * Keeps of `count` positions of a page those whose entries match: writes them, with their `base`, to `target`, which may
 * be where they are; returns how many.
 */
export function keepMatching(
  scope: DecodeScope,
  values: EncodedValues,
  matches: MatchingEntries,
  { positions, base, cursor }: PickedValues,
  count: number,
  target: Address,
): number {
  if (count === 0) return 0;
  const { kernels } = scope.workspace;
  const { address, byteLength } = values;
  const { length } = matches;
  const width = indexWidth(scope, values, length);
  const tail = [matches.address, cursor, positions, count, base, target] as const;
  const kept = kernels.parquetKeep(address + 1, byteLength - 1, width, length, ...tail);
  checkConsumed(scope, length, kept);
  return kept;
}

/** Entries of a dictionary that satisfy a condition. */
export interface MatchingEntries {
  /** u8 per entry, 1 where it matches. */
  readonly address: Address;
  readonly length: number;
}

/**
 * Writes the positions plus `base` of the values [from, to) of a page whose entries match to `target`, which has room
 * for one more than all; returns how many.
 */
export function matchIndices(
  scope: DecodeScope,
  values: EncodedValues,
  matches: MatchingEntries,
  cursor: Address,
  [from, to]: readonly [number, number],
  base: number,
  target: Address,
): number {
  if (from === to) return 0;
  const { kernels } = scope.workspace;
  const { address, byteLength } = values;
  const width = indexWidth(scope, values, matches.length);
  const scratch = scope.scratch.indices.take(LOOKUP_BYTES);
  const count = kernels.parquetMatch(
    address + 1,
    byteLength - 1,
    width,
    matches.length,
    matches.address,
    cursor,
    scratch,
    from,
    to,
    base,
    target,
  );
  checkConsumed(scope, matches.length, count);
  return count;
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
