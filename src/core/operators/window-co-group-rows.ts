import { Batch } from "../batch.ts";
import { columnOf } from "../columns/allocate.ts";
import { SortBuffer } from "../columns/sorted-buffer.ts";
import type { JoinSide, SidePlan } from "../joins/join-plan.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Emission, packBatches } from "../row-state/emission.ts";
import { SessionInput } from "../row-state/session-input.ts";
import type { RowsOfSessions } from "../row-state/session-rows.ts";
import { releaseWindow, WindowInput } from "../row-state/window-input.ts";
import type { ClosedWindow } from "../row-state/window-rows.ts";
import { type JoinWindowSpec, SIDES } from "../row-state/window-sides.ts";
import { type FunctionSite, UserFunction } from "../rows/user-function.ts";
import { type Field, Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { int64, uint32 } from "../types.ts";
import { SessionGaps } from "../windows/session-gaps.ts";
import { releaseRows } from "../windows/session-index.ts";
import { checkLateness, checkWindow } from "../windows/window-spec.ts";
import { type CoGroupFunction, type CoGroupInput, type CoGroupRichFunction, CoGroupRows } from "./co-group-rows.ts";
import { LATE_TAGS } from "./interval-join.ts";
import type { ResultShape } from "./map-rows.ts";

const NAME = "A window coGroup";
const SESSION: Field = { name: "session", type: uint32 };

/**
 * Calls a function once per key and window in which either of two streams has rows, with the rows of both.
 * Input:     0 left, 1 right, inserts only, with event times (or windows of processing time) and the keys; in any order.
 *            Null keys equal each other. See CoGroupRows for what the function gets; in sessions the rows of a side come in
 *            the order of their arrival.
 * Output:    the columns of the result shape. Event time: end of the window - 1. In a window in the order of the keys,
 *            of sessions in none.
 * State:     as in WindowJoinOperator.
 * Watermark: as in WindowJoinOperator: a window is sorted and given to the function when it closes; sessions need no
 *            sorting.
 * Late rows: as in WindowJoinOperator.
 */
export class WindowCoGroupRows implements Operator {
  readonly outputSchema: Schema;
  readonly inputCount = 2;
  readonly #user: UserFunction<CoGroupFunction>;
  readonly #inputs: Readonly<Record<JoinSide, CoGroupInput>>;
  readonly #sides: Readonly<Record<JoinSide, SidePlan>>;
  /** Rows of sessions with the number of their session behind them: those of one session are a group. */
  readonly #inSessions: Readonly<Record<JoinSide, CoGroupInput>>;
  readonly #window: JoinWindowSpec;
  readonly #latenessMs: number;
  readonly #shape: ResultShape;
  readonly #site: FunctionSite;
  readonly #emission = new Emission();
  #context!: OperatorContext;
  #input: WindowInput | SessionInput | undefined;
  readonly #hasEnded = { left: false, right: false };

  /** @throws {PlanError} KEY_TYPES_DIFFER, and those of checkWindow and checkLateness */
  constructor(
    coGroup: CoGroupFunction | CoGroupRichFunction,
    left: CoGroupInput,
    right: CoGroupInput,
    window: JoinWindowSpec,
    shape: ResultShape,
    site: FunctionSite,
    allowedLatenessMs = 0,
  ) {
    checkWindow(window);
    checkLateness(allowedLatenessMs);
    this.#user = new UserFunction<CoGroupFunction>(coGroup, "coGroup", site);
    this.#inputs = { left, right };
    this.#sides = { left: sideOf(left), right: sideOf(right) };
    this.#inSessions = { left: inSessions(this.#sides.left), right: inSessions(this.#sides.right) };
    this.#window = window;
    this.#latenessMs = allowedLatenessMs;
    this.#shape = shape;
    this.#site = site;
    this.outputSchema = shape.schema;
    // Checks the types of the keys, and the gap on both sides.
    this.#newCoGroup(this.#inputs);
    if (window.kind === "session") for (const { schema } of [left, right]) new SessionGaps(window, schema);
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const [window, { left, right }] = [this.#window, this.#inputs];
    const schemas = { left: left.schema, right: right.schema };
    const options = { name: NAME, latenessMs: this.#latenessMs, sides: this.#sides, schemas };
    this.#input =
      window.kind === "session"
        ? new SessionInput(context, { ...options, window })
        : new WindowInput(context, { ...options, window });
    this.#user.open(context);
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    const side = SIDES[input];
    this.#openInput().add(batch, side, output, LATE_TAGS[side]);
    return "done";
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    const input = this.#openInput();
    if (input.isProcessing) {
      output.emitWatermark(watermark);
      return "done";
    }
    const timeMs = input.passed(watermark.timeMs);
    return this.#close(watermark.timeMs, output, () => output.emitWatermark({ timeMs }));
  }

  processTime(nowMs: number, output: Output): Progress {
    const input = this.#openInput();
    if (!input.isProcessing) return "done";
    const timeMs = nowMs === END_OF_TIME_MS ? nowMs : nowMs - 1;
    return this.#close(timeMs, output, () => input.requestClose());
  }

  resume(output: Output): Progress {
    return this.#emission.resume(output);
  }

  endInput(output: Output, input: number): Progress {
    this.#hasEnded[SIDES[input]] = true;
    if (!this.#hasEnded.left || !this.#hasEnded.right) return "done";
    return this.#close(END_OF_TIME_MS, output);
  }

  pendingTimes(): readonly PendingTime[] {
    return this.#openInput().pendingTimes();
  }

  snapshotState(writer: SnapshotWriter): void {
    this.#openInput().snapshot(writer);
  }

  restoreState(reader: SnapshotReader): void {
    this.#openInput().restore(reader);
  }

  get stateBytes(): number {
    return this.#input?.memoryBytes ?? 0;
  }

  close(): void {
    this.#emission.close();
    this.#input?.release();
    this.#input = undefined;
    this.#user.close();
  }

  #openInput(): WindowInput | SessionInput {
    if (this.#input === undefined) throw new RangeError("the coGroup is closed");
    return this.#input;
  }

  #newCoGroup({ left, right }: Readonly<Record<JoinSide, CoGroupInput>>): CoGroupRows {
    // The life of the function is that of this operator, not that of a window.
    const { call } = this.#user;
    return new CoGroupRows((...args) => call(...args), left, right, this.#shape, {
      ...this.#site,
      runtime: () => this.#user.context,
    });
  }

  #close(timeMs: number, output: Output, then?: () => void): Progress {
    const { workspace, batchRows } = this.#context;
    return this.#emission.start(packBatches(workspace, this.#closeWindows(timeMs), batchRows), output, then);
  }

  *#closeWindows(timeMs: number): Generator<Batch, void, void> {
    const input = this.#openInput();
    if (input instanceof SessionInput) for (const rows of input.close(timeMs)) yield* this.#coGroupSessions(rows);
    else for (const window of input.close(timeMs)) yield* this.#coGroupWindow(window);
  }

  /** Takes over the rows of the window. */
  *#coGroupWindow(window: ClosedWindow): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    const sorted = SIDES.map((side) => {
      const buffer = new SortBuffer(workspace, this.#inputs[side].keys);
      for (const batch of window[side]) buffer.add(batch);
      return buffer.sort();
    });
    const operator = this.#newCoGroup(this.#inputs);
    operator.open(this.#context);
    try {
      for (const result of this.#run(operator, (input) => sorted[input]?.next(batchRows))) {
        const { rowCount, columns, schema } = result;
        const data = workspace.allocate(rowCount * 8);
        workspace.kernels.eventTimeFill(window.endMs - 1, rowCount, data.address);
        const times = columnOf(workspace, int64, rowCount, { data });
        const timed = new Batch(
          schema,
          rowCount,
          columns.map((column) => column.retain()),
          { times },
        );
        result.release();
        yield timed;
      }
    } finally {
      for (const rows of sorted) rows?.close();
      releaseWindow(window);
    }
  }

  /** Takes over the rows of the sessions, which come by session. */
  *#coGroupSessions({ sessions, ...rows }: RowsOfSessions): Generator<Batch, void, void> {
    const { workspace } = this.#context;
    const data = workspace.allocate(sessions.count * 8);
    workspace.kernels.windowShift(sessions.ends.address, sessions.count, -1, data.address);
    const lastMs = new Batch(new Schema([]), sessions.count, [], {
      times: columnOf(workspace, int64, sessions.count, { data }),
    });
    const batches = SIDES.map((side) => {
      const given = rows[side];
      if (given === undefined) return undefined;
      const { columns, rowCount } = given.batch;
      const withSession = [...columns.map((column) => column.retain()), given.sessions];
      given.batch.release();
      return new Batch(this.#inSessions[side].schema, rowCount, withSession);
    });
    const operator = this.#newCoGroup(this.#inSessions);
    operator.open(this.#context);
    // Every session has rows on some side: the function is called for one after the other.
    operator.markGroups(workspace, lastMs);
    try {
      yield* this.#run(operator, (input) => {
        const batch = batches[input];
        batches[input] = undefined;
        return batch;
      });
    } finally {
      for (const owned of [...batches, lastMs]) owned?.release();
      releaseRows(sessions);
    }
  }

  /** The results for rows that come by key. Closes the operator; `next` gives batches of an input, the caller's, until undefined. */
  *#run(operator: CoGroupRows, next: (input: number) => Batch | undefined): Generator<Batch, void, void> {
    const results: Batch[] = [];
    const output: Output = {
      emit: (batch) => void results.push(batch),
      emitWatermark: () => {},
      emitSide: (_, batch) => batch.release(),
      isClosed: false,
    };
    const drained = function* (progress: Progress): Generator<Batch, void, void> {
      for (let state = progress; ; state = operator.resume(output)) {
        while (results.length > 0) yield results.shift() as Batch;
        if (state === "done") return;
      }
    };
    try {
      const open = new Set(SIDES.keys());
      while (open.size > 0) {
        const wanted = operator.wantedInput();
        const input = wanted === "any" || !open.has(wanted) ? Math.min(...open) : wanted;
        const batch = next(input);
        if (batch === undefined) {
          open.delete(input);
          yield* drained(operator.endInput(output, input));
          continue;
        }
        try {
          yield* drained(operator.processBatch(batch, output, input));
        } finally {
          batch.release();
        }
      }
    } finally {
      for (const batch of results) batch.release();
      operator.close();
    }
  }
}

/** The hidden columns are no part of the state: gaps are read when rows come. */
function sideOf({ schema, keys, hiddenColumns = 0 }: CoGroupInput): SidePlan {
  const fields = schema.fields.slice(0, schema.fields.length - hiddenColumns);
  return {
    columns: fields.map((_, i) => i),
    schema: new Schema(fields),
    keys: keys.map(({ column }) => column),
  };
}

function inSessions({ schema, keys }: SidePlan): CoGroupInput {
  let { name } = SESSION;
  while (schema.has(name)) name += "_";
  return {
    schema: new Schema([...schema.fields, { ...SESSION, name }]),
    keys: [{ column: schema.fields.length }],
    keyColumns: keys,
    hiddenColumns: 1,
  };
}
