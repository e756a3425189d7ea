import { PlanError } from "../core/errors.ts";
import type { ResultShape } from "../core/operators/map-rows.ts";
import { WindowFunctionOperator, type WindowFunctionSpec } from "../core/operators/window-function.ts";
import type { Row } from "../core/rows/row-view.ts";
import type { RuntimeContext } from "../core/rows/runtime-context.ts";
import type { FunctionLife, FunctionSite } from "../core/rows/user-function.ts";
import { Schema } from "../core/schema.ts";
import type { KeyedStateFactory } from "../core/state/keyed-backend.ts";
import type { DataType, Fields } from "../core/types.ts";
import type { TimeWindow } from "../core/windows/window.ts";
import {
  applyWindow,
  type ProcessWindow,
  type ProcessWindowContext,
  type ProcessWindowFunction as ProcessWindowObject,
  type WindowAggregateFunction,
  type WindowCalculation,
} from "../core/windows/window-calculation.ts";
import { checkedTags, type OutputTag } from "./output-tag.ts";
import type { KeyOf } from "./process-functions.ts";
import { checkFunction, type StreamFunction } from "./stream-functions.ts";

// Functions of windows as the API types them, and how they become operators.

/** Aggregates the rows of a window one by one. An accumulator may be changed and returned. */
export interface AggregateFunction<T, A, R> extends FunctionLife {
  createAccumulator(): A;
  /** `row` is a view that is valid during the call. */
  add(accumulator: A, row: T): A;
  /** Leaves the accumulator as it is: the window may fire again. */
  getResult(accumulator: A): R;
  /** Of windows that merge. */
  merge(left: A, right: A): A;
  /** What checkpoints store accumulators as; without it they are plain data: numbers, texts, Dates, arrays, Maps, objects. */
  readonly accumulatorType?: DataType;
}

/** Makes one row of two. Compared like a method, so that a stream passes where one of fewer columns is wanted. */
type Reduce<T> = { reduce(left: T, right: T, context: RuntimeContext): T }["reduce"];
export type WindowReduce<T> = Reduce<T> | (FunctionLife & { reduce(left: T, right: T, context: RuntimeContext): T });

/** The key of a window: its value, of several key columns an object of them, of windows over all rows undefined. */
export type WindowKey<F extends Fields, K extends string> = [K] extends [never] ? undefined : KeyOf<F, K>;

/**
 * Gives the rows of a window's result; `rows` are the window's in the order in which they came, or the one that reduce
 * or aggregate has made of them.
 */
export type ProcessWindowFunction<Key, T, R> =
  | ((key: Key, context: ProcessWindowContext, rows: readonly T[]) => Iterable<R>)
  | (FunctionLife & {
      process(key: Key, context: ProcessWindowContext, rows: readonly T[]): Iterable<R>;
      /** The window closes: the last chance to look at its state. */
      clear?(context: ProcessWindowContext): void;
    });

/** Gives the rows of a window's result. */
export type WindowFunction<Key, T, R> = (key: Key, window: TimeWindow, rows: readonly T[]) => Iterable<R>;

export interface WindowFunctionOptions {
  /** Columns of the result. Left out, they are inferred from the first windows, where the source can be read twice. */
  readonly schema?: Schema;
  /** For errors and explain. */
  readonly name?: string;
  /** Tags that a process function gives to `context.output`. */
  readonly sideOutputs?: readonly OutputTag[];
}

export const WINDOW_FUNCTION_OPTIONS = ["schema", "name", "sideOutputs"];

/** What the API was given, before it is told apart. */
export type GivenReduce = WindowReduce<Row>;
export type GivenProcess = ProcessWindowFunction<never, Row, object>;
export type GivenAggregate = AggregateFunction<Row, unknown, unknown>;

