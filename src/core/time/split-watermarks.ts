import type { Batch } from "../batch.ts";
import { describeValue } from "../describe-value.ts";
import { assert, EvaluationError, PlanError } from "../errors.ts";
import { createRowReader, type RowReader } from "../rows/row-view.ts";
import type { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";
import { START_OF_TIME_MS } from "./time.ts";
import type { GeneratorSpec, WatermarkGenerator } from "./watermark-strategy.ts";

/** The watermark of one split, made of the event times of its rows; it never goes back. */
export class SplitWatermarks {
  readonly #workspace: Workspace;
  readonly #spec: GeneratorSpec;
  readonly #custom: WatermarkGenerator | undefined;
  readonly #reader: RowReader | undefined;
  watermarkMs: number;

  /** `watermarkMs`: the one to go on from, after a restore. */
  constructor(workspace: Workspace, schema: Schema, spec: GeneratorSpec, watermarkMs = START_OF_TIME_MS) {
    this.#workspace = workspace;
    this.#spec = spec;
    this.watermarkMs = watermarkMs;
    if (spec.kind === "custom") {
      this.#custom = checkedGenerator(spec.create());
      this.#reader = createRowReader(workspace, schema);
    }
  }

  /** Takes the rows of a batch, which have event times, into account. */
  observe(batch: Batch): void {
    const times = batch.rowTimes;
    assert(times !== undefined, "rows whose watermark is made have event times");
    if (batch.rowCount === 0 || this.#spec.kind === "none") return;
    if (this.#spec.kind === "boundedOutOfOrderness") {
      const latestMs = this.#workspace.kernels.eventTimeMax(times.data, batch.rowCount);
      // Rows at the latest time itself may still come, so the watermark stays one millisecond behind it.
      this.emitWatermark(latestMs - this.#spec.delayMs - 1);
      return;
    }
    this.#observeRows(batch, times.data);
    this.tick();
  }

  /** The interval of periodic watermarks has passed. */
  tick(): void {
    this.#custom?.onPeriodicEmit?.(this);
  }

  /** @throws {EvaluationError} EVENT_TIME_INVALID */
  emitWatermark(timeMs: number): void {
    if (typeof timeMs !== "number" || Number.isNaN(timeMs)) {
      throw new EvaluationError(
        "EVENT_TIME_INVALID",
        `A generator gave the watermark ${describeValue(timeMs)}.`,
        "Give milliseconds since 1970 as a number.",
      );
    }
    if (timeMs > this.watermarkMs) this.watermarkMs = timeMs;
  }

  close(): void {
    this.#reader?.close();
  }

  #observeRows(batch: Batch, times: number): void {
    const [custom, reader] = [this.#custom, this.#reader];
    if (custom?.onEvent === undefined || reader === undefined) return;
    reader.bind(batch);
    try {
      for (let row = 0; row < batch.rowCount; row++) {
        const view = reader.viewAt(row);
        custom.onEvent(view, Number(this.#workspace.i64[(times >>> 3) + row]), this);
        reader.retire(view);
      }
    } finally {
      reader.unbind();
    }
  }
}

/** @throws {PlanError} FUNCTION_INVALID */
function checkedGenerator(given: WatermarkGenerator): WatermarkGenerator {
  const { onEvent, onPeriodicEmit } = (given ?? {}) as Partial<WatermarkGenerator>;
  const functions = [onEvent, onPeriodicEmit].filter((each) => each !== undefined);
  if (functions.length > 0 && functions.every((each) => typeof each === "function")) return given;
  throw new PlanError(
    "FUNCTION_INVALID",
    `WatermarkStrategy.custom was given a function that makes ${describeValue(given)}, which never gives a watermark.`,
    "Let it make an object with onEvent, onPeriodicEmit or both.",
  );
}
