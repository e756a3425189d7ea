import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { type CompiledPredicate, compilePredicate } from "../expressions/predicate.ts";
import { type JoinPlan, type JoinSide, type JoinSpec, planJoin } from "../joins/join-plan.ts";
import { splitNullKeys } from "../joins/null-keys.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { ChainKeys } from "../row-state/chain-index.ts";
import { Emission, packBatches } from "../row-state/emission.ts";
import { givesAlone, type JoinedSides, JoinResults } from "../row-state/join-results.ts";
import { JoinedRows, type NetChange } from "../row-state/joined-rows.ts";
import {
  eventTimesOf,
  keyGroupColumn,
  refuseChangelog,
  restoreWatermark,
  rowTable,
  snapshotWatermark,
  stateSchema,
} from "../row-state/stream-rows.ts";
import { Schema } from "../schema.ts";
import type { StateTtl } from "../state/descriptors.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { int64, uint32 } from "../types.ts";

/** Plain data. */
export interface UpdatingJoinSpec extends JoinSpec {
  readonly kind: "updatingJoin";
  /** Which inputs are changelogs. */
  readonly changelogs?: { readonly left?: boolean; readonly right?: boolean };
  /** Forgets a row so long after it came. */
  readonly ttl?: Pick<StateTtl, "ttlMs" | "timeDomain">;
}

/** For tests: `hashMask` is ANDed with the hashes of the index, `fewestGone` is how many rows may be gone at least. */
export interface UpdatingJoinOptions {
  readonly hashMask?: number;
  readonly fewestGone?: number;
}

/** Whether results of a join may be taken back later. */
export const joinGivesUpdates = ({ type, changelogs }: Pick<UpdatingJoinSpec, "type" | "changelogs">): boolean =>
  changelogs?.left === true || changelogs?.right === true || (type !== "inner" && type !== "semi");

const FURTHER_FIELDS = Schema.of({ count: uint32, matches: uint32, time: int64 });
const SIDES = ["left", "right"] as const;
const NAME = "An updating join";
/** Rows that have gone are cleared away once there are so many rows, and fewer than half of them are left. */
const FEWEST_GONE = 4096;

/**
 * Joins all rows of two streams by key, and keeps the result up to date.
 * Input:     0 = left, 1 = right, with the key columns; changelogs where the spec says so.
 * Output:    the columns of the spec, without event times; a changelog of inserts and deletes. Inserts alone, without
 *            row kinds, where no result is ever taken back: inner and semi joins of inputs without updates. What a batch
 *            does and undoes again is left out. In batch mode the final rows alone, at the end.
 * State:     the needed columns of the rows of both sides that are there, equal rows of a changelog once. With a time to
 *            live, rows older than it match nothing more; results that stand on them stay. Rows that are taken back and
 *            are not there are counted as "retractionsMissed".
 * Watermark: travels on.
 * Late rows: none.
 */
export class UpdatingJoinOperator implements Operator {
  readonly name = "updating-join";
  readonly inputCount = 2;
  readonly outputSchema: Schema;
  readonly #spec: UpdatingJoinSpec;
  readonly #plan: JoinPlan;
  readonly #options: UpdatingJoinOptions;
  readonly #givesUpdates: boolean;
  readonly #emission = new Emission();
  #condition: CompiledPredicate | undefined;
  #context!: OperatorContext;
  #sides: JoinedSides | undefined;
  #results: JoinResults | undefined;
  #isFinalOnly = false;
  #isTimed = false;
  #watermarkMs = START_OF_TIME_MS;
  #clockMs = START_OF_TIME_MS;
  #isTimeRequested = false;
  readonly #nextCheck = { left: 0, right: 0 };
  readonly #hasEnded = { left: false, right: false };

  /** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, JOIN_KEY_TYPES, and those of the residual condition */
  constructor(spec: UpdatingJoinSpec, left: Schema, right: Schema, options: UpdatingJoinOptions = {}) {
    this.#spec = spec;
    this.#plan = planJoin(spec, left, right);
    this.#options = options;
    this.#givesUpdates = joinGivesUpdates(spec);
    this.outputSchema = this.#plan.outputSchema;
    const { residual } = this.#plan;
    this.#condition = residual && compilePredicate(residual.condition, residual.schema);
  }