/** @throws {PlanError} FUNCTION_INVALID */
export function reduceCalculation(reduce: GivenReduce, whole?: GivenProcess): WindowCalculation {
  checkFunction({ method: "reduce", fn: reduce });
  return { kind: "reduce", reduce: reduce as never, ...processOf(whole) };
}

/** @throws {PlanError} FUNCTION_INVALID */
export function aggregateCalculation(aggregate: GivenAggregate, whole?: GivenProcess): WindowCalculation {
  for (const method of ["createAccumulator", "add", "getResult", "merge"]) checkFunction({ method, fn: aggregate });
  return { kind: "aggregate", aggregate: aggregate as WindowAggregateFunction, ...processOf(whole) };
}

/** @throws {PlanError} FUNCTION_INVALID */
export function processCalculation(whole: GivenProcess): WindowCalculation {
  checkFunction({ method: "process", fn: whole });
  return { kind: "process", process: whole as ProcessWindow };
}

/** @throws {PlanError} FUNCTION_INVALID */
export function applyCalculation(apply: WindowFunction<never, Row, object>): WindowCalculation {
  checkFunction({ method: "apply", fn: apply });
  return { kind: "process", process: applyWindow(apply as WindowFunction<unknown, Row, object>) };
}

/** Whether the second argument of reduce and aggregate is a function, not options. */
export const isProcess = (given: unknown): given is GivenProcess =>
  typeof given === "function" || (typeof given === "object" && given !== null && "process" in given);

const processOf = (whole: GivenProcess | undefined) => {
  if (whole === undefined) return {};
  checkFunction({ method: "process", fn: whole });
  return { process: whole as ProcessWindow };
};

/** The step that runs a function of windows. */
export function windowFunction(
  method: string,
  spec: WindowFunctionSpec,
  { sideOutputs = [] }: WindowFunctionOptions,
  state: KeyedStateFactory,
): StreamFunction {
  const sides = Object.fromEntries(
    checkedTags(method, sideOutputs).map(({ name, schema }): [string, ResultShape] => [
      name,
      { schema: checkedSchema(method, name, schema) },
    ]),
  );
  const make = (calculation: WindowCalculation, input: Schema, shape: ResultShape, site: FunctionSite) =>
    new WindowFunctionOperator({ ...spec, calculation }, input, {
      shape,
      sideOutputs: sides,
      site,
      state,
    });
  return {
    method,
    // What was given is checked by now.
    fn: () => undefined,
    returns: "rows",
    make: ([input], shape, site) => make(spec.calculation, input, shape, site),
    probe: ([input], keep, shape, site) => make(watched(spec.calculation, keep), input, shape, site),
    ...(spec.calculation.kind === "reduce" && spec.calculation.process === undefined
      ? { schemaOf: ([input]: readonly Schema[]) => input }
      : {}),
  };
}

/** The same calculation, whose rows go to `keep` and nowhere else. */
function watched(calculation: WindowCalculation, keep: (row: unknown) => void): WindowCalculation {
  const { process: given } = calculation;
  if (given === undefined) {
    return { ...calculation, process: (_key, _context, [row]) => kept([row], keep) } as WindowCalculation;
  }
  const whole: ProcessWindowObject = typeof given === "function" ? { process: given } : given;
  return {
    ...calculation,
    process: {
      open: (context) => whole.open?.(context),
      process: (key, context, rows) => kept(whole.process(key, context, rows), keep),
      clear: (context) => whole.clear?.(context),
      close: () => whole.close?.(),
    },
  } as WindowCalculation;
}

function kept(rows: Iterable<unknown>, keep: (row: unknown) => void): object[] {
  for (const row of rows) keep(row);
  return [];
}

function checkedSchema(method: string, tag: string, schema: unknown): Schema {
  if (schema instanceof Schema) return schema;
  throw new PlanError(
    "SCHEMA_MISSING",
    `The side output "${tag}" of ${method} has no schema.`,
    'Give tags such as new OutputTag("late", Schema.of({ id: types.int64 })).',
  );
}
