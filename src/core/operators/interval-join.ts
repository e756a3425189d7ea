import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { gatherColumn } from "../columns/gather.ts";
import { PlanError } from "../errors.ts";
import { type CompiledPredicate, compilePredicate } from "../expressions/predicate.ts";
import type { JoinKeys } from "../joins/join-keys.ts";
import {
  type ColumnSource,
  type JoinPlan,
  type JoinSide,
  type JoinSpec,
  keepsUnmatched,
  planJoin,
} from "../joins/join-plan.ts";
import { filterPairs } from "../joins/pair-filter.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { ChainKeys } from "../row-state/chain-index.ts";
import { Emission, packBatches } from "../row-state/emission.ts";
import { nullColumn } from "../row-state/row-store.ts";
import {
  eventTimesOf,
  keyGroupColumn,
  refuseChangelog,
  restoreWatermark,
  rowTable,
  snapshotWatermark,
  splitLate,
  stateSchema,
} from "../row-state/stream-rows.ts";
import { type TimedChunk, TimedSide } from "../row-state/timed-side.ts";
import { Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { int8, int64 } from "../types.ts";

/** Plain data. Rows match where their keys are equal and right.time - left.time lies within the bounds. */
export interface IntervalJoinSpec extends JoinSpec {
  readonly kind: "intervalJoin";
  readonly type: "inner" | "left" | "right" | "full";
  /** Whole milliseconds, which may be negative; lower <= upper. */
  readonly lowerMs: number;
  readonly upperMs: number;
  /** Whether the bound itself is outside; by default it is inside. */
  readonly lowerExclusive?: boolean;
  readonly upperExclusive?: boolean;
}

/** For tests: `hashMask` is ANDed with the hashes of the index, `chunkRows` is the least size of a chunk of state. */
export interface IntervalJoinOptions {
  readonly hashMask?: number;
  readonly chunkRows?: number;
}

/** Side outputs of late rows, with the schemas of the inputs. */
export const LATE_TAGS: Readonly<Record<JoinSide, string>> = { left: "lateLeft", right: "lateRight" };

const FURTHER_FIELDS = Schema.of({ time: int64, mark: int8 });
const SIDES = ["left", "right"] as const;
const NAME = "An interval join";

/**
 * Joins rows of two streams that are near each other in event time.
 * Input:     0 = left, 1 = right, inserts only, with event times and the key columns.
 * Output:    the columns of the spec. The event time of a pair is the later one of both rows; an unmatched row keeps its
 *            own. Pairs leave at once, unmatched rows of outer joins once the watermark says that no match can come.
 * State:     rows of each side while a row of the other side may still match them, in chunks with a key index.
 * Watermark: travels on; in outer joins behind by as much as unmatched rows wait.
 * Late rows: rows at or before the watermark go to the side output "lateLeft" or "lateRight": rows that they match may be
 *            gone. They are counted as lateRows.
 */
export class IntervalJoinOperator implements Operator {
  readonly name = "interval-join";
  readonly inputCount = 2;
  readonly outputSchema: Schema;
  readonly #plan: JoinPlan;
  readonly #lowerMs: number;
  readonly #upperMs: number;
  readonly #delayMs: number;
  readonly #options: IntervalJoinOptions;
  readonly #emission = new Emission();
  #condition: CompiledPredicate | undefined;
  #context!: OperatorContext;
  #sides: { left: TimedSide; right: TimedSide } | undefined;
  #watermarkMs = START_OF_TIME_MS;
  readonly #hasEnded = { left: false, right: false };

  /**
   * @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, JOIN_KEY_TYPES, INTERVAL_INVALID, and those of the residual condition
   */
  constructor(spec: IntervalJoinSpec, left: Schema, right: Schema, options: IntervalJoinOptions = {}) {
    this.#plan = planJoin(spec, left, right);
    this.outputSchema = this.#plan.outputSchema;
    this.#options = options;
    checkBounds(spec);
    this.#lowerMs = spec.lowerMs + (spec.lowerExclusive === true ? 1 : 0);
    this.#upperMs = spec.upperMs - (spec.upperExclusive === true ? 1 : 0);
    this.#delayMs = Math.max(0, ...SIDES.map((side) => (keepsUnmatched(spec.type, side) ? this.#reachMs(side) : 0)));
    const { residual } = this.#plan;
    this.#condition = residual && compilePredicate(residual.condition, residual.schema);
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { workspace } = context;
    const { nullEquals } = this.#plan;
    const newSide = (side: JoinSide): TimedSide => {
      const { schema, keys } = this.#plan[side];
      const types = schema.fields.map(({ type }) => type);
      const keyTypes = keys.map((key) => types[key]);
      const chainKeys = new ChainKeys(workspace, keyTypes, { nullEquals, ...this.#options });
      return new TimedSide(workspace, types, chainKeys, keepsUnmatched(this.#plan.type, side), this.#options.chunkRows);
    };
    this.#sides = { left: newSide("left"), right: newSide("right") };
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    const side = SIDES[input];
    refuseChangelog(batch, NAME);
    const { workspace } = this.#context;
    const { onTime, late } = splitLate(workspace, batch, this.#watermarkMs, NAME);
    if (late !== undefined) {
      this.#context.count("lateRows", late.rowCount);
      output.emitSide(LATE_TAGS[side], late);
    }
    if (onTime === undefined) return "done";
    const { columns, schema } = this.#plan[side];
    const rows = onTime.project(schema, columns);
    onTime.release();
    return this.#emit(this.#join(rows, side), output);
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    this.#watermarkMs = watermark.timeMs;
    return this.#emit(this.#advance(), output, () => output.emitWatermark({ timeMs: this.#delayed(watermark.timeMs) }));
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  endInput(output: Output, input: number): Progress {
    this.#hasEnded[SIDES[input]] = true;
    if (!this.#hasEnded.left || !this.#hasEnded.right || this.#watermarkMs === END_OF_TIME_MS) return "done";
    this.#watermarkMs = END_OF_TIME_MS;
    return this.#emit(this.#advance(), output);
  }

  pendingTimes(): readonly PendingTime[] {
    const pending: PendingTime[] = [];
    for (const side of SIDES) {
      if (!keepsUnmatched(this.#plan.type, side)) continue;
      for (const { earliestMs, expiredMs, rowCount } of this.#openSides()[side].chunks) {
        const atMs = Math.max(earliestMs, expiredMs + 1) + this.#reachMs(side);
        pending.push({ what: `unmatched rows of the ${side} side`, timeDomain: "event", atMs, count: rowCount });
      }
    }
    return pending.sort((a, b) => a.atMs - b.atMs).slice(0, 4);
  }

  snapshotState(writer: SnapshotWriter): void {
    const { workspace, batchRows } = this.#context;
    snapshotWatermark(workspace, writer, this.#watermarkMs);
    for (const side of SIDES) {
      const { schema, keys } = this.#plan[side];
      const tableSchema = stateSchema(schema, FURTHER_FIELDS);
      const rows = workspace.allocate(batchRows * 4);
      for (const chunk of this.#openSides()[side].chunks) {
        for (let from = 0; from < chunk.rowCount; from += batchRows) {
          const count = Math.min(batchRows, chunk.rowCount - from);
          workspace.kernels.groupSequence(from, count, rows.address);
          const columns = chunk.store.gatherAll(rows.address, count);
          const groups = keyGroupColumn(
            this.#context,
            keys.map((key) => columns[key]),
            count,
          );
          const times = chunk.gatherTimes(rows.address, count);
          const marks = chunk.gatherMarks(rows.address, count);
          writer.write(side, "keyed", new Batch(tableSchema, count, [groups, ...columns, times, marks]));
        }
      }
      rows.release();
    }
  }

  restoreState(reader: SnapshotReader): void {
    this.#watermarkMs = restoreWatermark(this.#context.workspace, reader);
    for (const side of SIDES) {
      for (const batch of reader.read(side, rowTable(this.#plan[side], FURTHER_FIELDS))) {
        const width = this.#plan[side].schema.fields.length;
        const columns = batch.columns.slice(1, 1 + width);
        const [times, marks] = batch.columns.slice(1 + width);
        const keys = this.#keysOf(side, columns, batch.rowCount);
        if (batch.rowCount > 0) this.#openSides()[side].append(columns, times.data, keys, marks.data);
        keys.release();
        batch.release();
      }
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
    this.#condition?.close();
    this.#condition = undefined;
  }

  #openSides(): { left: TimedSide; right: TimedSide } {
    if (this.#sides === undefined) throw new RangeError("the join is closed");
    return this.#sides;
  }

  #emit(rows: Generator<Batch, void, void>, output: Output, then?: () => void): Progress {
    const { workspace, batchRows } = this.#context;
    return this.#emission.start(packBatches(workspace, rows, batchRows), output, then);
  }

  /** How much later than a row of this side the last row can be that matches it. */
  #reachMs(side: JoinSide): number {
    return side === "left" ? this.#upperMs : -this.#lowerMs;
  }

  /** Rows of a side up to this time find no further match. */
  #boundMs(side: JoinSide): number {
    if (this.#watermarkMs === END_OF_TIME_MS) return END_OF_TIME_MS;
    return Math.max(START_OF_TIME_MS, this.#watermarkMs - this.#reachMs(side));
  }

  #delayed(timeMs: number): number {
    return timeMs === END_OF_TIME_MS ? timeMs : Math.max(START_OF_TIME_MS, timeMs - this.#delayMs);
  }

  #keysOf(side: JoinSide, columns: readonly Column[], rowCount: number): JoinKeys {
    const keyColumns = this.#plan[side].keys.map((key) => columns[key]);
    return this.#openSides()[side].keys.of(keyColumns, rowCount);
  }

  /** Takes over the batch, which holds the needed columns of its side, all on time. */
  *#join(batch: Batch, side: JoinSide): Generator<Batch, void, void> {
    const { workspace } = this.#context;
    const { kernels } = workspace;
    const sides = this.#openSides();
    const { rowCount } = batch;
    const times = eventTimesOf(batch, NAME);
    const keys = this.#keysOf(side, batch.columns, rowCount);
    const keeps = keepsUnmatched(this.#plan.type, side);
    const marks = keeps ? workspace.allocateZeroed(rowCount) : undefined;
    try {
      const latestMs = kernels.eventTimeMax(times.data, rowCount);
      const [least, greatest] = side === "left" ? [this.#lowerMs, this.#upperMs] : [-this.#upperMs, -this.#lowerMs];
      const earliestMs = kernels.eventTimeMin(times.data, rowCount);
      const other = sides[side === "left" ? "right" : "left"];
      for (const chunk of other.inReach(earliestMs + least, latestMs + greatest)) {
        yield* this.#pairs(batch, side, keys, marks?.address ?? 0, chunk, least, greatest);
      }
      const boundMs = this.#boundMs(side);
      if (latestMs <= boundMs && !keeps) return;
      workspace.governor.reserve(rowCount * 64, NAME, { required: true });
      sides[side].append(batch.columns, times.data, keys, marks?.address ?? 0);
      if (earliestMs <= boundMs) yield* this.#expire(side);
    } finally {
      marks?.release();
      keys.release();
      batch.release();
    }
  }

  *#pairs(
    batch: Batch,
    side: JoinSide,
    keys: JoinKeys,
    probeMarks: Address,
    chunk: TimedChunk,
    least: number,
    greatest: number,
  ): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    const heads = chunk.index.find(keys);
    const state = workspace.allocateZeroed(8);
    const probeRows = workspace.allocate(batchRows * 4);
    const rows = workspace.allocate(batchRows * 4);
    const isPlain = this.#condition === undefined;
    const times = eventTimesOf(batch, NAME);
    try {
      while (workspace.u32[state.address >>> 2] < batch.rowCount) {
        const { kernels } = workspace;
        let count = kernels.chainPairsInTime(
          heads.address,
          chunk.index.next,
          batch.rowCount,
          times.data,
          chunk.times,
          least,
          greatest,
          batchRows,
          state.address,
          probeRows.address,
          rows.address,
          isPlain ? chunk.marks : 0,
          isPlain ? probeMarks : 0,
        );
        if (!isPlain) count = this.#filter(batch, side, chunk, probeRows, rows, count, probeMarks);
        if (count > 0) yield this.#pairRows(batch, side, chunk, probeRows.address, rows.address, count);
      }
    } finally {
      for (const block of [heads, state, probeRows, rows]) block.release();
    }
  }

  /** Leaves the pairs that fulfil the residual condition, marks them, and returns their number. */
  #filter(
    batch: Batch,
    side: JoinSide,
    chunk: TimedChunk,
    probeRows: Block,
    rows: Block,
    count: number,
    probeMarks: Address,
  ): number {
    const { residual } = this.#plan;
    if (residual === undefined || this.#condition === undefined || count === 0) return count;
    const { workspace } = this.#context;
    const columns = this.#columns(residual.columns, batch, side, chunk, probeRows.address, rows.address, count);
    const candidates = new Batch(residual.schema, count, columns);
    const kept = filterPairs(workspace, this.#condition, candidates, probeRows.address, rows.address);
    const { kernels } = workspace;
    if (chunk.marks !== 0) kernels.joinMarkRows(rows.address, kept, chunk.marks);
    if (probeMarks !== 0) kernels.joinMarkRows(probeRows.address, kept, probeMarks);
    return kept;
  }

  #pairRows(batch: Batch, side: JoinSide, chunk: TimedChunk, probeRows: Address, rows: Address, count: number): Batch {
    const { workspace } = this.#context;
    const columns = this.#columns(this.#plan.output, batch, side, chunk, probeRows, rows, count);
    const probeTimes = gatherColumn(workspace, eventTimesOf(batch, NAME), probeRows, count);
    const times = chunk.gatherTimes(rows, count);
    workspace.kernels.eventTimeLater(times.data, probeTimes.data, count, times.data);
    probeTimes.release();
    return new Batch(this.outputSchema, count, columns, { times });
  }

  #columns(
    sources: readonly ColumnSource[],
    batch: Batch,
    side: JoinSide,
    chunk: TimedChunk,
    probeRows: Address,
    rows: Address,
    count: number,
  ): Column[] {
    return sources.map((source) =>
      source.side === side
        ? gatherColumn(this.#context.workspace, batch.columns[source.column], probeRows, count)
        : chunk.store.gather(source.column, rows, count),
    );
  }

  *#advance(): Generator<Batch, void, void> {
    for (const side of SIDES) {
      if (keepsUnmatched(this.#plan.type, side)) yield* this.#expire(side);
      this.#openSides()[side].drop(this.#boundMs(side));
    }
  }

  /** Rows of a side that found no match, and will find none. */
  *#expire(side: JoinSide): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    if (!keepsUnmatched(this.#plan.type, side)) return;
    for (const { chunk, rows, count } of this.#openSides()[side].expire(this.#boundMs(side), batchRows)) {
      const columns = this.#plan.output.map((source) => {
        if (source.side === side) return chunk.store.gather(source.column, rows.address, count);
        return nullColumn(workspace, this.#plan[source.side].schema.fields[source.column].type, count);
      });
      const times = chunk.gatherTimes(rows.address, count);
      rows.release();
      yield new Batch(this.outputSchema, count, columns, { times });
    }
  }
}

function checkBounds({ lowerMs, upperMs, lowerExclusive, upperExclusive }: IntervalJoinSpec): void {
  const least = lowerMs + (lowerExclusive === true ? 1 : 0);
  const greatest = upperMs - (upperExclusive === true ? 1 : 0);
  const isBound = (ms: number) => Number.isSafeInteger(ms) && Math.abs(ms) <= 2 ** 52;
  if (isBound(lowerMs) && isBound(upperMs) && least <= greatest) return;
  throw new PlanError(
    "INTERVAL_INVALID",
    `The interval of a join goes from ${lowerMs} to ${upperMs} ms.`,
    "Give whole milliseconds, the lower bound first, with at least one millisecond between exclusive bounds.",
  );
}
