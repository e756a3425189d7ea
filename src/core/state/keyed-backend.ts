import type { KeyGroupRange } from "../key-group.ts";
import type { OperatorContext } from "../operator.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { StateDescriptor } from "./descriptors.ts";
import type { StateOf } from "./keyed-state.ts";
import type { KeyColumns, StateKey } from "./state-key.ts";

/** Whose state it is, and what backends need that keep it elsewhere than in memory. */
export type StateSite = Pick<
  OperatorContext,
  "host" | "jobId" | "operatorId" | "subtask" | "spillDirectory" | "count" | "memorySharers"
>;

/** The clocks by which state ages. */
export interface StateClock {
  processingTimeMs(): number;
  /** Of the row or timer at hand. @throws {EvaluationError} EVENT_TIME_MISSING */
  eventTimeMs(): number;
  /** START_OF_TIME_MS before the first watermark. */
  watermarkMs(): number;
}

export interface KeyedStateOptions {
  readonly workspace: Workspace;
  readonly site: StateSite;
  readonly keys: KeyColumns;
  readonly keyGroups: KeyGroupRange;
  readonly clock: StateClock;
  /** Of namespaces, where states are kept per key and namespace (a window, say). */
  readonly namespaceType?: DataType;
}

/**
 * Keyed state of one operator and subtask. States act on the key at hand, those with a namespace on the namespace at
 * hand too. Snapshots are tables "<kind>:<name>" with the columns keyGroup, key.<column>..., [namespace], [mapKey],
 * value, [updatedAtMs]; a list has a row per element, a map one per entry.
 */
export interface KeyedStateBackend {
  /** From now on states mean this key; without one, using them throws STATE_WITHOUT_KEY. */
  setKey(key: StateKey | undefined): void;
  /** And this namespace, of the type of the options. */
  setNamespace(namespace: unknown): void;
  /**
   * The state of a descriptor, the same for the same name. What a restored snapshot has of it is there at once.
   * @throws {PlanError} STATE_CONFLICT for another descriptor of the same name, STATE_INCOMPATIBLE
   */
  state<D extends StateDescriptor>(descriptor: D): StateOf<D>;
  stateInNamespace<D extends StateDescriptor>(descriptor: D): StateOf<D>;
  /** Calls `visit` with each key that has something in that state, as the key at hand; it may change the key's state. */
  forEachKey(name: string, visit: (key: StateKey) => void): void;
  /** What the state has for a key now, as plain values (a map as pairs); null where nothing. The key at hand stays. */
  get(name: string, key: StateKey): unknown;
  /** Frees some of what has expired: about `steps` values are looked at. */
  cleanUp(steps: number): void;
  /** Keys that have state; a measure of its size. */
  readonly keyCount: number;
  /** About how many bytes state and keys take, by an estimate that costs the same however many there are. */
  readonly memoryBytes: number;
  snapshot(writer: SnapshotWriter): void;
  /** Before the first key. States that nobody has asked for yet are kept for later. */
  restore(reader: SnapshotReader): void;
  close(): void;
}

/** Makes the backend of an operator's subtask; what the API passes to operators with state. */
export type KeyedStateFactory = (options: KeyedStateOptions) => KeyedStateBackend;
