import type { Batch } from "../batch.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { restoreWatermark, snapshotWatermark } from "../row-state/stream-rows.ts";
import type { Schema } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import { EventTimes, inMilliseconds } from "../time/event-times.ts";
import { SplitWatermarks } from "../time/split-watermarks.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../time/time.ts";
import type { WatermarkStrategySpec } from "../time/watermark-strategy.ts";

/** Event times and watermarks as plain data. */
export interface AssignTimesSpec {
  readonly kind: "assignTimes";
  readonly strategy: WatermarkStrategySpec;
}

/**
 * Gives rows event times and makes watermarks of them, in the middle of a stream.
 * Input:     any columns, among them those of the strategy; event times that rows have are replaced.
 * Output:    the same columns, with event times.
 * State:     union list: the watermark. A restored job goes on from the least one, so that none goes back.
 * Watermark: those of the input are left out; its own follow each batch and, of a periodic generator, each interval. The
 *            end of time comes at the end.
 * Late rows: none here.
 */
export class AssignTimes implements Operator {
  readonly restoresAnyWatermark = true;
  readonly outputSchema: Schema;
  readonly #strategy: WatermarkStrategySpec;
  readonly #intervalMs: number | undefined;
  #times: EventTimes | undefined;
  #watermarks: SplitWatermarks | undefined;
  #emittedMs = START_OF_TIME_MS;
  #isBatchMode = false;
  #context!: OperatorContext;

  /**
   * @param intervalMs - How often a custom generator is asked; absent: behind batches alone.
   * @throws {PlanError} EVENT_TIME_TYPE, COLUMN_UNKNOWN
   */
  constructor(strategy: WatermarkStrategySpec, inputSchema: Schema, intervalMs?: number) {
    this.#strategy = strategy;
    if (strategy.generator.kind === "custom") this.#intervalMs = intervalMs;
    this.outputSchema = inputSchema;
    const { timestamps } = strategy;
    if (timestamps.kind === "expression") inMilliseconds(timestamps.expression, inputSchema);
  }

  open(context: OperatorContext): void {
    const { workspace, host, stream } = context;
    this.#context = context;
    this.#times = new EventTimes(workspace, this.outputSchema, this.#strategy.timestamps, () => host.clock.nowMs());
    this.#startAt(START_OF_TIME_MS);
    this.#isBatchMode = stream?.isBatchMode ?? true;
    this.#requestTick();
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (batch.rowCount === 0 || this.#times === undefined) return "done";
    const timed = this.#times.assign(batch);
    if (!this.#isBatchMode) this.#watermarks?.observe(timed);
    output.emit(timed);
    this.#emitWatermark(output);
    return "done";
  }

  processWatermark(watermark: Watermark, output: Output): Progress {
    if (watermark.timeMs >= END_OF_TIME_MS) output.emitWatermark(watermark);
    return "done";
  }

  processTime(nowMs: number, output: Output): Progress {
    if (nowMs >= END_OF_TIME_MS) return "done";
    this.#watermarks?.tick();
    this.#emitWatermark(output);
    this.#requestTick();
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  snapshotState(writer: SnapshotWriter): void {
    snapshotWatermark(this.#context.workspace, writer, this.#emittedMs);
  }

  restoreState(reader: SnapshotReader): void {
    this.#startAt(restoreWatermark(this.#context.workspace, reader));
  }

  close(): void {
    this.#times?.close();
    this.#watermarks?.close();
    this.#times = undefined;
    this.#watermarks = undefined;
  }

  #requestTick(): void {
    const { stream } = this.#context;
    if (stream === undefined || this.#isBatchMode || this.#intervalMs === undefined) return;
    stream.requestProcessTime(stream.processingTimeMs() + this.#intervalMs);
  }

  #startAt(watermarkMs: number): void {
    this.#watermarks?.close();
    this.#emittedMs = watermarkMs;
    const { generator } = this.#strategy;
    this.#watermarks = new SplitWatermarks(this.#context.workspace, this.outputSchema, generator, watermarkMs);
  }

  #emitWatermark(output: Output): void {
    const timeMs = this.#watermarks?.watermarkMs ?? START_OF_TIME_MS;
    if (timeMs <= this.#emittedMs) return;
    this.#emittedMs = timeMs;
    output.emitWatermark({ timeMs });
  }
}
