import { Batch } from "../batch.ts";
import { columnOf } from "../columns/allocate.ts";
import type { Output } from "../operator.ts";
import type { ResultShape } from "../operators/map-rows.ts";
import { createRowWriter, type RowWriter } from "../rows/row-writer.ts";
import { int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";

/** Where a user function puts its results; what it gives may be a row view, since it is written at once. */
export interface Collector {
  collect(row: object): void;
}

/** Rows that a function gives, each with the event time of what it was given for, as batches for an output. */
export class TimedRows implements Collector {
  readonly #workspace: Workspace;
  readonly #writer: RowWriter;
  readonly #batchRows: number;
  readonly #tag: string | undefined;
  readonly #times: Float64Array;
  /** Whether the rows since the last batch have times. */
  #isTimed = false;
  /** Of the rows to come; NaN for none. */
  timeMs = Number.NaN;
  /** Where full batches go. */
  output: Output | undefined;
  /** Batches so far. */
  emitted = 0;

  /** Without a tag the rows are the main output. */
  constructor(workspace: Workspace, shape: ResultShape, options: { where: string; batchRows: number; tag?: string }) {
    const { where, batchRows, tag } = options;
    this.#workspace = workspace;
    this.#writer = createRowWriter(workspace, shape.schema, { ...shape, where });
    this.#batchRows = batchRows;
    this.#tag = tag;
    this.#times = new Float64Array(batchRows);
  }

  collect(row: object): void {
    const writer = this.#writer;
    const { timeMs } = this;
    const isTimed = !Number.isNaN(timeMs);
    if (isTimed !== this.#isTimed) {
      this.flush();
      this.#isTimed = isTimed;
    }
    if (writer.wantsCheck) writer.writeChecked(row);
    else writer.write(row);
    const { length } = writer;
    this.#times[length - 1] = timeMs;
    if (length >= this.#batchRows) this.flush();
  }

  /** Emits the rows since the last batch. */
  flush(): void {
    const { length } = this.#writer;
    if (length === 0 || this.output === undefined) return;
    let rows = this.#writer.take();
    if (this.#isTimed) {
      const columns = rows.columns.map((column) => column.retain());
      rows.release();
      rows = new Batch(rows.schema, length, columns, { times: this.#takeTimes(length) });
    }
    this.emitted++;
    if (this.#tag === undefined) this.output.emit(rows);
    else this.output.emitSide(this.#tag, rows);
  }

  close(): void {
    this.#writer.close();
  }

  #takeTimes(length: number) {
    const data = this.#workspace.allocate(length * 8);
    const halves = new Int32Array(this.#workspace.memory.buffer, data.address, length * 2);
    for (let i = 0; i < length; i++) {
      const timeMs = this.#times[i];
      halves[2 * i] = timeMs; // the low 32 bits
      halves[2 * i + 1] = Math.floor(timeMs / 4294967296);
    }
    return columnOf(this.#workspace, int64, length, { data });
  }
}

/** Event times of a batch as numbers; undefined where its rows have none. */
export function readTimes(workspace: Workspace, batch: Batch): ((row: number) => number) | undefined {
  const { rowTimes } = batch;
  if (rowTimes === undefined) return undefined;
  const halves = new Int32Array(workspace.memory.buffer, rowTimes.data, batch.rowCount * 2);
  return (row) => halves[2 * row + 1] * 4294967296 + (halves[2 * row] >>> 0);
}
