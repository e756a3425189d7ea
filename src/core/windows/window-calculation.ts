import type { ReduceFunction, ReduceRichFunction } from "../operators/reduce-rows.ts";
import type { SideTag } from "../process/contexts.ts";
import type { Row } from "../rows/row-view.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import type { FunctionLife } from "../rows/user-function.ts";
import type { StateAccess } from "../state/keyed-state.ts";
import type { DataType } from "../types.ts";
import type { TimeWindow } from "./window.ts";

/** What a function of whole windows may ask; valid during the call. */
export interface ProcessWindowContext {
  readonly window: TimeWindow;
  /** START_OF_TIME_MS before the first watermark, END_OF_TIME_MS once the input has ended. */
  readonly currentWatermarkMs: number;
  readonly currentProcessingTimeMs: number;
  readonly runtime: RuntimeContext;
  /**
   * State of the key and window, for windows that fire several times; what is left when the window closes is cleared.
   * @throws {PlanError} WINDOW_STATE_MERGING for windows that merge
   */
  readonly windowState: StateAccess;
  /** State of the key, over all its windows. */
  readonly globalState: StateAccess;
  /** Puts a row in a side output. @throws {EvaluationError} SIDE_OUTPUT_UNKNOWN */
  output(tag: SideTag, row: object): void;
}

/** Gives the rows of a window's result; `key` is the value of a single key column, or an object of several. */
export type ProcessWindow<K = unknown> = (
  key: K,
  context: ProcessWindowContext,
  /** The window's own rows in the order in which they came, or the one result of reduce or aggregate: not to be changed. */
  rows: readonly Row[],
) => Iterable<object>;

export interface ProcessWindowFunction<K = unknown> extends FunctionLife {
  process: ProcessWindow<K>;
  /** The window closes: the last chance to look at its state. */
  clear?(context: ProcessWindowContext): void;
}

/** Aggregates rows one by one. An accumulator may be changed and returned. */
export interface WindowAggregateFunction<A = unknown, R = unknown> extends FunctionLife {
  createAccumulator(): A;
  /** `row` is a view that is valid during the call. */
  add(accumulator: A, row: Row): A;
  /** Leaves the accumulator as it is: the window may fire again. A row of the result, or what `process` gets as its one row. */
  getResult(accumulator: A): R;
  merge(left: A, right: A): A;
  /** What checkpoints store accumulators as; without it accumulators are plain data (see `plainText`). */
  readonly accumulatorType?: DataType;
}

type Process = ProcessWindow | ProcessWindowFunction;

/** What a window does with its rows. The results of reduce alone are rows of the input's columns. */
export type WindowCalculation =
  | { readonly kind: "reduce"; readonly reduce: ReduceFunction | ReduceRichFunction; readonly process?: Process }
  | { readonly kind: "aggregate"; readonly aggregate: WindowAggregateFunction; readonly process?: Process }
  | { readonly kind: "process"; readonly process: Process };

/** A function of key, window and rows alone, as a function of whole windows. */
export const applyWindow =
  <K>(apply: (key: K, window: TimeWindow, rows: readonly Row[]) => Iterable<object>): ProcessWindow<K> =>
  (key, context, rows) =>
    apply(key, context.window, rows);
