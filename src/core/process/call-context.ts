import { RowKind } from "../batch.ts";
import { EvaluationError, PlanError } from "../errors.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import type { ListStateDescriptor, MapStateDescriptor, StateDescriptor, TimeDomain } from "../state/descriptors.ts";
import type { KeyedStateBackend } from "../state/keyed-backend.ts";
import type { StateAccess, StateOf } from "../state/keyed-state.ts";
import type { OperatorStates } from "../state/operator-state.ts";
import type { StateKey } from "../state/state-key.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";
import type { KeyedTimers } from "../timers/keyed-timers.ts";
import type { SideTag, StatefulRuntimeContext, TimerContext, TimerService } from "./contexts.ts";
import type { TimedRows } from "./timed-rows.ts";

/** What an operator of process functions has; a part that it lacks is undefined. */
export interface ProcessParts {
  readonly where: string;
  readonly nowMs: () => number;
  readonly backend: KeyedStateBackend | undefined;
  readonly eventTimers: KeyedTimers | undefined;
  readonly processingTimers: KeyedTimers | undefined;
  readonly states: OperatorStates;
  readonly sides: ReadonlyMap<string, TimedRows>;
  /** Names of the key columns. */
  readonly keyNames: readonly string[];
  readonly hasOnTimer: boolean;
}

/**
 * The one object that all calls of an operator's functions get as their context: the operator sets what is at hand, the
 * types of src/core/process/contexts.ts say which functions may use what.
 */
export class CallContext implements TimerContext {
  readonly timers: TimerService;
  readonly state: StateAccess;
  readonly broadcastState: (descriptor: MapStateDescriptor) => never;
  readonly #parts: ProcessParts;
  runtime!: RuntimeContext;
  currentWatermarkMs = START_OF_TIME_MS;
  rowKind: RowKind = RowKind.insert;
  timeDomain: TimeDomain = "event";
  /** NaN where the row has none. */
  timeMs = Number.NaN;
  /** Greatest event time of a row so far. */
  lastRowMs = START_OF_TIME_MS;
  stateKey: StateKey | undefined;
  /** Broadcast elements may write broadcast state. */
  isBroadcast = false;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    this.timers = this.#timerService();
    this.state = (descriptor) => this.#backend().state(descriptor);
    this.broadcastState = (descriptor) => {
      const state = parts.states.broadcast(descriptor);
      return (this.isBroadcast ? state : state.readOnly) as never;
    };
  }

  get timestampMs(): number {
    if (!Number.isNaN(this.timeMs)) return this.timeMs;
    throw eventTimeMissing(this.#parts.where);
  }

  /** For state that ages in event time. A timer of processing time has none: the newest one known stands in. */
  get eventTimeMs(): number {
    if (this.timeDomain === "processing") return Math.max(this.lastRowMs, this.#finiteWatermarkMs);
    return this.timestampMs;
  }

  get currentProcessingTimeMs(): number {
    return this.#parts.nowMs();
  }

  get isEndOfInput(): boolean {
    return this.currentWatermarkMs >= END_OF_TIME_MS;
  }

  get key(): unknown {
    const { stateKey } = this;
    const { keyNames } = this.#parts;
    if (stateKey === undefined) throw keyMissing(this.#parts.where);
    return keyObject(keyNames, stateKey);
  }

  output(tag: SideTag, row: object): void {
    const name = typeof tag === "string" ? tag : tag.name;
    const side = this.#parts.sides.get(name);
    if (side === undefined) throw this.#sideUnknown(name);
    side.timeMs = this.timeMs;
    side.collect(row);
  }

  applyToKeyedState<D extends StateDescriptor>(descriptor: D, apply: (state: StateOf<D>, key: unknown) => void): void {
    const backend = this.#backend();
    const state = backend.state(descriptor);
    backend.forEachKey(descriptor.name, (key) => apply(state, keyObject(this.#parts.keyNames, key)));
  }

  /** What `open` gets: the runtime context, and the means to declare state. */
  withState(runtime: RuntimeContext): StatefulRuntimeContext {
    const { states } = this.#parts;
    const { state, broadcastState } = this;
    return Object.assign(Object.create(runtime) as RuntimeContext, {
      state,
      broadcastState,
      operatorListState: (descriptor: ListStateDescriptor) => states.list(descriptor, "list"),
      unionListState: (descriptor: ListStateDescriptor) => states.list(descriptor, "union"),
    }) as StatefulRuntimeContext;
  }

  get #finiteWatermarkMs(): number {
    return this.isEndOfInput ? START_OF_TIME_MS : this.currentWatermarkMs;
  }

  #backend(): KeyedStateBackend {
    const { backend, where } = this.#parts;
    if (backend !== undefined) return backend;
    throw new PlanError(
      "STATE_NOT_KEYED",
      `${where} asks for keyed state, but its input has no key.`,
      "Put keyBy before it, or use operatorListState in open.",
    );
  }

  #timerService(): TimerService {
    const { eventTimers, processingTimers, where, hasOnTimer } = this.#parts;
    const call = (timers: KeyedTimers | undefined, method: "register" | "delete") => (timeMs: number) => {
      if (timers === undefined || this.stateKey === undefined) throw keyMissing(where);
      if (!hasOnTimer) {
        throw new PlanError(
          "TIMER_WITHOUT_FUNCTION",
          `${where} registers a timer but has no onTimer.`,
          "Add onTimer(timestampMs, context, out) to the function.",
        );
      }
      timers[method](this.stateKey, timeMs);
    };
    return {
      registerEventTime: call(eventTimers, "register"),
      registerProcessingTime: call(processingTimers, "register"),
      deleteEventTime: call(eventTimers, "delete"),
      deleteProcessingTime: call(processingTimers, "delete"),
    };
  }

  #sideUnknown(name: string): EvaluationError {
    const { sides, where } = this.#parts;
    const known = [...sides.keys()].map((other) => JSON.stringify(other)).join(", ");
    return new EvaluationError(
      "SIDE_OUTPUT_UNKNOWN",
      `${where} puts a row in the side output ${JSON.stringify(name)}, which it does not declare.`,
      `Its side outputs are ${known || "none"}: declare the tag with its schema where the function is added.`,
    );
  }
}

/** The value of a single key column, an object of several. */
export function keyObject(names: readonly string[], { values }: StateKey): unknown {
  if (names.length === 1) return values[0];
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}

export const eventTimeMissing = (where: string): EvaluationError =>
  new EvaluationError(
    "EVENT_TIME_MISSING",
    `${where} needs the event time of a row that has none.`,
    "Assign timestamps and watermarks at the source or before this step.",
  );

const keyMissing = (where: string): EvaluationError =>
  new EvaluationError(
    "STATE_WITHOUT_KEY",
    `${where} uses the key, or timers of it, where there is none.`,
    "Keys and timers belong to rows and timers of a keyed input.",
  );
