import { AggregatePlan } from "../aggregates/aggregate-set.ts";
import { GroupedState } from "../aggregates/grouped-state.ts";
import { PartialPolicy, type PartialPolicyOptions } from "../aggregates/partial-policy.ts";
import type { AggregateSpec } from "../aggregates/spec.ts";
import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { assert } from "../errors.ts";
import { KeyPartitions, MAXIMUM_LEVELS } from "../groups/key-partitions.ts";
import type { SpillableState } from "../memory/governor.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { type Field, Schema } from "../schema.ts";
import type { SpillFile } from "../spill-file.ts";
import { SpillSpace } from "../spill-space.ts";

export interface HashAggregateSpec {
  readonly kind: "aggregate";
  /** Key columns; none means one group of all rows, which is there also without rows. */
  readonly keys: readonly string[];
  readonly aggregates: readonly AggregateSpec[];
  /**
   * complete: rows to results. partial: rows to partial states, for a final one behind an exchange by key.
   * final: partial states to results.
   */
  readonly mode: "complete" | "partial" | "final";
  /** final: the fields that the partial operator read. */
  readonly inputFields?: readonly Field[];
  /** partial: when to send groups on, and when rows as they are. Never changes a result. */
  readonly partial?: PartialPolicyOptions;
}

/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;
/** Share of its thread's memory that a partial table may take. */
const PARTIAL_SHARE = 1 / 4;
const STATE_PREFIX = "state ";

/**
 * Groups rows by key columns and aggregates each group.
 * Input:     any schema with the key and input columns; in final mode the output of the partial operator.
 * Output:    keys, then one column per aggregate (partial: one per state column). One row per group, in the order of
 *            first occurrence unless state was spilled; in partial mode a group may come in several rows.
 * State:     a group table and accumulators; over budget, partial states go to disk by key hash and are merged
 *            partition by partition at the end. Results do not depend on that, nor on batch cuts.
 * Watermark: held back until the input has ended.
 * Late rows: none; this is a bounded operator.
 */
export class HashAggregateOperator implements Operator, SpillableState {
  readonly name = "group-by";
  readonly outputSchema: Schema;
  readonly #spec: HashAggregateSpec;
  readonly #plan: AggregatePlan;
  readonly #stateSchema: Schema;
  /** Positions of the keys in the input. */
  readonly #keys: readonly number[];
  #context!: OperatorContext;
  #space!: SpillSpace;
  #state: GroupedState | undefined;
  #partitions: KeyPartitions | undefined;
  #level = 0;
  #isDraining = false;
  #emission: Generator<Batch, void, void> | undefined;
  #policy = new PartialPolicy();

