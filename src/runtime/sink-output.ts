import type { Batch } from "../core/batch.ts";
import type { Output } from "../core/operator.ts";
import type { ExchangeOutput } from "./exchange-output.ts";
import type { SubtaskSink } from "./subtask-sink.ts";

/** The end of a sink's chain. */
export class SinkOutput implements Output {
  readonly #sink: SubtaskSink;
  readonly #counted: ExchangeOutput;
  readonly isClosed = false;

  constructor(sink: SubtaskSink, counted: ExchangeOutput) {
    this.#sink = sink;
    this.#counted = counted;
  }

  emit(batch: Batch): void {
    this.#counted.count(batch);
    this.#sink.put(batch);
  }

  emitWatermark(): void {
    // Writers have no use for event time.
  }

  emitSide(tag: string, batch: Batch): void {
    this.#counted.emitSide(tag, batch);
  }
}
