import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { hashColumns } from "../columns/hash.ts";
import { partitionBatch } from "../columns/partition.ts";
import type { Schema } from "../schema.ts";
import type { SpillFile, SpillWriter } from "../spill-file.ts";
import type { SpillSpace } from "../spill-space.ts";
import type { Workspace } from "../workspace.ts";

const PARTITION_BITS = 5;
/** Levels that take disjoint bits of the hash, from bit 0; exchanges between workers take the upper half. */
export const MAXIMUM_LEVELS = 6;

/** Rows on disk, split by the hash of their keys: rows of one key meet in one partition, in their order. */
export class KeyPartitions {
  readonly #workspace: Workspace;
  readonly #space: SpillSpace;
  readonly #schema: Schema;
  readonly #level: number;
  readonly #writers: (SpillWriter | undefined)[] = new Array(2 ** PARTITION_BITS).fill(undefined);

  /** A partition of level n is split at level n + 1. */
  constructor(workspace: Workspace, space: SpillSpace, schema: Schema, level: number) {
    this.#workspace = workspace;
    this.#space = space;
    this.#schema = schema;
    this.#level = level;
  }

  write(batch: Batch, keys: readonly Column[]): void {
    const { kernels } = this.#workspace;
    const { rowCount } = batch;
    const hashes = hashColumns(this.#workspace, keys, rowCount);
    const numbers = this.#workspace.allocate(rowCount * 4);
    kernels.partitionBits(hashes.address, rowCount, this.#level * PARTITION_BITS, PARTITION_BITS, numbers.address);
    hashes.release();
    const plain = this.#withSmallDictionaries(batch);
    const parts = partitionBatch(this.#workspace, plain, numbers.address, this.#writers.length);
    plain.release();
    numbers.release();
    try {
      for (const [i, part] of parts.entries()) {
        if (part === undefined) continue;
        this.#writers[i] ??= this.#space.create(this.#schema);
        this.#writers[i]?.write(this.#workspace, part);
      }
    } finally {
      for (const part of parts) part?.release();
    }
  }

  /** One file per partition; undefined where it has no rows. */
  finish(): (SpillFile | undefined)[] {
    return this.#writers.map((writer) => (writer === undefined ? undefined : this.#space.finish(writer)));
  }

  /** A dictionary is written to every partition, so only those that are short beside their rows stay. */
  #withSmallDictionaries(batch: Batch): Batch {
    const columns = batch.columns.map((column) =>
      (column.dictionary?.length ?? 0) * this.#writers.length > batch.rowCount
        ? decodeDictionary(this.#workspace, column)
        : column.retain(),
    );
    return batch.withColumns(batch.schema, columns);
  }
}
