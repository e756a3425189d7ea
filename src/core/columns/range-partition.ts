import type { Batch } from "../batch.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import { gatherBatch } from "./gather.ts";
import { type EncodedKeys, encodeKeys, releaseKeys, type SortKey } from "./sort-keys.ts";
import { sortRows } from "./sort-rows.ts";

/**
 * Bounds that cut the rows of a sample into `partitionCount` ranges of nearly equal size: up to partitionCount - 1 of
 * its rows, in order. They may be fewer or repeat where the sample is small or has few keys. The caller owns them.
 */
export function sampleBounds(
  workspace: Workspace,
  sample: Batch,
  keys: readonly SortKey[],
  partitionCount: number,
): Batch {
  const columns = keys.map((key) => sample.columns[key.column]);
  const rows = sortRows(workspace, columns, keys, sample.rowCount);
  const count = Math.min(partitionCount - 1, sample.rowCount);
  const picked = workspace.allocate(Math.max(1, count) * 4);
  const { u32 } = workspace;
  for (let i = 0; i < count; i++) {
    const at = Math.floor(((i + 1) * sample.rowCount) / (count + 1));
    u32[(picked.address >>> 2) + i] = u32[(rows.address >>> 2) + at];
  }
  const bounds = gatherBatch(workspace, sample, picked.address, count);
  picked.release();
  rows.release();
  return bounds;
}

/** Tells for rows which range they belong to: range i holds the rows at or behind bound i - 1 and before bound i. */
export class RangePartitioner {
  readonly #workspace: Workspace;
  readonly #keys: readonly SortKey[];
  readonly #bounds: EncodedKeys;
  readonly #boundCount: number;

  /** Bounds in order, as `sampleBounds` gives them or a user does; borrowed. */
  constructor(workspace: Workspace, bounds: Batch, keys: readonly SortKey[]) {
    this.#workspace = workspace;
    this.#keys = keys;
    this.#boundCount = bounds.rowCount;
    const columns = keys.map((key) => bounds.columns[key.column]);
    this.#bounds = encodeKeys(workspace, columns, keys, bounds.rowCount, "absolute");
  }

  /** u32[rowCount]: the range of each row, at most the number of bounds. The caller owns the block. */
  numbers(batch: Batch): Block {
    const columns = this.#keys.map((key) => batch.columns[key.column]);
    const keys = encodeKeys(this.#workspace, columns, this.#keys, batch.rowCount, "absolute");
    const numbers = this.#workspace.allocate(batch.rowCount * 4);
    this.#workspace.kernels.mergeRangeNumbers(
      keys.words.address,
      keys.positions?.address ?? 0,
      keys.stride,
      batch.rowCount,
      this.#bounds.words.address,
      this.#bounds.positions?.address ?? 0,
      this.#bounds.stride,
      this.#boundCount,
      numbers.address,
    );
    releaseKeys(keys);
    return numbers;
  }

  release(): void {
    releaseKeys(this.#bounds);
  }
}
