import { AggregatePlan } from "../aggregates/aggregate-set.ts";
import type { AggregateSpec } from "../aggregates/spec.ts";
import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { buildBatch } from "../columns/build.ts";
import { assert } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Emission } from "../row-state/emission.ts";
import {
  eventTimesOf,
  keyGroupColumn,
  refuseChangelog,
  restoreWatermark,
  snapshotWatermark,
} from "../row-state/stream-rows.ts";
import { type Field, Schema } from "../schema.ts";
import { keyedTable } from "../state/state-table.ts";
import { KEY_GROUP_FIELD, type SnapshotReader, type SnapshotWriter } from "../state-snapshot.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { type DataType, int32, int64, timestamp } from "../types.ts";
import { withTime } from "../windows/row-times.ts";
import { SessionGaps } from "../windows/session-gaps.ts";
import { addInSessions } from "../windows/session-index.ts";
import { SessionStore } from "../windows/session-store.ts";
import { checkLateness, checkWindow, type SessionWindowSpec } from "../windows/window-spec.ts";

export interface SessionAggregateSpec {
  readonly kind: "sessionAggregate";
  /** Key columns; none means sessions over all rows. */
  readonly keys: readonly string[];
  readonly window: SessionWindowSpec;
  readonly aggregates: readonly AggregateSpec[];
  /** Event time only: so long behind its end a session still takes rows, and gives its result anew. */
  readonly allowedLatenessMs?: number;
  /** Names of the columns of the session's bounds; "windowStart" and "windowEnd" unless given. */
  readonly windowStart?: string;
  readonly windowEnd?: string;
}

const WHAT = "A session aggregate";
const SESSIONS = "sessions";
const FIRST_KEY = 4;

/**
 * Aggregates rows by key in sessions: each row opens [time, time + gap), and intervals of a key that overlap are one
 * session. A row exactly one gap behind the last one starts a new session, so that what a watermark has closed never
 * depends on when the row came.
 * Input:     any schema with the key and input columns; event time needs row times.
 * Output:    keys, windowStart (time of the first row) and windowEnd (greatest time plus gap) as timestamp(ms), one
 *            column per aggregate; one row per session, with the session's last millisecond as its row time.
 * State:     keyed: bounds and partial aggregates of each open session, freed when it has closed. Without room for
 *            it: MEMORY_EXHAUSTED.
 * Watermark: sessions whose last millisecond it has reached give their results, ahead of it. Processing time: the
 *            clock does, and watermarks travel on.
 * Late rows: a row goes to the side output "late" if the session that it would form or join has closed: the watermark
 *            has reached its last millisecond plus the allowed lateness. A row that comes in the lateness makes its
 *            session give a further result, with its new bounds; sessions that it joins are not taken back.
 * Order:     first, last and list see rows in the order in which they came, but those of sessions that were joined
 *            behind each other.
 */
export class SessionAggregateOperator implements Operator {
  readonly outputSchema: Schema;
  readonly #isEventTime: boolean;
  readonly #latenessMs: number;
  readonly #plan: AggregatePlan;
  readonly #keys: readonly number[];
  readonly #keyTypes: readonly DataType[];
  readonly #stateSchema: Schema;
  readonly #gaps: SessionGaps;
  #context!: OperatorContext;
  #store: SessionStore | undefined;
  readonly #emission = new Emission();
  #timeMs = START_OF_TIME_MS;

