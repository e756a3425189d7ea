import { Batch, mapMarks, type RowMarks } from "../batch.ts";
import type { Column } from "../column.ts";
import { assert } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import type { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";
import { concatColumns, concatMarks } from "./concat.ts";
import { gatherColumn } from "./gather.ts";
import { ScatteredRows } from "./scattered-rows.ts";
import { batchBytes } from "./size.ts";
import type { SortKey } from "./sort-keys.ts";
import { SORT_SCRATCH_BYTES_PER_ROW, sortRows } from "./sort-rows.ts";

/** Texts of a buffer are put behind each other, and their offsets are int32. */
const MAXIMUM_BYTES = 2 ** 30;
const MAXIMUM_ROWS = 2 ** 28;

/** Collects batches of one schema, sorts them, and gives the rows in order. Equal rows keep the order of arrival. */
export class SortBuffer {
  readonly #workspace: Workspace;
  readonly #keys: readonly SortKey[];
  #batches: Batch[] = [];
  #rowCount = 0;
  #byteLength = 0;

  constructor(workspace: Workspace, keys: readonly SortKey[]) {
    this.#workspace = workspace;
    this.#keys = keys;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Bytes of the rows, roughly. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Whether a batch fits beside the others in one sort. */
  hasRoomFor(batch: Batch): boolean {
    return this.#rowCount + batch.rowCount <= MAXIMUM_ROWS && this.#byteLength < MAXIMUM_BYTES;
  }

  /** Borrows the batch. */
  add(batch: Batch): void {
    this.#batches.push(batch.retain());
    this.#rowCount += batch.rowCount;
    this.#byteLength += batchBytes(this.#workspace, batch);
  }

  /** Bytes that `sort` and reading its result take on top, with `moreRows` more rows, roughly. */
  sortingBytes(moreRows: number): number {
    const keyBytes = 8 * this.#keys.length;
    return this.#byteLength + (this.#rowCount + moreRows) * (SORT_SCRATCH_BYTES_PER_ROW + keyBytes);
  }

  /** All rows in order; the buffer is empty again. Undefined without rows. */
  sort(): SortedRows | undefined {
    const batches = this.#batches;
    this.#batches = [];
    this.#rowCount = 0;
    this.#byteLength = 0;
    if (batches.length === 0) return undefined;
    const whole = mergeBatches(this.#workspace, batches);
    try {
      const columns = this.#keys.map((key) => whole.columns[key.column]);
      const rows = sortRows(this.#workspace, columns, this.#keys, whole.rowCount);
      return new SortedRows(this.#workspace, whole, rows);
    } finally {
      whole.release();
    }
  }

  close(): void {
    for (const batch of this.#batches) batch.release();
    this.#batches = [];
  }
}

/** Rows with an order over them, read batch by batch. */
export class SortedRows {
  readonly #workspace: Workspace;
  readonly #schema: Schema;
  readonly #values: ScatteredRows;
  readonly #marks: RowMarks;
  readonly #rows: Block;
  #at = 0;

  /** Borrows the batch; takes over its row numbers u32[rowCount] in order. */
  constructor(workspace: Workspace, batch: Batch, rows: Block) {
    this.#workspace = workspace;
    this.#schema = batch.schema;
    this.#values = new ScatteredRows(workspace, batch.retain(), new Set(batch.columns.keys()));
    this.#marks = mapMarks(batch.marks, (column) => column.retain());
    this.#rows = rows;
  }

  get rowsLeft(): number {
    return this.#values.rowCount - this.#at;
  }

  /** The next rows, up to `maximumRows`; the caller owns them. Undefined at the end. */
  next(maximumRows: number): Batch | undefined {
    const count = Math.min(maximumRows, this.rowsLeft);
    if (count === 0) return undefined;
    const indices = this.#rows.address + this.#at * 4;
    const columns = this.#schema.fields.map((_, i) => this.#values.gather(i, indices, count));
    const marks = mapMarks(this.#marks, (column) => gatherColumn(this.#workspace, column, indices, count));
    this.#at += count;
    return new Batch(this.#schema, count, columns, marks);
  }

  close(): void {
    this.#values.release();
    this.#marks.kinds?.release();
    this.#marks.times?.release();
    this.#rows.release();
  }
}

/**
 * One batch of all rows. It gives up the given batches column by column, so that the rows are held twice only for one
 * column at a time.
 */
export function mergeBatches(workspace: Workspace, batches: readonly Batch[]): Batch {
  const [first] = batches;
  assert(first !== undefined, "there are batches to merge");
  if (batches.length === 1) return first;
  const rowCount = batches.reduce((sum, batch) => sum + batch.rowCount, 0);
  const pieces: Column[][] = first.columns.map((_, i) => batches.map((batch) => batch.columns[i].retain()));
  const marks = concatMarks(workspace, batches);
  for (const batch of batches) batch.release();
  const columns: Column[] = [];
  const merge = (columnPieces: Column[]): Column => {
    const merged = concatColumns(workspace, columnPieces);
    for (const piece of columnPieces.splice(0)) piece.release();
    return merged;
  };
  try {
    for (const columnPieces of pieces) columns.push(merge(columnPieces));
    return new Batch(first.schema, rowCount, columns, marks);
  } catch (error) {
    for (const column of [...columns, ...pieces.flat()]) column.release();
    mapMarks(marks, (column) => {
      column.release();
      return column;
    });
    throw error;
  }
}
