import { Batch } from "../batch.ts";
import { gatherBatch } from "../columns/gather.ts";
import type { Schema } from "../schema.ts";
import type { SpillFile } from "../spill-file.ts";
import type { SpillSpace } from "../spill-space.ts";
import type { Workspace } from "../workspace.ts";
import { GroupTable } from "./group-table.ts";
import { KeyPartitions, MAXIMUM_LEVELS } from "./key-partitions.ts";

export interface DistinctPlan {
  readonly schema: Schema;
  readonly keySchema: Schema;
  /** Positions of the keys in the schema. */
  readonly keys: readonly number[];
}

/**
 * Finds the first row of each key. While its table fits in memory, new rows are known at once. When the table has to
 * leave memory, its keys go to disk by hash, later rows that might be new follow them, and `finish` settles partition
 * by partition, each in a run of the next level.
 */
export class DistinctRun {
  readonly #workspace: Workspace;
  readonly #plan: DistinctPlan;
  readonly #space: SpillSpace;
  readonly #level: number;
  readonly #table: GroupTable;
  #seen: KeyPartitions | undefined;
  #candidates: KeyPartitions | undefined;

  constructor(workspace: Workspace, plan: DistinctPlan, space: SpillSpace, level: number) {
    this.#workspace = workspace;
    this.#plan = plan;
    this.#space = space;
    this.#level = level;
    this.#table = new GroupTable(
      workspace,
      plan.keySchema.fields.map(({ type }) => type),
    );
  }

  get spillableBytes(): number {
    return this.#level < MAXIMUM_LEVELS && this.#table.groupCount > 0 ? this.#table.memoryBytes : 0;
  }

  growthBytes(rowCount: number): number {
    return this.#table.growthBytes(rowCount);
  }

  /** Marks keys as known: none of their rows is new. `batch` is of the key schema. */
  know(batch: Batch): void {
    if (this.#seen !== undefined) this.#seen.write(batch, batch.columns);
    else this.#table.assign(batch.columns, batch.rowCount).release();
  }

  /** The rows whose key is new, which the caller owns; undefined where there is none or they are settled later. */
  take(batch: Batch): Batch | undefined {
    const before = this.#table.groupCount;
    const keys = this.#plan.keys.map((key) => batch.columns[key]);
    const groups = this.#table.assign(keys, batch.rowCount);
    const added = this.#table.groupCount - before;
    const rows = this.#workspace.allocate(added * 4);
    this.#workspace.kernels.groupFirstRows(groups.address, batch.rowCount, before, rows.address);
    groups.release();
    const fresh = added === 0 ? undefined : gatherBatch(this.#workspace, batch, rows.address, added);
    rows.release();
    if (fresh === undefined || this.#seen === undefined) return fresh;
    this.#candidates ??= new KeyPartitions(this.#workspace, this.#space, this.#plan.schema, this.#level);
    try {
      this.#candidates.write(
        fresh,
        this.#plan.keys.map((key) => fresh.columns[key]),
      );
    } finally {
      fresh.release();
    }
    return undefined;
  }

  /** Empties the table; after the first time, new rows wait for `finish`. */
  spill(batchRows: number): void {
    if (this.#seen === undefined) {
      this.#seen = new KeyPartitions(this.#workspace, this.#space, this.#plan.keySchema, this.#level);
      for (let from = 0; from < this.#table.groupCount; from += batchRows) {
        const count = Math.min(batchRows, this.#table.groupCount - from);
        const batch = new Batch(this.#plan.keySchema, count, this.#table.keyColumns(from, count));
        try {
          this.#seen.write(batch, batch.columns);
        } finally {
          batch.release();
        }
      }
    }
    this.#table.reset();
  }

  /** What is left on disk, by partition: keys that are known, and rows that may be new. */
  finish(): { seen: SpillFile | undefined; candidates: SpillFile }[] {
    this.#table.reset();
    const seen = this.#seen?.finish() ?? [];
    const candidates = this.#candidates?.finish() ?? [];
    return candidates.flatMap((file, i) => {
      if (file !== undefined) return [{ seen: seen[i], candidates: file }];
      if (seen[i] !== undefined) this.#space.remove(seen[i]);
      return [];
    });
  }

  release(): void {
    this.#table.release();
  }
}