  /**
   * @throws {PlanError} WINDOW_GAP_INVALID, WINDOW_LATENESS_INVALID, COLUMN_UNKNOWN, COLUMN_DUPLICATE,
   * AGGREGATE_COLUMN_MISSING, AGGREGATE_TYPE, AGGREGATE_PARAMETER
   */
  constructor(spec: SessionAggregateSpec, inputSchema: Schema) {
    checkWindow(spec.window);
    checkLateness(spec.allowedLatenessMs ?? 0);
    this.#isEventTime = spec.window.domain !== "processing";
    this.#latenessMs = this.#isEventTime ? (spec.allowedLatenessMs ?? 0) : 0;
    this.#plan = new AggregatePlan(spec.aggregates, inputSchema);
    this.#keys = spec.keys.map((name) => inputSchema.indexOf(name));
    const keyFields = this.#keys.map((index) => inputSchema.fields[index]);
    this.#keyTypes = keyFields.map(({ type }) => type);
    this.#gaps = new SessionGaps(spec.window, inputSchema);
    this.outputSchema = new Schema([
      ...keyFields,
      { name: spec.windowStart ?? "windowStart", type: timestamp("ms") },
      { name: spec.windowEnd ?? "windowEnd", type: timestamp("ms") },
      ...this.#plan.resultFields,
    ]);
    this.#stateSchema = new Schema([
      KEY_GROUP_FIELD,
      { name: "startMs", type: int64 },
      { name: "endMs", type: int64 },
      { name: "state", type: int32 },
      ...keyFields.map(({ name, type }): Field => ({ name: `key ${name}`, type })),
      ...this.#plan.keptFields("state "),
    ]);
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#gaps.open();
    this.#store = new SessionStore(context.workspace, this.#keyTypes, this.#plan);
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (batch.rowCount === 0) return "done";
    refuseChangelog(batch, WHAT);
    const timed = this.#timed(batch);
    try {
      this.#add(timed, output);
    } finally {
      timed.release();
    }
    // Rows in the lateness of a session that has fired make it fire again at once.
    if (this.#openStore().sessions.mayBeDue(this.#timeMs + 1)) return this.#fire(output, () => this.#requestTime());
    this.#requestTime();
    return "done";
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    if (!this.#isEventTime) {
      output.emitWatermark(watermark);
      return "done";
    }
    this.#timeMs = watermark.timeMs;
    return this.#fire(output, () => output.emitWatermark(watermark));
  }

  processTime(nowMs: number, output: Output): Progress {
    // A session is over once the clock has reached its end, which is no time of its own any more.
    const reachedMs = nowMs === END_OF_TIME_MS ? nowMs : nowMs - 1;
    if (this.#isEventTime || reachedMs <= this.#timeMs) return "done";
    this.#timeMs = reachedMs;
    return this.#fire(output, () => this.#requestTime());
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  endInput(): Progress {
    return "done";
  }

  pendingTimes(): readonly PendingTime[] {
    const endMs = this.#openStore().sessions.leastEndMs();
    if (endMs === Number.POSITIVE_INFINITY) return [];
    const timeDomain = this.#isEventTime ? "event" : "processing";
    return [{ what: "the session that ends first", timeDomain, atMs: this.#isEventTime ? endMs - 1 : endMs, count: 1 }];
  }

  snapshotState(writer: SnapshotWriter): void {
    const { workspace, batchRows } = this.#context;
    const store = this.#openStore();
    store.sweep();
    // An empty table keeps its schema.
    writer.write(SESSIONS, "keyed", buildBatch(workspace, this.#stateSchema, []));
    for (const { rows, states } of store.states(batchRows)) {
      const { count, keys } = rows;
      const bounds = [rows.starts, rows.ends].map((data) => columnOf(workspace, int64, count, { data }));
      const columns = [...bounds, columnOf(workspace, int32, count, { data: rows.states }), ...keys, ...states];
      const groups = keyGroupColumn(this.#context, keys, count);
      writer.write(SESSIONS, "keyed", new Batch(this.#stateSchema, count, [groups, ...columns]));
    }
    snapshotWatermark(workspace, writer, this.#timeMs);
  }

  restoreState(reader: SnapshotReader): void {
    const { workspace } = this.#context;
    this.#timeMs = restoreWatermark(workspace, reader);
    const store = this.#openStore();
    for (const batch of reader.read(SESSIONS, keyedTable(this.#stateSchema.fields))) {
      const { rowCount: count, columns } = batch;
      const copy = (column: Column, width: number) => {
        const block = workspace.allocate(count * width);
        workspace.kernels.copyBytes(block.address, column.data, count * width);
        return block;
      };
      const [starts, ends, states] = [copy(columns[1], 8), copy(columns[2], 8), copy(columns[3], 4)];
      const lastKey = FIRST_KEY + this.#keys.length;
      if (count > 0) {
        const keys = columns.slice(FIRST_KEY, lastKey);
        store.restore({ count, keys, starts, ends, states }, columns.slice(lastKey), WHAT);
      }
      for (const owned of [starts, ends, states, batch]) owned.release();
    }
    this.#requestTime();
  }

  get stateBytes(): number {
    return this.#store?.memoryBytes ?? 0;
  }

  close(): void {
    this.#emission.close();
    this.#gaps.close();
    this.#store?.release();
    this.#store = undefined;
  }

  #openStore(): SessionStore {
    assert(this.#store !== undefined, "the operator is open");
    return this.#store;
  }

  /** Sessions that end by this are closed. */
  get #closedMs(): number {
    return this.#timeMs - this.#latenessMs + 1;
  }

  #timed(batch: Batch): Batch {
    if (this.#isEventTime) {
      eventTimesOf(batch, WHAT);
      return batch.retain();
    }
    const { workspace, stream } = this.#context;
    // The clock may jump back, but no row goes to a time that has passed for sessions.
    const nowMs = Math.max(stream?.processingTimeMs() ?? 0, this.#timeMs + 1);
    return withTime(workspace, batch, nowMs);
  }

  /** Takes rows in and sends late ones to the side output. Borrows the batch. */
  #add(batch: Batch, output: Output): void {
    const { workspace, count } = this.#context;
    const closedMs = this.#closedMs;
    addInSessions(workspace, batch, this.#gaps, closedMs, (part, gaps) => {
      const keys = this.#keys.map((key) => part.columns[key]);
      const late = this.#openStore().add(part, keys, gaps, closedMs, WHAT);
      if (late === "ambiguous") return late;
      if (late !== undefined) {
        count("lateRows", late.rowCount);
        output.emitSide("late", late);
      }
      return "done";
    });
  }

  /** Gives the results of sessions that are due, closes those whose lateness is over, then calls `after`. */
  #fire(output: Output, after: () => void): Progress {
    return this.#emission.start(this.#results(), output, () => {
      this.#openStore().close(this.#closedMs);
      after();
    });
  }

  *#results(): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    const store = this.#openStore();
    if (!store.sessions.mayBeDue(this.#timeMs + 1)) return;
    const due = store.sessions.takeDue(this.#timeMs + 1);
    try {
      for (let from = 0; from < due.count; from += batchRows) {
        const count = Math.min(batchRows, due.count - from);
        const nodes = due.nodes.address + from * 4;
        const values = store.results(nodes, count);
        const { keys, starts, ends, states } = store.sessions.read(nodes, count);
        states.release();
        const last = workspace.allocate(count * 8);
        workspace.kernels.windowShift(ends.address, count, -1, last.address);
        const times = columnOf(workspace, int64, count, { data: last });
        const bounds = [starts, ends].map((data) => columnOf(workspace, timestamp("ms"), count, { data }));
        yield new Batch(this.outputSchema, count, [...keys, ...bounds, ...values], { times });
      }
    } finally {
      due.nodes.release();
    }
  }

  #requestTime(): void {
    const { stream } = this.#context;
    if (stream === undefined || this.#isEventTime) return;
    const endMs = this.#openStore().sessions.leastEndMs();
    if (Number.isFinite(endMs)) stream.requestProcessTime(endMs);
  }
}
