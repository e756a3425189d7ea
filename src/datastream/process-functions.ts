import { PlanError } from "../core/errors.ts";
import type { ResultShape } from "../core/operators/map-rows.ts";
import type {
  BroadcastReadContext,
  BroadcastTimerContext,
  BroadcastWriteContext,
  ElementContext,
  KeyedBroadcastReadContext,
  KeyedBroadcastWriteContext,
  KeyedContext,
  ProcessLife,
  TimerContext,
} from "../core/process/contexts.ts";
import type { ProcessOptions as OperatorOptions } from "../core/process/process-rows.ts";
import type { FunctionSite } from "../core/rows/user-function.ts";
import { type RowOf, Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import { checkedTags, type OutputTag } from "./output-tag.ts";

// Process functions as the API types them: rows by their columns, keys by their values.

/** Takes the rows that a function gives. */
export interface Collector<O> {
  collect(row: O): void;
}

/** The value of a key: of several key columns, an object of them. */
export type KeyOf<F extends Fields, K extends string> =
  IsUnion<K> extends true ? { readonly [N in K]: RowOf<F>[N & keyof RowOf<F>] } : RowOf<F>[K & keyof RowOf<F>];
type IsUnion<T, U = T> = [T] extends [never] ? false : T extends unknown ? ([U] extends [T] ? false : true) : never;

export interface ProcessFunction<T, O> extends ProcessLife {
  processElement(row: T, context: ElementContext, out: Collector<O>): void;
}

/** A function with state and timers per key. */
export interface KeyedProcessFunction<Key, T, O> extends ProcessLife {
  processElement(row: T, context: KeyedContext<Key>, out: Collector<O>): void;
  /** A timer that was registered through `context.timers` has come. */
  onTimer?(timestampMs: number, context: TimerContext<Key>, out: Collector<O>): void;
}

export interface CoProcessFunction<L, R, O> extends ProcessLife {
  processElement1(row: L, context: ElementContext, out: Collector<O>): void;
  processElement2(row: R, context: ElementContext, out: Collector<O>): void;
}

/** Both sides see the same state and timers of a key. */
export interface KeyedCoProcessFunction<Key, L, R, O> extends ProcessLife {
  processElement1(row: L, context: KeyedContext<Key>, out: Collector<O>): void;
  processElement2(row: R, context: KeyedContext<Key>, out: Collector<O>): void;
  onTimer?(timestampMs: number, context: TimerContext<Key>, out: Collector<O>): void;
}

/** Every subtask gets every broadcast element, and must do the same to the broadcast state for it. */
export interface BroadcastProcessFunction<T, B, O> extends ProcessLife {
  processElement(row: T, context: BroadcastReadContext, out: Collector<O>): void;
  processBroadcastElement(row: B, context: BroadcastWriteContext, out: Collector<O>): void;
}

export interface KeyedBroadcastProcessFunction<Key, T, B, O> extends ProcessLife {
  processElement(row: T, context: KeyedBroadcastReadContext<Key>, out: Collector<O>): void;
  processBroadcastElement(row: B, context: KeyedBroadcastWriteContext<Key>, out: Collector<O>): void;
  onTimer?(timestampMs: number, context: BroadcastTimerContext<Key>, out: Collector<O>): void;
}

/** Options of a step that runs a process function. */
export interface ProcessOptions<O extends Fields> {
  /** Columns of the rows that the function collects. */
  readonly schema: Schema<O>;
  readonly name?: string;
  /** Tags that the function gives to `context.output`. */
  readonly sideOutputs?: readonly OutputTag[];
  /** The function looks at `context.rowKind`: without this, rows of a changelog are refused. */
  readonly acceptsUpdates?: boolean;
}

export const PROCESS_OPTIONS = ["schema", "name", "sideOutputs", "acceptsUpdates"];

/** The operator's options of a process function. @throws {PlanError} SCHEMA_MISSING */
export function operatorOptions(
  { schema, sideOutputs = [], acceptsUpdates = false }: ProcessOptions<Fields>,
  shape: ResultShape,
  site: FunctionSite,
): Omit<OperatorOptions, "state"> {
  if (!(schema instanceof Schema)) {
    throw new PlanError(
      "SCHEMA_MISSING",
      `The columns that ${site.name} gives are not declared.`,
      "Declare them with the option schema, for example { schema: Schema.of({ word: types.utf8 }) }.",
    );
  }
  const sides = checkedTags(site.name, sideOutputs).map(({ name, schema: columns }): [string, ResultShape] => [
    name,
    { schema: columns },
  ]);
  return { shape, sideOutputs: Object.fromEntries(sides), site, acceptsUpdates };
}
