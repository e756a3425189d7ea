import type { RowKind } from "../batch.ts";
import type { Row } from "../rows/row-view.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import type { ListStateDescriptor, MapStateDescriptor, StateDescriptor, TimeDomain } from "../state/descriptors.ts";
import type { ListState, MapState, StateAccess, StateOf } from "../state/keyed-state.ts";
import type { ReadOnlyMapState } from "../state/operator-state.ts";
import type { ValueOf } from "../types.ts";

/** A side output by its name, or by a tag that has it. */
export type SideTag = string | { readonly name: string };

/** What every process function may ask about the row or timer at hand; valid during the call. */
export interface ElementContext {
  /** Event time of the row; of a timer, the time it was registered for. @throws {EvaluationError} EVENT_TIME_MISSING */
  readonly timestampMs: number;
  /** START_OF_TIME_MS before the first watermark, END_OF_TIME_MS once the input has ended. */
  readonly currentWatermarkMs: number;
  readonly currentProcessingTimeMs: number;
  /** No row comes any more; timers that are left fire now. */
  readonly isEndOfInput: boolean;
  /** What the row does in a changelog; insert unless the function takes updates. */
  readonly rowKind: RowKind;
  readonly runtime: RuntimeContext;
  /** Puts a row in a side output. @throws {EvaluationError} SIDE_OUTPUT_UNKNOWN */
  output(tag: SideTag, row: object): void;
}

/** Timers of the key at hand: at most one per time, which calls onTimer once. */
export interface TimerService {
  registerEventTime(timeMs: number): void;
  registerProcessingTime(timeMs: number): void;
  /** Nothing happens where there is no such timer. */
  deleteEventTime(timeMs: number): void;
  deleteProcessingTime(timeMs: number): void;
}

export interface KeyedContext<K = unknown> extends ElementContext {
  /** The value of a single key column; of several, an object of them. */
  readonly key: K;
  readonly timers: TimerService;
  /** State of the key at hand. */
  readonly state: StateAccess;
}

export interface TimerContext<K = unknown> extends KeyedContext<K> {
  readonly timeDomain: TimeDomain;
}

/** Broadcast state beside the main input: to read. */
export type BroadcastReadAccess = <D extends MapStateDescriptor>(
  descriptor: D,
) => D extends MapStateDescriptor<infer K, infer V> ? ReadOnlyMapState<ValueOf<K>, ValueOf<V>> : never;

export interface BroadcastReadContext extends ElementContext {
  readonly broadcastState: BroadcastReadAccess;
}

export interface KeyedBroadcastReadContext<K = unknown> extends KeyedContext<K> {
  readonly broadcastState: BroadcastReadAccess;
}

export interface BroadcastTimerContext<K = unknown> extends TimerContext<K> {
  readonly broadcastState: BroadcastReadAccess;
}

/** For a broadcast element, which every subtask gets: what it does to broadcast state must be the same in each. */
export interface BroadcastWriteContext extends ElementContext {
  readonly broadcastState: <D extends MapStateDescriptor>(
    descriptor: D,
  ) => D extends MapStateDescriptor<infer K, infer V> ? MapState<ValueOf<K>, ValueOf<V>> : never;
}

export interface KeyedBroadcastWriteContext<K = unknown> extends BroadcastWriteContext {
  /** Calls back for every key of this subtask that has something in the state, in no promised order. */
  applyToKeyedState<D extends StateDescriptor>(descriptor: D, apply: (state: StateOf<D>, key: K) => void): void;
}

/** What `open` of a process function gets. Keyed state can be asked for there, and used once a row is processed. */
export interface StatefulRuntimeContext extends RuntimeContext {
  readonly state: StateAccess;
  /** State of the subtask: a restored job spreads the elements evenly over its subtasks. */
  operatorListState<D extends ListStateDescriptor>(
    descriptor: D,
  ): D extends ListStateDescriptor<infer T> ? ListState<ValueOf<T>> : never;
  /** State of the subtask: each subtask of a restored job gets the elements of all. */
  unionListState<D extends ListStateDescriptor>(
    descriptor: D,
  ): D extends ListStateDescriptor<infer T> ? ListState<ValueOf<T>> : never;
  readonly broadcastState: BroadcastReadAccess;
}

/** A process function may be opened before the first row of a subtask, and closed behind the last one. */
export interface ProcessLife {
  open?(context: StatefulRuntimeContext): void;
  close?(): void;
}

export type ElementFunction<C> = (row: Row, context: C, out: { collect(row: object): void }) => void;
export type TimerFunction<C> = (timestampMs: number, context: C, out: { collect(row: object): void }) => void;
