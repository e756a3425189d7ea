import type { ExpressionNode } from "../expressions/node.ts";
import type { Row } from "../rows/row-view.ts";

/** Takes the watermarks that a generator gives. */
export interface WatermarkOutput {
  /** No more rows at or before `timeMs` will come; one that is not greater than an earlier one is ignored. */
  emitWatermark(timeMs: number): void;
}

/**
 * A user's own watermarks, one generator per split (or per subtask, where times are assigned in mid-stream).
 * Punctuated generators emit in `onEvent`, periodic ones in `onPeriodicEmit`.
 */
export interface WatermarkGenerator {
  onEvent?(row: Row, timestampMs: number, output: WatermarkOutput): void;
  /** Called behind each batch and every `watermarkIntervalMs`. */
  onPeriodicEmit?(output: WatermarkOutput): void;
}

/** Where the event time of a row comes from. */
export type TimestampSpec =
  /** A timestamp, date or whole number (epoch milliseconds). Fractions of milliseconds are cut towards the past. */
  | { readonly kind: "expression"; readonly expression: ExpressionNode }
  /** The clock of the source when the row is read: ingestion time. */
  | { readonly kind: "ingestion" }
  /** Times that the rows have already, such as those of Kafka records. */
  | { readonly kind: "kept" }
  /** User code: epoch milliseconds of a row. */
  | { readonly kind: "function"; readonly timestampOf: (row: Row) => number | bigint | Date };

export type GeneratorSpec =
  /** Rows come at most `delayMs` behind the latest one; 0 means in order. */
  | { readonly kind: "boundedOutOfOrderness"; readonly delayMs: number }
  /** No watermark before the end of the input. */
  | { readonly kind: "none" }
  | { readonly kind: "custom"; readonly create: () => WatermarkGenerator };

export interface AlignmentSpec {
  /** Sources with one group name wait for each other. */
  readonly group: string;
  /** A split that is further ahead than this of the slowest of the group is not read. */
  readonly maxDriftMs: number;
}

/** Event time and watermarks of a stream. Without user code it is plain data, which any thread can run. */
export interface WatermarkStrategySpec {
  readonly timestamps: TimestampSpec;
  readonly generator: GeneratorSpec;
  /** After so long without a row, a split no longer holds the others back; absent: it always does. */
  readonly idlenessMs?: number;
  readonly alignment?: AlignmentSpec;
}

/** Whether a strategy has user code, which stays on the thread that planned the job. */
export const hasUserCode = ({ timestamps, generator }: WatermarkStrategySpec): boolean =>
  timestamps.kind === "function" || generator.kind === "custom";
