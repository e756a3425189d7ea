import type { Batch } from "../batch.ts";
import { type DistinctPlan, DistinctRun } from "../groups/distinct-run.ts";
import type { SpillableState } from "../memory/governor.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { Schema } from "../schema.ts";
import type { SpillFile } from "../spill-file.ts";
import { SpillSpace } from "../spill-space.ts";

export interface DistinctSpec {
  readonly kind: "distinct";
  /** Columns that make rows the same; all columns where absent. */
  readonly keys?: readonly string[];
}

/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;

/**
 * Lets the first row of each key pass; nulls equal each other, so do -0 and 0, and all NaN.
 * Input:     any schema with the key columns.
 * Output:    the same schema; each row leaves as soon as it came, in input order, unless state was spilled.
 * State:     the set of keys; over budget it goes to disk by key hash, and rows that come later wait for the end.
 * Watermark: travels on while nothing waits.
 * Late rows: treated like all others.
 */
export class DistinctOperator implements Operator, SpillableState {
  readonly name = "distinct";
  readonly outputSchema: Schema;
  readonly #plan: DistinctPlan;
  #context!: OperatorContext;
  #space!: SpillSpace;
  /** The run that takes rows: of the input, or of a partition that is read back. */
  #run: DistinctRun | undefined;
  #emission: Generator<Batch, void, void> | undefined;

  /** @throws {PlanError} COLUMN_UNKNOWN */
  constructor(spec: DistinctSpec, inputSchema: Schema) {
    const names = spec.keys ?? inputSchema.names;
    this.outputSchema = inputSchema;
    this.#plan = {
      schema: inputSchema,
      keySchema: inputSchema.pick(names),
      keys: names.map((name) => inputSchema.indexOf(name)),
    };
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#space = new SpillSpace(context, "distinct");
    this.#run = new DistinctRun(context.workspace, this.#plan, this.#space, 0);
    context.workspace.governor.register(this);
  }

  spillableBytes(): number {
    return this.#run?.spillableBytes ?? 0;
  }

  spill(): void {
    this.#run?.spill(this.#context.batchRows);
  }

  processBatch(batch: Batch, output: Output): Progress {
    const fresh = this.#take(batch);
    if (fresh !== undefined) output.emit(fresh);
    return "done";
  }

  endInput(output: Output): Progress {
    this.#emission = this.#settle();
    return this.resume(output);
  }

  resume(output: Output): Progress {
    for (let emitted = 0; emitted < BATCHES_PER_CALL; emitted++) {
      const next = output.isClosed ? undefined : this.#emission?.next();
      if (next === undefined || next.done) return "done";
      output.emit(next.value);
    }
    return "more";
  }

  close(): void {
    if (this.#run === undefined) return;
    this.#context.workspace.governor.unregister(this);
    this.#emission?.return();
    this.#emission = undefined;
    this.#run.release();
    this.#run = undefined;
    this.#space.close();
  }

  #take(batch: Batch): Batch | undefined {
    if (this.#run === undefined || batch.rowCount === 0) return undefined;
    this.#context.workspace.governor.reserve(this.#run.growthBytes(batch.rowCount), this.name);
    return this.#run.take(batch);
  }

  /** Settles what the present run left on disk, each partition by a run of the next level. */
  *#settle(level = 1): Generator<Batch, void, void> {
    const { workspace } = this.#context;
    const parts = this.#run?.finish() ?? [];
    for (const { seen, candidates } of parts) {
      this.#run?.release();
      this.#run = new DistinctRun(workspace, this.#plan, this.#space, level);
      if (seen !== undefined) {
        for (const batch of this.#read(seen)) {
          workspace.governor.reserve(this.#run.growthBytes(batch.rowCount), this.name);
          this.#run.know(batch);
        }
      }
      for (const batch of this.#read(candidates)) {
        const fresh = this.#take(batch);
        if (fresh !== undefined) yield fresh;
      }
      yield* this.#settle(level + 1);
    }
  }

  /** The batches of a file, each released when the next is asked for; removes the file at the end. */
  *#read(file: SpillFile): Generator<Batch, void, void> {
    const reader = file.open();
    try {
      for (;;) {
        const batch = reader.next(this.#context.workspace);
        if (batch === undefined) break;
        try {
          yield batch;
        } finally {
          batch.release();
        }
      }
    } finally {
      reader.close();
    }
    this.#space.remove(file);
  }
}
