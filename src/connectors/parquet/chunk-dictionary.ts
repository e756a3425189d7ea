import type { Column } from "../../core/column.ts";
import { decodeDictionary } from "../../core/columns/dictionary.ts";
import { gatherColumn } from "../../core/columns/gather.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Workspace } from "../../core/workspace.ts";
import { PADDING_BYTES } from "./decode-scope.ts";
import { type PhysicalValues, physicalValues, releasePhysical } from "./physical-values.ts";
import type { WriteLeaf } from "./write-schema.ts";

/** Above this many entries lookups leave the caches and indices get wide: such columns are written plain. */
const GREATEST_ENTRIES = 65_536;

/** A chunk's values as they will be written: plain, or as indices into a dictionary of distinct ones. */
export class ChunkValues {
  /** Plain values; with a dictionary its entries. */
  readonly values: PhysicalValues;
  /** u32 per value, with a dictionary. */
  readonly indices: Block | undefined;
  readonly #owned: readonly (Column | Block)[];

  constructor(values: PhysicalValues, indices: Block | undefined, owned: readonly (Column | Block)[]) {
    this.values = values;
    this.indices = indices;
    this.#owned = owned;
  }

  release(): void {
    releasePhysical(this.values);
    this.indices?.release();
    for (const owned of this.#owned) owned.release();
  }
}

/** Prepares the values of a leaf, a column without nulls. */
export function chunkValues(
  workspace: Workspace,
  leaf: WriteLeaf,
  column: Column,
  wantsDictionary: boolean,
): ChunkValues {
  if (column.dictionary !== undefined) {
    const kept = wantsDictionary ? keptDictionary(workspace, leaf, column, column.dictionary) : undefined;
    if (kept !== undefined) return kept;
    const plain = decodeDictionary(workspace, column);
    try {
      return plainValues(workspace, leaf, plain, wantsDictionary);
    } finally {
      plain.release();
    }
  }
  return plainValues(workspace, leaf, column, wantsDictionary);
}

function plainValues(workspace: Workspace, leaf: WriteLeaf, column: Column, wantsDictionary: boolean): ChunkValues {
  const values = physicalValues(workspace, leaf, column);
  const found = wantsDictionary ? foundDictionary(workspace, leaf, column, values) : undefined;
  return found ?? new ChunkValues(values, undefined, [column.retain()]);
}

/** Keeps the dictionary of a column, without the entries that no row uses. */
function keptDictionary(
  workspace: Workspace,
  leaf: WriteLeaf,
  column: Column,
  dictionary: Column,
): ChunkValues | undefined {
  const { kernels } = workspace;
  const count = column.length;
  if (dictionary.nullCount > 0 || (leaf.type.kind !== "utf8" && leaf.type.kind !== "binary")) return undefined;
  const indices = workspace.allocate(count * 4 + PADDING_BYTES);
  const seen = workspace.allocate(dictionary.length * 4);
  const used = workspace.allocate(dictionary.length * 4);
  const usedCount = kernels.parquetUsedEntries(
    column.data,
    count,
    dictionary.length,
    seen.address,
    used.address,
    indices.address,
  );
  seen.release();
  if (usedCount > GREATEST_ENTRIES || usedCount === 0) {
    used.release();
    indices.release();
    return undefined;
  }
  const entries = gatherColumn(workspace, dictionary, used.address, usedCount);
  used.release();
  return new ChunkValues(physicalValues(workspace, leaf, entries), indices, [entries]);
}

/** Finds the distinct values of a plain column; undefined where a dictionary would not make it smaller. */
function foundDictionary(
  workspace: Workspace,
  leaf: WriteLeaf,
  column: Column,
  values: PhysicalValues,
): ChunkValues | undefined {
  const { kernels } = workspace;
  const { count, width, kind } = values;
  if (count === 0 || kind === "bits" || (kind === "fixed" && width !== 4 && width !== 8)) return undefined;
  const limit = Math.min(GREATEST_ENTRIES, count);
  const tableBits = 32 - Math.clz32(2 * limit - 1);
  const table = workspace.allocate(4 << tableBits);
  const rows = workspace.allocate((limit + 1) * 4);
  const indices = workspace.allocate(count * 4 + PADDING_BYTES);
  const tail = [table.address, tableBits, limit, rows.address, indices.address] as const;
  const found =
    kind === "bytes"
      ? kernels.parquetDistinctBytes(values.offsets, values.data, count, ...tail)
      : (width === 4 ? kernels.parquetDistinct32 : kernels.parquetDistinct64)(values.data, count, ...tail);
  table.release();
  const isSmaller = found >= 0 && isWorthwhile(workspace, values, found);
  if (!isSmaller) {
    rows.release();
    indices.release();
    return undefined;
  }
  let entries: PhysicalValues;
  const owned: Column[] = [];
  if (kind === "bytes") {
    const entryColumn = gatherColumn(workspace, column, rows.address, found);
    owned.push(entryColumn);
    entries = physicalValues(workspace, leaf, entryColumn);
  } else {
    const block = workspace.allocate(found * width + PADDING_BYTES);
    (width === 4 ? kernels.gather32 : kernels.gather64)(values.data, rows.address, found, block.address);
    entries = { kind: "fixed", count: found, width, data: block.address, offsets: 0, blocks: [block] };
  }
  rows.release();
  releasePhysical(values);
  return new ChunkValues(entries, indices, owned);
}

/** Whether indices and entries together take at most three quarters of the plain bytes. */
function isWorthwhile(workspace: Workspace, values: PhysicalValues, distinct: number): boolean {
  const { count, width, kind, offsets } = values;
  const { i32 } = workspace;
  const plainBytes = kind === "bytes" ? i32[(offsets >>> 2) + count] - i32[offsets >>> 2] + 4 * count : count * width;
  const indexBytes = (count * indexWidth(distinct)) / 8;
  return indexBytes + (plainBytes / count) * distinct < plainBytes * 0.75;
}

/** Bits of an index into `count` entries. */
export const indexWidth = (count: number): number => Math.max(1, 32 - Math.clz32(count - 1));
