import type { Batch } from "../batch.ts";
import { decodeDictionaries } from "../columns/dictionary.ts";
import { hashColumns } from "../columns/hash.ts";
import { partitionBatch } from "../columns/partition.ts";
import type { SpillFile, SpillWriter } from "../spill-file.ts";
import type { SpillSpace } from "../spill-space.ts";
import type { Workspace } from "../workspace.ts";
import type { SidePlan } from "./join-plan.ts";

const PARTITION_BITS = 5;
/** Hash bits below belong to key groups, and the top ones to exchanges: a subtask's rows agree in those already. */
const FIRST_BIT = 7;

/** Levels of partitioning that take disjoint bits of the hash. */
export const MAXIMUM_LEVELS = 6;

/** Writes one side of a join to spill files by the hash of its keys: matching rows of both sides meet in one partition. */
export class PartitionedSide {
  readonly #workspace: Workspace;
  readonly #side: SidePlan;
  readonly #space: SpillSpace;
  readonly #level: number;
  readonly #writers: (SpillWriter | undefined)[] = new Array(2 ** PARTITION_BITS).fill(undefined);

  /** `level` counts from 0: a partition of level n is partitioned at n + 1. */
  constructor(workspace: Workspace, side: SidePlan, space: SpillSpace, level: number) {
    this.#workspace = workspace;
    this.#side = side;
    this.#space = space;
    this.#level = level;
  }

  /** Borrows a batch of the needed columns. */
  write(batch: Batch): void {
    if (batch.rowCount === 0) return;
    const keys = this.#side.keys.map((key) => batch.columns[key]);
    const hashes = hashColumns(this.#workspace, keys, batch.rowCount);
    const numbers = this.#workspace.allocate(batch.rowCount * 4);
    const shift = FIRST_BIT + this.#level * PARTITION_BITS;
    this.#workspace.kernels.partitionBits(hashes.address, batch.rowCount, shift, PARTITION_BITS, numbers.address);
    hashes.release();
    // A dictionary would be written to every partition, so only small ones stay.
    const isLarge = batch.columns.some(
      ({ dictionary }) => dictionary !== undefined && dictionary.length * 4 > batch.rowCount,
    );
    const rows = isLarge ? decodeDictionaries(this.#workspace, batch) : batch.retain();
    const parts = partitionBatch(this.#workspace, rows, numbers.address, this.#writers.length);
    rows.release();
    numbers.release();
    try {
      for (const [i, part] of parts.entries()) {
        if (part === undefined) continue;
        this.#writers[i] ??= this.#space.create(this.#side.schema);
        this.#writers[i]?.write(this.#workspace, part);
      }
    } finally {
      for (const part of parts) part?.release();
    }
  }

  /** The partitions; undefined where one has no rows. */
  finish(): (SpillFile | undefined)[] {
    return this.#writers.map((writer) => writer && this.#space.finish(writer));
  }
}
