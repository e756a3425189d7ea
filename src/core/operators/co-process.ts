import type {
  ElementContext,
  ElementFunction,
  KeyedContext,
  ProcessLife,
  TimerContext,
  TimerFunction,
} from "../process/contexts.ts";
import { type ProcessOptions, ProcessRows } from "../process/process-rows.ts";
import type { Schema } from "../schema.ts";
import type { KeyedProcessOptions } from "./keyed-process.ts";

/** A function over the rows of two streams without keys. */
export interface CoProcessFunction extends ProcessLife {
  processElement1: ElementFunction<ElementContext>;
  processElement2: ElementFunction<ElementContext>;
}

/** A function over the rows of two streams of one key: both sides see the same state and timers. */
export interface KeyedCoProcessFunction<K = unknown> extends ProcessLife {
  processElement1: ElementFunction<KeyedContext<K>>;
  processElement2: ElementFunction<KeyedContext<K>>;
  onTimer?: TimerFunction<TimerContext<K>>;
}

/** A `CoProcessFunction` over two inputs; the contract is that of `ProcessRows`. */
export class CoProcess extends ProcessRows {
  constructor(given: CoProcessFunction, first: Schema, second: Schema, options: Omit<ProcessOptions, "state">) {
    super(
      given,
      [
        { schema: first, method: "processElement1" },
        { schema: second, method: "processElement2" },
      ],
      options,
    );
  }
}

/** One input of an operator whose inputs have keys of the same types. */
export interface KeyedInput {
  readonly schema: Schema;
  readonly keys: readonly string[];
}

/** A `KeyedCoProcessFunction` over two inputs, each partitioned by its keys; the contract is that of `ProcessRows`. */
export class KeyedCoProcess extends ProcessRows {
  /** @throws {PlanError} COLUMN_UNKNOWN, KEY_TYPES_DIFFER */
  constructor(
    given: KeyedCoProcessFunction<never>,
    first: KeyedInput,
    second: KeyedInput,
    options: KeyedProcessOptions,
  ) {
    super(
      given,
      [
        { ...first, method: "processElement1" },
        { ...second, method: "processElement2" },
      ],
      options,
    );
  }
}
