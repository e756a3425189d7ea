import type { Batch } from "../batch.ts";
import { buildBatch } from "../columns/build.ts";
import { batchBytes } from "../columns/size.ts";
import { assert } from "../errors.ts";
import { type CompiledPredicate, compilePredicate } from "../expressions/predicate.ts";
import { BuiltSide, type JoinRun } from "../joins/built-side.ts";
import { type JoinPlan, type JoinSide, type JoinSpec, keepsUnmatched, planJoin } from "../joins/join-plan.ts";
import { JoinTable, TABLE_BYTES_PER_ROW } from "../joins/join-table.ts";
import { PartitionedSide } from "../joins/partitioned-side.ts";
import { SpilledJoin } from "../joins/spilled-join.ts";
import type { SpillableState } from "../memory/governor.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { Schema } from "../schema.ts";
import { SpillSpace } from "../spill-space.ts";

export interface HashJoinSpec extends JoinSpec {
  readonly kind: "hashJoin";
  /** The side that is kept in memory, best the smaller one; it is read first. */
  readonly buildSide: JoinSide;
}

/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;
/** Build rows are put behind each other, and offsets of texts are int32. */
const MAXIMUM_BUILD_BYTES = 2 ** 30;

/**
 * Joins two bounded inputs on equal keys; see JoinSpec for types and nulls. NaN equals NaN, and -0 equals 0.
 * Input:     0 = left, 1 = right, with the key columns.
 * Output:    the columns of the spec; columns of a side without match are null. The order of rows is not defined.
 * State:     the needed columns of the build side with a hash table over its keys. Over budget both sides go to disk,
 *            partitioned by the keys' hash, and the partitions are joined at the end.
 * Watermark: held back until both inputs have ended.
 * Late rows: none; this is a bounded operator.
 */
export class HashJoinOperator implements Operator, SpillableState {
  readonly name = "join";
  readonly inputCount = 2;
  readonly outputSchema: Schema;
  readonly #plan: JoinPlan;
  readonly #buildSide: JoinSide;
  readonly #hashMask: number;
  #condition: CompiledPredicate | undefined;
  #context!: OperatorContext;
  #space!: SpillSpace;
  #run!: JoinRun;
  #buffered: Batch[] = [];
  #bufferedBytes = 0;
  #bufferedRows = 0;
  #built: BuiltSide | undefined;
  #partitionedBuild: PartitionedSide | undefined;
  #partitionedProbe: PartitionedSide | undefined;
  #isEmptyResult = false;
  readonly #hasEnded = { left: false, right: false };
  /** The result rows under way, and the probe batch that they are made from. */
  #rows: Generator<Batch, void, void> | undefined;
  #probing: Batch | undefined;

