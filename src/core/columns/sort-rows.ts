import { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { uint32 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { columnOf } from "./allocate.ts";
import { type EncodedKeys, encodeKeys, releaseKeys, type SortKey } from "./sort-keys.ts";

type Direction = Omit<SortKey, "column">;

/** Bytes of scratch that `sortRows` needs for each row with keys of up to 8 bytes, beside its result. */
export const SORT_SCRATCH_BYTES_PER_ROW = 20;

/**
 * u32[length]: the row numbers of the key columns in order; equal rows keep theirs (stable). The caller owns the block.
 * `columns[i]` is ordered as `order[i]` says.
 */
export function sortRows(
  workspace: Workspace,
  columns: readonly Column[],
  order: readonly Direction[],
  length: number,
): Block {
  const ranked = columns.map((column) => rankDictionary(workspace, column));
  const keys = encodeKeys(workspace, ranked, order, length, "compact");
  for (const column of ranked) column.release();
  try {
    return sortKeys(workspace, keys, length);
  } finally {
    releaseKeys(keys);
  }
}

function sortKeys(workspace: Workspace, keys: EncodedKeys, length: number): Block {
  const { kernels } = workspace;
  const words = keys.words.address;
  const positions = keys.positions?.address ?? 0;
  // The leading bits that fit beside a row number; the rest, if any, is refined.
  const rowBits = Math.max(1, Math.ceil(Math.log2(Math.max(2, length))));
  const leadingBits = Math.min(keys.firstBits, 64 - rowBits);
  const rows = workspace.allocate(length * 4);
  const elements = workspace.allocate(length * 8);
  const scratch = workspace.allocate(length * 8);
  const counts = workspace.allocate(kernels.sortCountsBytes());
  const shift = 64 - leadingBits;
  kernels.sortPack(words, positions, keys.stride, length, shift, rowBits, elements.address);
  const sorted = kernels.sortRadix(elements.address, length, rowBits, scratch.address, counts.address) >>> 0;
  kernels.sortUnpack(sorted, length, rowBits, rows.address);
  (sorted === elements.address ? scratch : elements).release();
  if (!keys.isOneWord || leadingBits < keys.firstBits) {
    const firstWord = leadingBits === keys.firstBits ? 1 : 0;
    refine(workspace, keys, { sorted, length, rowBits, firstWord }, rows.address, counts.address);
  }
  (sorted === elements.address ? elements : scratch).release();
  counts.release();
  return rows;
}

function refine(
  workspace: Workspace,
  { words, positions, stride }: EncodedKeys,
  { sorted, length, rowBits, firstWord }: { sorted: Address; length: number; rowBits: number; firstWord: number },
  rows: Address,
  counts: Address,
): void {
  const { kernels } = workspace;
  const longest = kernels.sortLongestTie(sorted, length, rowBits);
  if (longest < 2) return;
  const pairs = workspace.allocate(longest * 32);
  const stack = workspace.allocate(longest * 6 + 12);
  kernels.sortRefine(
    sorted,
    length,
    rowBits,
    firstWord,
    words.address,
    positions?.address ?? 0,
    stride,
    rows,
    pairs.address,
    longest,
    stack.address,
    counts,
  );
  stack.release();
  pairs.release();
}

/**
 * A dictionary column as uint32 ranks of its values, which order and tie like them; other columns, and those whose
 * dictionary is larger than themselves, are retained as they are.
 */
function rankDictionary(workspace: Workspace, column: Column): Column {
  const { dictionary, length } = column;
  if (dictionary === undefined || dictionary.length > length) return column.retain();
  const { kernels } = workspace;
  const order = [{}];
  const keys = encodeKeys(workspace, [dictionary], order, dictionary.length, "compact");
  const rows = sortKeys(workspace, keys, dictionary.length);
  const ranks = workspace.allocate(dictionary.length * 4);
  const { words, positions, stride } = keys;
  kernels.sortRanks(rows.address, dictionary.length, words.address, positions?.address ?? 0, stride, ranks.address);
  rows.release();
  releaseKeys(keys);
  const data = workspace.allocate(length * 4);
  kernels.gather32(ranks.address, column.data, length, data.address);
  ranks.release();
  const { nullCount, validity } = column;
  const values = columnOf(workspace, uint32, length, { data });
  if (nullCount === 0) return values;
  const ranked = new Column(uint32, length, { ...values.layout, validity, nullCount }, [
    ...values.retainBlocks(),
    ...column.retainBlocks(),
  ]);
  values.release();
  return ranked;
}