  /** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, AGGREGATE_COLUMN_MISSING, AGGREGATE_TYPE, AGGREGATE_PARAMETER */
  constructor(spec: HashAggregateSpec, inputSchema: Schema) {
    const rowSchema = spec.inputFields === undefined ? inputSchema : new Schema(spec.inputFields);
    this.#spec = spec;
    this.#plan = new AggregatePlan(spec.aggregates, rowSchema);
    const keyFields = spec.keys.map((name): Field => ({ name, type: rowSchema.typeOf(name) }));
    let prefix = STATE_PREFIX;
    while (spec.keys.some((name) => name.startsWith(prefix))) prefix += "'";
    this.#stateSchema = new Schema([...keyFields, ...this.#plan.stateFields(prefix)]);
    const resultSchema = new Schema([...keyFields, ...this.#plan.resultFields]);
    this.outputSchema = spec.mode === "partial" ? this.#stateSchema : resultSchema;
    this.#keys =
      spec.mode === "final" ? spec.keys.map((_, i) => i) : spec.keys.map((name) => inputSchema.indexOf(name));
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#space = new SpillSpace(context, "groups");
    this.#state = new GroupedState(context.workspace, this.#keyTypes, this.#plan);
    const { governor } = context.workspace;
    this.#policy = new PartialPolicy({ maximumBytes: governor.limitBytes * PARTIAL_SHARE, ...this.#spec.partial });
    if (this.#keys.length > 0) governor.register(this);
  }

  spillableBytes(): number {
    if (this.#isDraining || this.#level >= MAXIMUM_LEVELS) return 0;
    return this.#state?.memoryBytes ?? 0;
  }

  spill(): void {
    const { workspace, batchRows } = this.#context;
    const state = this.#openState();
    if (state.groupCount === 0) return;
    this.#partitions ??= new KeyPartitions(workspace, this.#space, this.#stateSchema, this.#level);
    for (let from = 0; from < state.groupCount; from += batchRows) {
      const count = Math.min(batchRows, state.groupCount - from);
      const batch = new Batch(this.#stateSchema, count, state.states(from, count));
      try {
        this.#partitions.write(batch, batch.columns.slice(0, this.#keys.length));
      } finally {
        batch.release();
      }
    }
    state.reset();
    this.#policy.restart();
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (batch.rowCount === 0) return "done";
    if (this.#spec.mode === "partial" && this.#keys.length > 0) return this.#processPartial(batch, output);
    this.#take(batch, this.#spec.mode === "final");
    return "done";
  }

  processWatermark(): Progress {
    return "done";
  }

  endInput(output: Output): Progress {
    this.#emission = this.#results();
    return this.resume(output);
  }

  resume(output: Output): Progress {
    for (let emitted = 0; emitted < BATCHES_PER_CALL; emitted++) {
      const next = output.isClosed ? undefined : this.#emission?.next();
      if (next === undefined || next.done) {
        this.#emission = undefined;
        this.#isDraining = false;
        return "done";
      }
      output.emit(next.value);
    }
    return "more";
  }

  close(): void {
    if (this.#state === undefined) return;
    this.#context.workspace.governor.unregister(this);
    this.#emission?.return();
    this.#emission = undefined;
    this.#state.release();
    this.#state = undefined;
    this.#space.close();
  }

  get #keyTypes() {
    return this.#stateSchema.fields.slice(0, this.#spec.keys.length).map(({ type }) => type);
  }

  #openState(): GroupedState {
    assert(this.#state !== undefined, "the operator is open");
    return this.#state;
  }

  #take(batch: Batch, isState: boolean): void {
    const state = this.#openState();
    const { governor } = this.#context.workspace;
    // May spill this very state.
    governor.reserve(state.growthBytes(batch.rowCount), this.name);
    const keys = isState ? batch.columns.slice(0, this.#keys.length) : this.#keys.map((key) => batch.columns[key]);
    if (isState) state.merge(keys, batch.columns.slice(this.#keys.length), batch.rowCount);
    else state.update(keys, batch.columns, batch.rowCount);
    // What long strings and lists took beyond the estimate.
    governor.reserve(0, this.name);
  }

  #processPartial(batch: Batch, output: Output): Progress {
    const state = this.#openState();
    if (this.#policy.isPassing) {
      this.#policy.passed(batch.rowCount);
      const keys = this.#keys.map((key) => batch.columns[key]);
      output.emit(
        new Batch(this.#stateSchema, batch.rowCount, state.statesOfRows(keys, batch.columns, batch.rowCount)),
      );
      return "done";
    }
    this.#take(batch, false);
    if (this.#policy.grouped(batch.rowCount, state.groupCount, state.memoryBytes) === "keep") return "done";
    this.#emission = this.#emitGroups("states");
    return this.resume(output);
  }

  *#results(): Generator<Batch, void, void> {
    const form = this.#spec.mode === "partial" ? "states" : "results";
    if (this.#partitions === undefined) {
      yield* this.#emitGroups(form);
      return;
    }
    yield* this.#mergePartitions(form);
  }

  /** Merges what was spilled at the present level together with what is in memory, partition by partition. */
  *#mergePartitions(form: "states" | "results"): Generator<Batch, void, void> {
    this.spill();
    const files = this.#partitions?.finish() ?? [];
    this.#partitions = undefined;
    for (const file of files) {
      if (file === undefined) continue;
      this.#level++;
      this.#read(file);
      if (this.#partitions !== undefined) yield* this.#mergePartitions(form);
      else yield* this.#emitGroups(form);
      this.#level--;
    }
  }

  #read(file: SpillFile): void {
    const { workspace } = this.#context;
    const reader = file.open();
    try {
      for (let batch = reader.next(workspace); batch !== undefined; batch = reader.next(workspace)) {
        try {
          this.#take(batch, true);
        } finally {
          batch.release();
        }
      }
    } finally {
      reader.close();
    }
    this.#space.remove(file);
  }

  /** Emits the groups in memory, which cannot be spilled meanwhile, and forgets them. */
  *#emitGroups(form: "states" | "results"): Generator<Batch, void, void> {
    const state = this.#openState();
    this.#isDraining = true;
    const { batchRows } = this.#context;
    const schema = form === "states" ? this.#stateSchema : this.outputSchema;
    for (let from = 0; from < state.groupCount; from += batchRows) {
      const count = Math.min(batchRows, state.groupCount - from);
      const columns: Column[] = form === "states" ? state.states(from, count) : state.results(from, count);
      yield new Batch(schema, count, columns);
    }
    state.reset();
    this.#isDraining = false;
  }
}