  get restoresAnyWatermark(): boolean {
    return !this.#isEventTime;
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { workspace } = context;
    const isBatchMode = context.stream?.isBatchMode === true;
    this.#isFinalOnly = isBatchMode && this.#givesUpdates;
    this.#isTimed = this.#spec.ttl !== undefined && !isBatchMode;
    const newSide = (side: JoinSide): JoinedRows => {
      const { schema, keys } = this.#plan[side];
      const types = schema.fields.map(({ type }) => type);
      const keyTypes = keys.map((key) => types[key]);
      const { nullEquals } = this.#plan;
      return new JoinedRows(workspace, {
        types,
        keys,
        chainKeys: new ChainKeys(workspace, keyTypes, { nullEquals, ...this.#options }),
        isChangelog: this.#spec.changelogs?.[side] === true,
        isTracked: givesAlone(this.#plan.type, side),
        isTimed: this.#isTimed,
      });
    };
    this.#sides = { left: newSide("left"), right: newSide("right") };
    this.#results = new JoinResults(context, this.#sides, {
      plan: this.#plan,
      condition: this.#condition,
      isFinalOnly: this.#isFinalOnly,
      hasKinds: this.#givesUpdates && !this.#isFinalOnly,
    });
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    const side = SIDES[input];
    if (this.#spec.changelogs?.[side] !== true) refuseChangelog(batch, NAME);
    if (batch.rowCount === 0) return "done";
    const { columns, schema } = this.#plan[side];
    return this.#emit(this.#change(batch.project(schema, columns), side), output, () => this.#keepSmall(side));
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    this.#watermarkMs = watermark.timeMs;
    if (this.#isTimed && this.#isEventTime) for (const side of SIDES) this.#keepSmall(side);
    output.emitWatermark(watermark);
    return "done";
  }

  processTime(nowMs: number): Progress {
    this.#isTimeRequested = false;
    if (this.#isTimed && nowMs !== END_OF_TIME_MS) {
      for (const side of SIDES) this.#compact(side);
      this.#requestTime();
    }
    return "done";
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  endInput(output: Output, input: number): Progress {
    this.#hasEnded[SIDES[input]] = true;
    if (!this.#isFinalOnly || !this.#hasEnded.left || !this.#hasEnded.right) return "done";
    return this.#emit(this.#openResults().final(), output);
  }

  snapshotState(writer: SnapshotWriter): void {
    const { workspace, batchRows } = this.#context;
    if (this.#isTimed && this.#isEventTime) snapshotWatermark(workspace, writer, this.#watermarkMs);
    for (const side of SIDES) {
      const { schema, keys } = this.#plan[side];
      const tableSchema = stateSchema(schema, FURTHER_FIELDS);
      const rows = this.#openSides()[side];
      for (const { rows: numbers, count } of rows.living(batchRows, this.#boundMs())) {
        const columns = rows.snapshot(numbers, count);
        const keyColumns = keys.map((key) => columns[key]);
        const groups = keyGroupColumn(this.#context, keyColumns, count);
        writer.write(side, "keyed", new Batch(tableSchema, count, [groups, ...columns]));
      }
    }
  }

  restoreState(reader: SnapshotReader): void {
    if (this.#isTimed && this.#isEventTime) {
      this.#watermarkMs = restoreWatermark(this.#context.workspace, reader);
    }
    for (const side of SIDES) {
      for (const batch of reader.read(side, rowTable(this.#plan[side], FURTHER_FIELDS))) {
        const width = this.#plan[side].schema.fields.length;
        const columns = batch.columns.slice(1, 1 + width);
        const [weights, matches, times] = batch.columns.slice(1 + width).map(({ data }) => data);
        this.#openSides()[side].restore(columns, batch.rowCount, { weights, matches, times });
        batch.release();
      }
      this.#keepSmall(side);
    }
  }

  get stateBytes(): number {
    return (this.#sides?.left.memoryBytes ?? 0) + (this.#sides?.right.memoryBytes ?? 0);
  }

  close(): void {
    this.#emission.close();
    this.#sides?.left.release();
    this.#sides?.right.release();
    this.#sides = undefined;
    this.#results?.release();
    this.#results = undefined;
    this.#condition?.close();
    this.#condition = undefined;
  }

  #openSides(): JoinedSides {
    if (this.#sides === undefined) throw new RangeError("the join is closed");
    return this.#sides;
  }

  #openResults(): JoinResults {
    if (this.#results === undefined) throw new RangeError("the join is closed");
    return this.#results;
  }

  #emit(rows: Generator<Batch, void, void>, output: Output, then?: () => void): Progress {
    const { workspace, batchRows } = this.#context;
    return this.#emission.start(packBatches(workspace, rows, batchRows), output, then);
  }

  /** Takes over the batch, which holds the needed columns of its side. */
  *#change(batch: Batch, side: JoinSide): Generator<Batch, void, void> {
    const { keyed, keyless } = this.#split(batch, side);
    try {
      if (keyless !== undefined) yield* this.#openResults().ofKeyless(keyless, side);
    } finally {
      keyless?.release();
    }
    if (keyed === undefined) return;
    // The clock may go on while results wait for room.
    const boundMs = this.#boundMs();
    const { removed, added, missedCount } = this.#take(keyed, side, boundMs);
    if (missedCount > 0) this.#context.count("retractionsMissed", missedCount);
    try {
      if (!this.#isFinalOnly) yield* this.#openResults().of(side, removed, added, boundMs);
    } finally {
      removed?.release();
      added?.release();
    }
  }

  /** Rows that can match and those with a null key; takes over the batch. */
  #split(batch: Batch, side: JoinSide): { keyed: Batch | undefined; keyless: Batch | undefined } {
    // What is wanted in the end alone is kept until then.
    const keepsAll = this.#plan.nullEquals || (this.#isFinalOnly && givesAlone(this.#plan.type, side));
    if (keepsAll) return { keyed: batch, keyless: undefined };
    const split = splitNullKeys(this.#context.workspace, batch, this.#plan[side].keys);
    batch.release();
    return split;
  }

  /** Puts the changes of a batch into its side; takes over the batch. */
  #take(batch: Batch, side: JoinSide, boundMs: number): NetChange {
    const { workspace } = this.#context;
    const { rowCount, rowKinds } = batch;
    let times: Column | undefined;
    try {
      if (this.#isTimed) times = this.#timesOf(batch);
      workspace.governor.reserve(rowCount * 64, NAME, { required: true });
      const marks = { kinds: rowKinds?.data ?? 0, times: times?.data ?? 0 };
      return this.#openSides()[side].change(batch.columns, rowCount, marks, boundMs);
    } finally {
      times?.release();
      batch.release();
    }
  }

  // Time to live and memory

  get #isEventTime(): boolean {
    return this.#spec.ttl?.timeDomain === "event";
  }

  get #nowMs(): number {
    if (this.#isEventTime) return this.#watermarkMs;
    // What has expired once stays expired, though the clock may jump back.
    this.#clockMs = Math.max(this.#clockMs, this.#context.stream?.processingTimeMs() ?? 0);
    return this.#clockMs;
  }

  /** Rows with a time up to this have expired. */
  #boundMs(): number {
    const { ttl } = this.#spec;
    return ttl === undefined || !this.#isTimed ? START_OF_TIME_MS : this.#nowMs - ttl.ttlMs;
  }

  /** When the rows of a batch came; the caller owns the column. */
  #timesOf(batch: Batch): Column {
    if (this.#isEventTime) return eventTimesOf(batch, `${NAME} with a time to live in event time`).retain();
    const { workspace } = this.#context;
    const data = workspace.allocate(batch.rowCount * 8);
    workspace.kernels.eventTimeFill(this.#nowMs, batch.rowCount, data.address);
    return columnOf(workspace, int64, batch.rowCount, { data });
  }

  /** Clears rows away that have gone, where it is time to look for them. */
  #keepSmall(side: JoinSide): void {
    const rows = this.#openSides()[side];
    const fewest = this.#options.fewestGone ?? FEWEST_GONE;
    if (rows.canShrink && rows.rowCount >= Math.max(fewest, this.#nextCheck[side])) {
      this.#compact(side);
      this.#nextCheck[side] = this.#openSides()[side].rowCount * 2;
    }
    this.#requestTime();
  }

  #compact(side: JoinSide): void {
    const sides = this.#openSides();
    const rows = sides[side];
    const { batchRows } = this.#context;
    let living = 0;
    for (const { count } of rows.living(batchRows, this.#boundMs())) living += count;
    if (living * 2 < rows.rowCount) sides[side] = rows.compacted(batchRows, this.#boundMs());
  }

  /** Rows expire while no more come, too. */
  #requestTime(): void {
    const { ttl } = this.#spec;
    const { left, right } = this.#openSides();
    if (ttl === undefined || !this.#isTimed || this.#isEventTime || this.#isTimeRequested) return;
    if (left.rowCount === 0 && right.rowCount === 0) return;
    this.#isTimeRequested = true;
    this.#context.stream?.requestProcessTime(this.#nowMs + ttl.ttlMs);
  }
}
