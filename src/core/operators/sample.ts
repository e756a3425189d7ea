import { Batch } from "../batch.ts";
import { buildColumn } from "../columns/builder.ts";
import { concatBatches } from "../columns/concat.ts";
import { gatherBatch } from "../columns/gather.ts";
import { sliceBatch } from "../columns/slice.ts";
import { describeValue } from "../describe-value.ts";
import { PlanError } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { SeededDraws } from "../rows/seeded-draws.ts";
import { Schema } from "../schema.ts";
import { float64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";

export interface SampleSpec {
  /** Without replacement: the chance of each row, 0..1. With replacement: how often a row occurs on average, >= 0. */
  readonly fraction: number;
  readonly withReplacement: boolean;
  readonly seed: number;
}

/** @throws {PlanError} OPTION_INVALID */
function checkSeed(seed: number): void {
  if (Number.isFinite(seed)) return;
  throw new PlanError("OPTION_INVALID", `The seed of a sample is ${describeValue(seed)}.`, "Give a number.");
}

/**
 * Takes each row with a given chance, independently (Bernoulli), or with replacement each row a random number of times
 * (Poisson). The draw depends only on the seed, the subtask and the row's position in the subtask's input.
 * Input:     any columns.
 * Output:    the same columns, rows in their order; row kinds travel with their rows.
 * State:     the position.
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class Sample implements Operator {
  readonly outputSchema: Schema;
  readonly #spec: SampleSpec;
  #workspace!: Workspace;
  #draws!: SeededDraws;
  #batchRows = 0;
  #position = 0;

  /** @throws {PlanError} SAMPLE_FRACTION_INVALID */
  constructor(schema: Schema, spec: SampleSpec) {
    const { fraction, withReplacement } = spec;
    if (!(fraction >= 0 && (withReplacement ? Number.isFinite(fraction) : fraction <= 1))) {
      throw new PlanError(
        "SAMPLE_FRACTION_INVALID",
        `A sample ${withReplacement ? "with" : "without"} replacement cannot have the fraction ${fraction}.`,
        withReplacement ? "Use a finite fraction of 0 or more." : "Use a fraction from 0 to 1.",
      );
    }
    checkSeed(spec.seed);
    this.outputSchema = schema;
    this.#spec = spec;
  }

  open(context: OperatorContext): void {
    this.#workspace = context.workspace;
    this.#batchRows = context.batchRows;
    this.#draws = new SeededDraws(this.#spec.seed, context.subtask);
  }

  processBatch(batch: Batch, output: Output): Progress {
    const { fraction, withReplacement } = this.#spec;
    const draws = this.#draws;
    let rows: number[] = [];
    for (let row = 0; row < batch.rowCount; row++) {
      const position = this.#position + row;
      const times = withReplacement ? draws.poisson(position, fraction) : draws.unit(position, 0) < fraction ? 1 : 0;
      for (let i = 0; i < times; i++) rows.push(row);
      if (rows.length < this.#batchRows) continue;
      output.emit(gatherRows(this.#workspace, batch, rows));
      rows = [];
    }
    this.#position += batch.rowCount;
    if (rows.length > 0) output.emit(gatherRows(this.#workspace, batch, rows));
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {}
}

export interface SampleSizeSpec {
  readonly size: number;
  readonly seed: number;
  /**
   * "whole": one subtask sees all rows. Otherwise "local" in each subtask gives its best rows with their priorities as
   * a last column, from which one "global" subtask takes the best of all.
   */
  readonly phase: "whole" | "local" | "global";
}

/** Name of the column that carries priorities from the local to the global phase. */
export const PRIORITY_COLUMN = "$priority";

/** Rows to hold beyond twice the sample before they are reduced to it. */
const SLACK_ROWS = 1024;

/**
 * Takes a given number of rows, each set of that many equally likely, or all rows where there are fewer.
 * Every row draws a priority from seed, subtask and position; the rows of the least priorities are the sample (a
 * reservoir that can be merged, after Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
 * Input:     any columns, inserts only; in phase "global" with priorities last.
 * Output:    the same columns, in phase "local" with priorities last; rows in their order.
 * State:     up to twice the sample and some more rows.
 * Watermark: travels on: for bounded input.
 * Late rows: none; a bounded operator.
 */
export class SampleSize implements Operator {
  readonly outputSchema: Schema;
  readonly #spec: SampleSizeSpec;
  readonly #rowSchema: Schema;
  #context!: OperatorContext;
  #draws!: SeededDraws;
  #position = 0;
  #batches: Batch[] = [];
  #priorities: number[] = [];
  /** Rows at or above it are not among the best so far. */
  #threshold = Number.POSITIVE_INFINITY;

  /** @throws {PlanError} SAMPLE_SIZE_INVALID */
  constructor(schema: Schema, spec: SampleSizeSpec) {
    if (!Number.isSafeInteger(spec.size) || spec.size < 0) {
      throw new PlanError(
        "SAMPLE_SIZE_INVALID",
        `A sample cannot have ${spec.size} rows.`,
        "Use an integer of 0 or more.",
      );
    }
    checkSeed(spec.seed);
    this.#spec = spec;
    this.#rowSchema = spec.phase === "global" ? new Schema(schema.fields.slice(0, -1)) : schema;
    this.outputSchema =
      spec.phase === "local"
        ? new Schema([...schema.fields, { name: PRIORITY_COLUMN, type: float64 }])
        : this.#rowSchema;
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#draws = new SeededDraws(this.#spec.seed, context.subtask);
  }

  processBatch(batch: Batch): Progress {
    const { workspace } = this.#context;
    const drawn = this.#spec.phase === "global" ? readPriorities(workspace, batch) : undefined;
    const rows: number[] = [];
    for (let row = 0; row < batch.rowCount; row++) {
      const priority = drawn?.[row] ?? this.#draws.unit(this.#position + row, 0);
      if (priority >= this.#threshold || this.#spec.size === 0) continue;
      rows.push(row);
      this.#priorities.push(priority);
    }
    this.#position += batch.rowCount;
    if (rows.length === 0) return "done";
    const columns = this.#rowSchema.fields.map((_, i) => i);
    const shown = batch.project(this.#rowSchema, columns);
    this.#batches.push(gatherRows(workspace, shown, rows));
    shown.release();
    if (this.#priorities.length > this.#spec.size * 2 + SLACK_ROWS) this.#reduce();
    return "done";
  }

  endInput(output: Output): Progress {
    this.#reduce();
    const { workspace, batchRows } = this.#context;
    const sample = this.#batches.pop();
    if (sample === undefined) return "done";
    const result = this.#spec.phase === "local" ? this.#withPriorities(sample) : sample;
    for (let start = 0; start < result.rowCount; start += batchRows) {
      output.emit(sliceBatch(workspace, result, start, Math.min(batchRows, result.rowCount - start)));
    }
    result.release();
    return "done";
  }

  close(): void {
    for (const batch of this.#batches) batch.release();
    this.#batches = [];
    this.#priorities = [];
  }

  /** Leaves one batch of the best rows. */
  #reduce(): void {
    if (this.#batches.length === 0) return;
    const { workspace } = this.#context;
    const priorities = this.#priorities;
    const order = [...priorities.keys()].sort((a, b) => priorities[a] - priorities[b] || a - b);
    const rows = order.slice(0, this.#spec.size).sort((a, b) => a - b);
    const all = concatBatches(workspace, this.#batches);
    for (const batch of this.#batches) batch.release();
    this.#batches = [gatherRows(workspace, all, rows)];
    all.release();
    this.#priorities = rows.map((row) => priorities[row]);
    if (rows.length === this.#spec.size) this.#threshold = priorities[order[rows.length - 1]];
  }

  #withPriorities(sample: Batch): Batch {
    const columns = sample.columns.map((column) => column.retain());
    columns.push(buildColumn(this.#context.workspace, float64, this.#priorities));
    const { rowCount } = sample;
    sample.release();
    return new Batch(this.outputSchema, rowCount, columns);
  }
}

function readPriorities(workspace: Workspace, batch: Batch): Float64Array {
  const { data } = batch.columns[batch.columns.length - 1];
  return new Float64Array(workspace.memory.buffer, data, batch.rowCount);
}

function gatherRows(workspace: Workspace, batch: Batch, rows: readonly number[]): Batch {
  if (rows.length === batch.rowCount && rows.every((row, i) => row === i)) return batch.retain();
  const indices = workspace.allocate(rows.length * 4);
  new Uint32Array(workspace.memory.buffer, indices.address, rows.length).set(rows);
  const gathered = gatherBatch(workspace, batch, indices.address, rows.length);
  indices.release();
  return gathered;
}
