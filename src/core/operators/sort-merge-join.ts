import type { Batch } from "../batch.ts";
import { AlignedInputs, type AlignedRows } from "../columns/aligned-inputs.ts";
import { buildBatch } from "../columns/build.ts";
import { checkSortable } from "../columns/sort-keys.ts";
import { type CompiledPredicate, compilePredicate } from "../expressions/predicate.ts";
import { BuiltSide, type JoinRun } from "../joins/built-side.ts";
import { type JoinPlan, type JoinSpec, planJoin } from "../joins/join-plan.ts";
import { SortedTable } from "../joins/sorted-table.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { Schema } from "../schema.ts";

export interface SortMergeJoinSpec extends JoinSpec {
  readonly kind: "sortMergeJoin";
}

/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;

/**
 * Joins two inputs that are sorted by their keys; see JoinSpec for types and nulls.
 * Input:     0 = left, 1 = right, both sorted by the keys in their order, ascending with nulls last.
 * Output:    the columns of the spec; columns of a side without match are null. The order of rows is not defined.
 * State:     about a batch of each input, or the rows of the longest run of equal keys.
 * Watermark: held back until both inputs have ended.
 * Late rows: none; this is a bounded operator.
 */
export class SortMergeJoinOperator implements Operator {
  readonly inputCount = 2;
  readonly outputSchema: Schema;
  readonly #plan: JoinPlan;
  readonly #condition: CompiledPredicate | undefined;
  #context!: OperatorContext;
  #run!: JoinRun;
  #inputs: AlignedInputs | undefined;
  /** The rows that are being joined, and the result rows under way; the right ones go over to the join. */
  #aligned: AlignedRows | undefined;
  #rows: Generator<Batch, void, void> | undefined;

  /** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, JOIN_KEY_TYPES, SORT_KEY_UNSUPPORTED */
  constructor(spec: JoinSpec, left: Schema, right: Schema) {
    this.#plan = planJoin(spec, left, right);
    for (const name of spec.leftKeys) checkSortable(left.typeOf(name), name);
    this.outputSchema = this.#plan.outputSchema;
    const { residual } = this.#plan;
    this.#condition = residual && compilePredicate(residual.condition, residual.schema);
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { workspace, batchRows } = context;
    this.#run = {
      plan: this.#plan,
      buildSide: "right",
      condition: this.#condition,
      batchRows,
      makeTable: (columns, length) => new SortedTable(workspace, columns, length, this.#plan.nullEquals),
    };
    const keysOf = (positions: readonly number[]) => positions.map((column) => ({ column }));
    this.#inputs = new AlignedInputs(workspace, keysOf(this.#plan.left.keys), keysOf(this.#plan.right.keys));
  }

  wantedInput(): number | "any" {
    return this.#inputs?.wanted ?? "any";
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    const { schema, columns } = input === 0 ? this.#plan.left : this.#plan.right;
    const needed = batch.project(schema, columns);
    this.#inputs?.offer(input === 0 ? 0 : 1, needed);
    needed.release();
    return this.resume(output);
  }

  processWatermark(): Progress {
    return "done";
  }

  endInput(output: Output, input: number): Progress {
    this.#inputs?.end(input === 0 ? 0 : 1);
    return this.resume(output);
  }

  resume(output: Output): Progress {
    for (let emitted = 0; emitted < BATCHES_PER_CALL; ) {
      if (output.isClosed) return "done";
      const next = this.#rows?.next();
      if (next !== undefined && !next.done) {
        output.emit(next.value);
        emitted++;
        continue;
      }
      this.#drop();
      this.#aligned = this.#inputs?.take();
      if (this.#aligned === undefined) return "done";
      this.#rows = this.#join(this.#aligned);
    }
    return "more";
  }

  close(): void {
    this.#drop();
    this.#inputs?.close();
    this.#inputs = undefined;
    this.#condition?.close();
  }

  *#join({ left, right }: AlignedRows): Generator<Batch, void, void> {
    const { workspace } = this.#context;
    const build = right.splice(0);
    if (build.length === 0) build.push(buildBatch(workspace, this.#plan.right.schema, []));
    const built = new BuiltSide(workspace, this.#run, build);
    try {
      for (const batch of left) yield* built.probe(batch);
      yield* built.leftover();
    } finally {
      built.release();
    }
  }

  #drop(): void {
    this.#rows?.return();
    this.#rows = undefined;
    for (const batch of this.#aligned?.left ?? []) batch.release();
    for (const batch of this.#aligned?.right ?? []) batch.release();
    this.#aligned = undefined;
  }
}
