import { Batch } from "../batch.ts";
import { columnOf } from "../columns/allocate.ts";
import { SortBuffer } from "../columns/sorted-buffer.ts";
import type { JoinSide, SidePlan } from "../joins/join-plan.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Emission, packBatches } from "../row-state/emission.ts";
import { releaseWindow, SIDES, WindowInput } from "../row-state/window-input.ts";
import type { ClosedWindow, JoinWindowSpec } from "../row-state/window-rows.ts";
import { type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, type Watermark } from "../time/time.ts";
import { int64 } from "../types.ts";
import { checkLateness, checkWindow } from "../windows/window-spec.ts";
import { type CoGroupFunction, type CoGroupInput, type CoGroupRichFunction, CoGroupRows } from "./co-group-rows.ts";
import { LATE_TAGS } from "./interval-join.ts";
import type { ResultShape } from "./map-rows.ts";

const NAME = "A window coGroup";

/**
 * Calls a function once per key and window in which either of two streams has rows, with the rows of both.
 * Input:     0 left, 1 right, inserts only, with event times (or windows of processing time) and the keys; in any order.
 *            Null keys equal each other. See CoGroupRows for what the function gets.
 * Output:    the columns of the result shape. Event time: end of the window - 1. In a window in the order of the keys.
 * State:     as in WindowJoinOperator.
 * Watermark: as in WindowJoinOperator: a window is sorted and given to the function when it closes.
 * Late rows: as in WindowJoinOperator.
 */
export class WindowCoGroupRows implements Operator {
  readonly outputSchema: Schema;
  readonly inputCount = 2;
  readonly #user: UserFunction<CoGroupFunction>;
  readonly #inputs: Readonly<Record<JoinSide, CoGroupInput>>;
  readonly #sides: Readonly<Record<JoinSide, SidePlan>>;
  readonly #window: JoinWindowSpec;
  readonly #latenessMs: number;
  readonly #shape: ResultShape;
  readonly #site: FunctionSite;
  readonly #emission = new Emission();
  #context!: OperatorContext;
  #input: WindowInput | undefined;
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
    this.#window = window;
    this.#latenessMs = allowedLatenessMs;
    this.#shape = shape;
    this.#site = site;
    this.outputSchema = shape.schema;
    // Checks the types of the keys.
    this.#newCoGroup();
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const [window, latenessMs, sides] = [this.#window, this.#latenessMs, this.#sides];
    this.#input = new WindowInput(context, { name: NAME, window, latenessMs, sides });
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
    return this.#input?.rows.memoryBytes ?? 0;
  }

  close(): void {
    this.#emission.close();
    this.#input?.release();
    this.#input = undefined;
    this.#user.close();
  }

  #openInput(): WindowInput {
    if (this.#input === undefined) throw new RangeError("the coGroup is closed");
    return this.#input;
  }

  #newCoGroup(): CoGroupRows {
    const { left, right } = this.#inputs;
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
    for (const window of this.#openInput().close(timeMs)) yield* this.#coGroup(window);
  }

  /** Takes over the rows of the window. */
  *#coGroup(window: ClosedWindow): Generator<Batch, void, void> {
    const { workspace, batchRows } = this.#context;
    const results: Batch[] = [];
    const output: Output = {
      emit: (batch) => void results.push(batch),
      emitWatermark: () => {},
      emitSide: (_, batch) => batch.release(),
      isClosed: false,
    };
    const sorted = SIDES.map((side) => {
      const buffer = new SortBuffer(workspace, this.#inputs[side].keys);
      for (const batch of window[side]) buffer.add(batch);
      return buffer.sort();
    });
    const operator = this.#newCoGroup();
    operator.open(this.#context);
    try {
      const run = function* (progress: Progress): Generator<Batch, void, void> {
        for (let state = progress; ; state = operator.resume(output)) {
          while (results.length > 0) yield results.shift() as Batch;
          if (state === "done") return;
        }
      };
      const open = new Set(SIDES.keys());
      while (open.size > 0) {
        const wanted = operator.wantedInput();
        const input = wanted === "any" || !open.has(wanted) ? Math.min(...open) : wanted;
        const batch = sorted[input]?.next(batchRows);
        if (batch === undefined) {
          open.delete(input);
          for (const result of run(operator.endInput(output, input))) yield this.#timed(result, window);
          continue;
        }
        try {
          for (const result of run(operator.processBatch(batch, output, input))) yield this.#timed(result, window);
        } finally {
          batch.release();
        }
      }
    } finally {
      for (const batch of results) batch.release();
      operator.close();
      for (const rows of sorted) rows?.close();
      releaseWindow(window);
    }
  }

  #timed(batch: Batch, { endMs }: ClosedWindow): Batch {
    const { workspace } = this.#context;
    const { rowCount, schema } = batch;
    const data = workspace.allocate(rowCount * 8);
    workspace.kernels.eventTimeFill(endMs - 1, rowCount, data.address);
    const columns = batch.columns.map((column) => column.retain());
    batch.release();
    return new Batch(schema, rowCount, columns, { times: columnOf(workspace, int64, rowCount, { data }) });
  }
}

const sideOf = ({ schema, keys }: CoGroupInput): SidePlan => ({
  columns: schema.fields.map((_, i) => i),
  schema,
  keys: keys.map(({ column }) => column),
});
