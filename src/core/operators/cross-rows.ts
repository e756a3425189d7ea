import { Batch } from "../batch.ts";
import { gatherBatch } from "../columns/gather.ts";
import { assert } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { type BatchPass, HeldBatches } from "../rows/held-batches.ts";
import { createRowReader, type RowReader } from "../rows/row-view.ts";
import { createRowWriter, type RowWriter } from "../rows/row-writer.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import { SpillSpace } from "../spill-space.ts";
import type { JoinFunction } from "./join-rows.ts";
import type { ResultShape } from "./map-rows.ts";

export type CrossFunction = JoinFunction;
export type CrossRichFunction = FunctionLife & { cross: CrossFunction };

/** Batches that one call emits at most before it lets others work. */
const BATCHES_PER_CALL = 4;

/**
 * Puts each row of one input beside each row of another, or makes one row of each such pair by a function.
 * Input:     0 left, which streams; 1 right, which is held and read once per left batch. Inserts only. A function gets
 *            views, valid during the call.
 * Output:    the columns of the result shape: those of the left, then of the right input where there is no function.
 * State:     the right input, over budget on disk, and the left batch at which it stopped.
 * Watermark: travels on: for bounded input.
 * Late rows: none; a bounded operator.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it returns.
 */
export class CrossRows implements Operator {
  readonly outputSchema: Schema;
  readonly inputCount = 2;
  readonly #user: UserFunction<CrossFunction> | undefined;
  readonly #inputs: readonly [Schema, Schema];
  readonly #shape: ResultShape;
  #context!: OperatorContext;
  #space: SpillSpace | undefined;
  #held: HeldBatches | undefined;
  #isHeld = false;
  #leftReader!: RowReader;
  #rightReader!: RowReader;
  #writer: RowWriter | undefined;
  #left: Batch | undefined;
  #leftRow = 0;
  #pass: BatchPass | undefined;
  #right: Batch | undefined;

  constructor(
    cross: CrossFunction | CrossRichFunction | undefined,
    left: Schema,
    right: Schema,
    shape: ResultShape,
    site: FunctionSite,
  ) {
    this.#user = cross === undefined ? undefined : new UserFunction<CrossFunction>(cross, "cross", site);
    this.#inputs = [left, right];
    this.#shape = shape;
    this.outputSchema = shape.schema;
  }

  open(context: OperatorContext): void {
    const { workspace } = context;
    this.#context = context;
    this.#space = new SpillSpace(context, "cross");
    this.#held = new HeldBatches(workspace, this.#space, "cross");
    this.#leftReader = createRowReader(workspace, this.#inputs[0]);
    this.#rightReader = createRowReader(workspace, this.#inputs[1]);
    if (this.#user === undefined) return;
    this.#writer = createRowWriter(workspace, this.outputSchema, { ...this.#shape, where: this.#user.where });
    this.#user.open(context);
  }

  wantedInput(): number {
    return this.#isHeld ? 0 : 1;
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    assert(batch.rowKinds === undefined, "cross takes inserts only");
    assert(this.#isHeld === (input === 0), "the right input is read before the left one");
    if (input === 1) {
      this.#held?.add(batch);
      return "done";
    }
    if (batch.rowCount === 0) return "done";
    this.#left = batch.retain();
    this.#leftReader.bind(batch);
    this.#pass = this.#held?.pass();
    return this.resume(output);
  }

  resume(output: Output): Progress {
    const left = this.#left;
    if (left === undefined) return "done";
    for (let emitted = 0; emitted < BATCHES_PER_CALL; ) {
      if (this.#right === undefined) {
        this.#right = this.#pass?.next();
        if (this.#right === undefined) {
          this.#flush(output);
          this.#dropLeft();
          return "done";
        }
        this.#leftRow = 0;
        this.#rightReader.bind(this.#right);
      }
      emitted += this.#user === undefined ? this.#pair(left, this.#right, output) : this.#call(this.#right, output);
      if (this.#leftRow === left.rowCount) {
        this.#right.release();
        this.#right = undefined;
      }
    }
    return "more";
  }

  endInput(output: Output, input: number): Progress {
    if (input === 0) return this.resume(output);
    this.#isHeld = true;
    this.#held?.seal();
    return "done";
  }

  close(): void {
    this.#dropLeft();
    this.#writer?.close();
    this.#writer = undefined;
    this.#held?.close();
    this.#held = undefined;
    this.#space?.close();
    this.#user?.close();
  }

  /** One left row with a batch of right rows through the function; returns the number of batches emitted. */
  #call(right: Batch, output: Output): number {
    const user = this.#user;
    const writer = this.#writer;
    assert(user !== undefined && writer !== undefined, "a function is open");
    const leftRow = this.#leftReader.viewAt(this.#leftRow++);
    const { call } = user;
    const write = writer.wantsCheck ? writer.writeChecked : writer.write;
    try {
      this.#rightReader.each<object, RuntimeContext>(
        (rightRow, context) => call(leftRow, rightRow, context),
        user.context,
        0,
        right.rowCount,
        write,
      );
    } catch (thrown) {
      throw user.wrap(thrown);
    }
    this.#leftReader.retire(leftRow);
    if (writer.length < this.#context.batchRows) return 0;
    this.#flush(output);
    return 1;
  }

  /** Some left rows with a batch of right rows, column by column. */
  #pair(left: Batch, right: Batch, output: Output): number {
    const { workspace, batchRows } = this.#context;
    const leftRows = Math.min(left.rowCount - this.#leftRow, Math.max(1, Math.floor(batchRows / right.rowCount)));
    const count = leftRows * right.rowCount;
    const indices = workspace.allocate(count * 8);
    const leftIndices = new Uint32Array(workspace.memory.buffer, indices.address, count);
    const rightIndices = new Uint32Array(workspace.memory.buffer, indices.address + count * 4, count);
    for (let i = 0, at = 0; i < leftRows; i++) {
      leftIndices.fill(this.#leftRow + i, at, at + right.rowCount);
      for (let row = 0; row < right.rowCount; row++) rightIndices[at++] = row;
    }
    this.#leftRow += leftRows;
    const a = gatherBatch(workspace, left, indices.address, count);
    const b = gatherBatch(workspace, right, indices.address + count * 4, count);
    indices.release();
    const columns = [...a.columns, ...b.columns].map((column) => column.retain());
    a.release();
    b.release();
    output.emit(new Batch(this.outputSchema, count, columns));
    return 1;
  }

  #flush(output: Output): void {
    const writer = this.#writer;
    if (writer !== undefined && writer.length > 0) output.emit(writer.take());
  }

  #dropLeft(): void {
    this.#pass?.close();
    this.#pass = undefined;
    this.#right?.release();
    this.#right = undefined;
    this.#left?.release();
    this.#left = undefined;
  }
}