  /**
   * `hashMask` is ANDed with the hashes of the table (tests force collisions).
   * @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, JOIN_KEY_TYPES, and those of the residual condition
   */
  constructor(spec: HashJoinSpec, left: Schema, right: Schema, hashMask = 0xffffffff) {
    this.#plan = planJoin(spec, left, right);
    this.#buildSide = spec.buildSide;
    this.#hashMask = hashMask;
    this.outputSchema = this.#plan.outputSchema;
    const { residual } = this.#plan;
    this.#condition = residual && compilePredicate(residual.condition, residual.schema);
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { workspace } = context;
    const { nullEquals } = this.#plan;
    this.#space = new SpillSpace(context, "join");
    this.#run = {
      plan: this.#plan,
      buildSide: this.#buildSide,
      condition: this.#condition,
      batchRows: context.batchRows,
      makeTable: (columns, length) =>
        new JoinTable(workspace, columns, length, { nullEquals, hashMask: this.#hashMask }),
    };
    workspace.governor.register(this);
  }

  /** Without build rows there may be nothing to look for. */
  get isSatisfied(): boolean {
    return this.#isEmptyResult;
  }

  wantedInput(): number | "any" {
    return this.#hasEnded[this.#buildSide] ? "any" : this.#buildSide === "left" ? 0 : 1;
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    const side: JoinSide = input === 0 ? "left" : "right";
    if (batch.rowCount === 0 || output.isClosed) return "done";
    const { columns, schema } = this.#plan[side];
    const needed = batch.project(schema, columns);
    try {
      if (side === this.#buildSide) {
        this.#buffer(needed);
        return "done";
      }
      if (this.#partitionedProbe !== undefined) {
        this.#partitionedProbe.write(needed);
        return "done";
      }
      assert(this.#built !== undefined, "the build side of a join ends before its probe side begins");
      this.#probing = needed.retain();
      this.#rows = this.#built.probe(needed);
      return this.resume(output);
    } finally {
      needed.release();
    }
  }

  processWatermark(): Progress {
    return "done";
  }

  spillableBytes(): number {
    return this.#bufferedBytes;
  }

  spill(): void {
    const buffered = this.#takeBuffered();
    this.#partitionedBuild ??= new PartitionedSide(
      this.#context.workspace,
      this.#plan[this.#buildSide],
      this.#space,
      0,
    );
    try {
      for (const batch of buffered) this.#partitionedBuild.write(batch);
    } finally {
      for (const batch of buffered) batch.release();
    }
  }

  endInput(output: Output, input: number): Progress {
    const side: JoinSide = input === 0 ? "left" : "right";
    this.#hasEnded[side] = true;
    if (side === this.#buildSide) this.#endBuild();
    if (!this.#hasEnded.left || !this.#hasEnded.right) return "done";
    this.#rows = this.#rest();
    return this.resume(output);
  }

  resume(output: Output): Progress {
    for (let emitted = 0; emitted < BATCHES_PER_CALL; emitted++) {
      const next = output.isClosed ? undefined : this.#rows?.next();
      if (next === undefined || next.done) {
        this.#stop();
        return "done";
      }
      output.emit(next.value);
    }
    return "more";
  }

  close(): void {
    this.#context?.workspace.governor.unregister(this);
    this.#stop();
    for (const batch of this.#takeBuffered()) batch.release();
    this.#built?.release();
    this.#built = undefined;
    this.#condition?.close();
    this.#condition = undefined;
    this.#space?.close();
  }

  #buffer(batch: Batch): void {
    const { workspace } = this.#context;
    const bytes = this.#bufferedBytes + batchBytes(workspace, batch);
    const rows = this.#bufferedRows + batch.rowCount;
    if (!this.#isSpilled) {
      // At the end the rows are put together, laid out for random access, beside a table over their keys.
      if (bytes > MAXIMUM_BUILD_BYTES) this.spill();
      else workspace.governor.reserve(bytes + rows * TABLE_BYTES_PER_ROW, "A join");
    }
    if (this.#isSpilled) {
      this.#partitionedBuild?.write(batch);
      return;
    }
    this.#buffered.push(batch.retain());
    this.#bufferedBytes = bytes;
    this.#bufferedRows = rows;
  }

  get #isSpilled(): boolean {
    return this.#partitionedBuild !== undefined;
  }

  #endBuild(): void {
    const { workspace } = this.#context;
    if (this.#partitionedBuild !== undefined) {
      const probeSide = this.#buildSide === "left" ? "right" : "left";
      this.#partitionedProbe = new PartitionedSide(workspace, this.#plan[probeSide], this.#space, 0);
      return;
    }
    const batches = this.#takeBuffered();
    this.#isEmptyResult = batches.length === 0 && !this.#keepsLonelyProbeRows;
    if (batches.length === 0) batches.push(buildBatch(workspace, this.#plan[this.#buildSide].schema, []));
    this.#built = new BuiltSide(workspace, this.#run, batches);
  }

  get #keepsLonelyProbeRows(): boolean {
    const probeSide = this.#buildSide === "left" ? "right" : "left";
    const { type } = this.#plan;
    return keepsUnmatched(type, probeSide) || (type === "anti" && probeSide === "left");
  }

  /** What is left once both inputs have ended. */
  *#rest(): Generator<Batch, void, void> {
    if (this.#built !== undefined) yield* this.#built.leftover();
    if (this.#partitionedBuild === undefined || this.#partitionedProbe === undefined) return;
    const builds = this.#partitionedBuild.finish();
    const probes = this.#partitionedProbe.finish();
    const join = new SpilledJoin(this.#context.workspace, this.#run, this.#space);
    for (const [i, build] of builds.entries()) yield* join.join({ build, probe: probes[i] }, 1);
  }

  #stop(): void {
    this.#rows?.return();
    this.#rows = undefined;
    this.#probing?.release();
    this.#probing = undefined;
  }

  #takeBuffered(): Batch[] {
    const buffered = this.#buffered;
    this.#buffered = [];
    this.#bufferedBytes = 0;
    this.#bufferedRows = 0;
    return buffered;
  }
}
