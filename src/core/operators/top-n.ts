import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { gatherBatch } from "../columns/gather.ts";
import { RowLimit } from "../columns/row-limit.ts";
import { sliceBatch } from "../columns/slice.ts";
import { checkSortable, type EncodedKeys, encodeKeys, releaseKeys, type SortKey } from "../columns/sort-keys.ts";
import { SortBuffer } from "../columns/sorted-buffer.ts";
import { assert } from "../errors.ts";
import { allocateBits } from "../expressions/frame.ts";
import { compareKernel, LESS } from "../expressions/functions/comparison.ts";
import { storageKind } from "../expressions/functions/kinds.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { Schema } from "../schema.ts";
import { SortOperator } from "./sort.ts";

export interface TopNSpec {
  readonly kind: "topN";
  readonly keys: readonly SortKey[];
  /** Rows of the order that leave, and rows before them that do not. */
  readonly count: number;
  readonly offset: number;
}

/** More rows than this are sorted as a whole, since only a sort can spill. */
const MAXIMUM_KEPT_ROWS = 2 ** 18;
/** Rows are collected up to this multiple of those that can leave before the others are dropped. */
const SLACK = 2;
/** Makes a comparison kernel give the complement. */
const INVERT = 0xff;

/**
 * The first rows of the input in an order, as a stable sort and a limit would give them.
 * Input:     any schema; the key columns have an order.
 * Output:    the same schema; rows offset .. offset + count - 1 of the order, in order.
 * State:     about SLACK * (offset + count) rows; rows behind the last of those that can leave are never stored.
 *            For more than MAXIMUM_KEPT_ROWS the state of a sort, which spills.
 * Watermark: held back until the input ends.
 * Late rows: none; this is a bounded operator.
 */
export class TopNOperator implements Operator {
  readonly outputSchema: Schema;
  readonly #spec: TopNSpec;
  readonly #limit: RowLimit;
  readonly #sort: SortOperator | undefined;
  #context!: OperatorContext;
  #buffer!: SortBuffer;
  /** Key of the last row that can leave at present: rows that are not before it are dropped. */
  #bound: EncodedKeys | undefined;
  /** The bound's row of the first key alone: most rows are behind it, and need no closer look. */
  #firstBound: Column | undefined;
  #result: { batch: Batch; at: number } | undefined;

  constructor(spec: TopNSpec, inputSchema: Schema) {
    assert(spec.keys.length > 0, "a top-n has a key");
    for (const { column } of spec.keys) {
      checkSortable(inputSchema.fields[column].type, inputSchema.fields[column].name);
    }
    this.outputSchema = inputSchema;
    this.#spec = spec;
    this.#limit = new RowLimit(spec.count, spec.offset);
    if (this.#keptRows > MAXIMUM_KEPT_ROWS) this.#sort = new SortOperator(inputSchema, { ...spec, kind: "sort" });
  }

  get #keptRows(): number {
    return this.#spec.count + this.#spec.offset;
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#sort?.open(context);
    this.#buffer = new SortBuffer(context.workspace, this.#spec.keys);
  }

  get isSatisfied(): boolean {
    return this.#spec.count === 0;
  }

