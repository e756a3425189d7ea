import type {
  BroadcastReadContext,
  BroadcastTimerContext,
  BroadcastWriteContext,
  ElementFunction,
  KeyedBroadcastReadContext,
  KeyedBroadcastWriteContext,
  ProcessLife,
  TimerFunction,
} from "../process/contexts.ts";
import { type ProcessOptions, ProcessRows } from "../process/process-rows.ts";
import type { Schema } from "../schema.ts";
import type { KeyedInput } from "./co-process.ts";
import type { KeyedProcessOptions } from "./keyed-process.ts";

/** A function over a stream and one that is broadcast beside it: rules, prices, models. */
export interface BroadcastProcessFunction extends ProcessLife {
  processElement: ElementFunction<BroadcastReadContext>;
  /** Every subtask gets every element, and must do the same to the broadcast state for it. */
  processBroadcastElement: ElementFunction<BroadcastWriteContext>;
}

/** The same over a keyed stream, with state and timers per key. */
export interface KeyedBroadcastProcessFunction<K = unknown> extends ProcessLife {
  processElement: ElementFunction<KeyedBroadcastReadContext<K>>;
  processBroadcastElement: ElementFunction<KeyedBroadcastWriteContext<K>>;
  onTimer?: TimerFunction<BroadcastTimerContext<K>>;
}

/** Input 0 is the stream, input 1 what is broadcast; the contract is that of `ProcessRows`. */
export class BroadcastProcess extends ProcessRows {
  constructor(
    given: BroadcastProcessFunction,
    main: Schema,
    broadcast: Schema,
    options: Omit<ProcessOptions, "state">,
  ) {
    super(
      given,
      [
        { schema: main, method: "processElement" },
        { schema: broadcast, method: "processBroadcastElement", isBroadcast: true },
      ],
      options,
    );
  }
}

/** Input 0 is the keyed stream, input 1 what is broadcast; the contract is that of `ProcessRows`. */
export class KeyedBroadcastProcess extends ProcessRows {
  /** @throws {PlanError} COLUMN_UNKNOWN */
  constructor(
    given: KeyedBroadcastProcessFunction<never>,
    main: KeyedInput,
    broadcast: Schema,
    options: KeyedProcessOptions,
  ) {
    super(
      given,
      [
        { ...main, method: "processElement" },
        { schema: broadcast, method: "processBroadcastElement", isBroadcast: true },
      ],
      options,
    );
  }
}
