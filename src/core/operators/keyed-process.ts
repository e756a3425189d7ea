import type { ElementFunction, KeyedContext, ProcessLife, TimerContext, TimerFunction } from "../process/contexts.ts";
import { type ProcessOptions, ProcessRows } from "../process/process-rows.ts";
import type { Schema } from "../schema.ts";

/** What an operator with keyed state needs beside its function. */
export type KeyedProcessOptions = ProcessOptions & Required<Pick<ProcessOptions, "state">>;

/** A function over the rows of a keyed stream, with state and timers per key. */
export interface KeyedProcessFunction<K = unknown> extends ProcessLife {
  processElement: ElementFunction<KeyedContext<K>>;
  /** A timer that the function has registered has come. */
  onTimer?: TimerFunction<TimerContext<K>>;
}

/** A `KeyedProcessFunction` over one input, partitioned by its keys; the contract is that of `ProcessRows`. */
export class KeyedProcess extends ProcessRows {
  /** @throws {PlanError} COLUMN_UNKNOWN */
  constructor(
    given: KeyedProcessFunction<never>,
    inputSchema: Schema,
    keys: readonly string[],
    options: KeyedProcessOptions,
  ) {
    super(given, [{ schema: inputSchema, keys, method: "processElement" }], options);
  }
}
