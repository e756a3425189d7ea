import { EvaluationError, PlanError } from "../errors.ts";
import { keyObject } from "../process/call-context.ts";
import type { SideTag } from "../process/contexts.ts";
import type { TimedRows } from "../process/timed-rows.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import type { StateDescriptor } from "../state/descriptors.ts";
import type { KeyedStateBackend } from "../state/keyed-backend.ts";
import type { StateAccess, StateOf } from "../state/keyed-state.ts";
import type { OpenWindow } from "./open-windows.ts";
import type { TriggerTimers } from "./trigger-timers.ts";
import type { TimeWindow } from "./window.ts";
import type { ProcessWindowContext } from "./window-calculation.ts";

/** What an operator of windows has; a part that it lacks is undefined. */
export interface WindowParts {
  readonly where: string;
  readonly times: TriggerTimers;
  readonly backend: KeyedStateBackend | undefined;
  readonly sides: ReadonlyMap<string, TimedRows>;
  readonly keyNames: readonly string[];
  readonly isMerging: boolean;
}

/** The one object that all calls of a function of whole windows get; the operator sets the window at hand. */
export class WindowCall implements ProcessWindowContext {
  readonly windowState: StateAccess;
  readonly globalState: StateAccess;
  runtime!: RuntimeContext;
  readonly #parts: WindowParts;
  /** States of windows that were asked for, to clear them when a window closes. */
  readonly #windowStates = new Map<string, { clear(): void }>();
  #open: OpenWindow | undefined;

  constructor(parts: WindowParts) {
    this.#parts = parts;
    this.windowState = <D extends StateDescriptor>(descriptor: D): StateOf<D> => {
      if (parts.isMerging) throw merging(parts.where);
      const state = this.#backend().stateInNamespace(descriptor);
      this.#windowStates.set(descriptor.name, state);
      return state;
    };
    this.globalState = (descriptor) => this.#backend().state(descriptor);
  }

  /** The context for calls about a window. */
  of(open: OpenWindow): this {
    this.#open = open;
    const { backend } = this.#parts;
    backend?.setKey(open.owner.key);
    backend?.setNamespace(`${open.window.startMs}:${open.window.endMs}`);
    return this;
  }

  get window(): TimeWindow {
    return this.#atHand.window;
  }

  get currentWatermarkMs(): number {
    return this.#parts.times.currentWatermarkMs;
  }

  get currentProcessingTimeMs(): number {
    return this.#parts.times.currentProcessingTimeMs;
  }

  get key(): unknown {
    const { keyNames } = this.#parts;
    return keyNames.length === 0 ? undefined : keyObject(keyNames, this.#atHand.owner.key);
  }

  output(tag: SideTag, row: object): void {
    const { sides, where } = this.#parts;
    const name = typeof tag === "string" ? tag : tag.name;
    const side = sides.get(name);
    if (side !== undefined) {
      side.collect(row);
      return;
    }
    const known = [...sides.keys()].map((other) => JSON.stringify(other)).join(", ");
    throw new EvaluationError(
      "SIDE_OUTPUT_UNKNOWN",
      `${where} puts a row in the side output ${JSON.stringify(name)}, which it does not declare.`,
      `Its side outputs are ${known || "none"}: declare the tag with its schema where the function is added.`,
    );
  }

  /** Clears what the window at hand has of states that were asked for. */
  clearWindowStates(): void {
    for (const state of this.#windowStates.values()) state.clear();
  }

  get #atHand(): OpenWindow {
    if (this.#open !== undefined) return this.#open;
    throw new EvaluationError(
      "WINDOW_CONTEXT_STALE",
      `${this.#parts.where} used its context outside of a call.`,
      "Use the context during the call that it is passed to.",
    );
  }

  #backend(): KeyedStateBackend {
    const { backend, where } = this.#parts;
    if (backend !== undefined) return backend;
    throw new PlanError(
      "STATE_BACKEND_MISSING",
      `${where} asks for state, but has no state backend.`,
      "Pass a state backend where the function is added.",
    );
  }
}

const merging = (where: string): PlanError =>
  new PlanError(
    "WINDOW_STATE_MERGING",
    `${where} asks for state of a window that may be merged with others.`,
    "Use globalState, or keep what you need in the accumulator.",
  );