  processBatch(batch: Batch): Progress {
    if (this.#sort !== undefined) return this.#sort.processBatch(batch);
    if (batch.rowCount === 0 || this.#spec.count === 0) return "done";
    if (this.#bound === undefined) this.#buffer.add(batch);
    else if (this.#firstBound === undefined) this.#addBefore(batch, this.#bound);
    else this.#addNear(batch, this.#bound, this.#firstBound);
    if (this.#buffer.rowCount >= Math.max(this.#keptRows * SLACK, this.#context.batchRows)) this.#cut();
    return "done";
  }

  processWatermark(): Progress {
    return "done";
  }

  endInput(output: Output): Progress {
    if (this.#sort !== undefined) return this.#sort.endInput(this.#limited(output));
    if (this.#buffer.rowCount > 0) this.#result = { batch: this.#takeFirst(), at: 0 };
    return this.resume(output);
  }

  resume(output: Output): Progress {
    if (this.#sort !== undefined) return this.#sort.resume(this.#limited(output));
    if (this.#result === undefined) return "done";
    const { batch, at } = this.#result;
    const { workspace, batchRows } = this.#context;
    const count = Math.min(batchRows, batch.rowCount - at);
    if (count > 0 && !output.isClosed) {
      const slice = sliceBatch(workspace, batch, at, count);
      this.#result.at += count;
      this.#limited(output).emit(slice);
      return "more";
    }
    this.#result = undefined;
    batch.release();
    return "done";
  }

  close(): void {
    this.#sort?.close();
    this.#buffer?.close();
    this.#dropBounds();
    this.#result?.batch.release();
    this.#result = undefined;
  }

  #limited(output: Output): Output {
    const limit = this.#limit;
    const { workspace } = this.#context;
    return {
      emit: (batch) => {
        const passing = limit.take(workspace, batch);
        batch.release();
        if (passing !== undefined) output.emit(passing);
      },
      emitWatermark: (watermark) => output.emitWatermark(watermark),
      emitSide: (tag, batch) => output.emitSide(tag, batch),
      get isClosed() {
        return output.isClosed || limit.isReached;
      },
    };
  }

  /** Adds the rows before the bound, looking closely only at those that the first key does not decide. */
  #addNear(batch: Batch, bound: EncodedKeys, firstBound: Column): void {
    const { workspace } = this.#context;
    const [{ column: index, descending }] = this.#spec.keys;
    const column = batch.columns[index];
    if (!isComparable(column)) {
      this.#addBefore(batch, bound);
      return;
    }
    const { rowCount } = batch;
    const bits = allocateBits(workspace, rowCount);
    const compare = compareKernel(workspace, column.type);
    // Not behind the bound: not less than it where the order descends, and where it ascends the other way round.
    if (descending === true) {
      compare(LESS, column.data, false, firstBound.data, true, INVERT, bits.address, rowCount);
    } else compare(LESS, firstBound.data, true, column.data, false, INVERT, bits.address, rowCount);
    const count = workspace.kernels.bitmapCount(bits.address, rowCount);
    if (count === rowCount) this.#addBefore(batch, bound);
    else if (count > 0) {
      const rows = workspace.allocate((count + 8) * 4);
      workspace.kernels.booleanIndices(bits.address, rowCount, rows.address);
      const near = gatherBatch(workspace, batch, rows.address, count);
      rows.release();
      this.#addBefore(near, bound);
      near.release();
    }
    bits.release();
  }

  /** Equal rows keep their order, so a later row must be before the bound to displace it. */
  #addBefore(batch: Batch, bound: EncodedKeys): void {
    const { workspace } = this.#context;
    const keys = this.#encode(batch);
    const rows = workspace.allocate(batch.rowCount * 4 + 4);
    const { words, positions, stride } = keys;
    const count = workspace.kernels.mergeSelectBelow(
      words.address,
      positions?.address ?? 0,
      stride,
      batch.rowCount,
      bound.words.address,
      bound.words.byteLength >>> 3,
      false,
      rows.address,
    );
    releaseKeys(keys);
    if (count === batch.rowCount) this.#buffer.add(batch);
    else if (count > 0) {
      const selected = gatherBatch(workspace, batch, rows.address, count);
      this.#buffer.add(selected);
      selected.release();
    }
    rows.release();
  }

  /** Drops the rows that cannot leave any more. */
  #cut(): void {
    const { workspace } = this.#context;
    const first = this.#takeFirst();
    this.#buffer.add(first);
    this.#dropBounds();
    if (first.rowCount === this.#keptRows) {
      const last = sliceBatch(workspace, first, first.rowCount - 1, 1);
      this.#bound = this.#encode(last);
      const key = last.columns[this.#spec.keys[0].column];
      if (isComparable(key)) this.#firstBound = key.retain();
      last.release();
    }
    first.release();
  }

  /** The rows that can leave, in order, taken out of the buffer. */
  #takeFirst(): Batch {
    const rows = this.#buffer.sort();
    assert(rows !== undefined, "there are rows to sort");
    const first = rows.next(this.#keptRows);
    rows.close();
    assert(first !== undefined, "there are rows to keep");
    return first;
  }

  #dropBounds(): void {
    if (this.#bound !== undefined) releaseKeys(this.#bound);
    this.#firstBound?.release();
    this.#bound = undefined;
    this.#firstBound = undefined;
  }

  #encode(batch: Batch): EncodedKeys {
    const columns = this.#spec.keys.map((key) => batch.columns[key.column]);
    return encodeKeys(this.#context.workspace, columns, this.#spec.keys, batch.rowCount, "absolute");
  }
}

/** Plain numbers, dates and times without nulls: comparisons have the order of sorts, and cost less than sort keys. */
const isComparable = ({ type, nullCount, dictionary }: Column): boolean =>
  nullCount === 0 && dictionary === undefined && type.kind !== "decimal" && storageKind(type) !== undefined;
