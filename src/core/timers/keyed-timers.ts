import { describeValue } from "../describe-value.ts";
import { EvaluationError } from "../errors.ts";
import type { Field } from "../schema.ts";
import type { TimeDomain } from "../state/descriptors.ts";
import { compareIds, type KeyId, keyIdentity } from "../state/key-identity.ts";
import type { KeyColumns, StateKey } from "../state/state-key.ts";
import { checkStateSchema, keyedTable, keyFields, readStateTable, writeStateTable } from "../state/state-table.ts";
import { type StoredType, storedType } from "../state/stored-value.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import type { PendingTime } from "../time/pending-time.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";
import { type DataType, int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { compareTimers, type Timer, TimerHeap } from "./timer-heap.ts";

/** The timers of one key: one of them as it is, several by time and namespace. */
type TimersOfKey = Timer | Map<number | string, Timer>;

export interface KeyedTimersOptions {
  readonly workspace: Workspace;
  readonly keys: KeyColumns;
  readonly timeDomain: TimeDomain;
  readonly namespaceType?: DataType;
}

/** A timer with its key and its places in heap and map, roughly. */
const TIMER_BYTES = 200;

/** Below this, a heap is not worth cleaning. */
const COMPACT_SIZE = 64;

/** Timers that register each other so often behind the last row would do so for ever. */
const MOST_GENERATIONS = 1000;

/**
 * Timers of one operator and subtask in one time domain: at most one per key, namespace and time. They fire in the order
 * of time. A timer for a time that has come fires with the next advance of time.
 */
export class KeyedTimers {
  readonly #workspace: Workspace;
  readonly #keys: KeyColumns;
  readonly #timeDomain: TimeDomain;
  readonly #namespace: StoredType | undefined;
  readonly #namespaceId: ReturnType<typeof keyIdentity> | undefined;
  readonly #heap = new TimerHeap();
  readonly #byKey = new Map<KeyId, TimersOfKey>();
  /** Timers that are not gone. */
  size = 0;
  #firing: Timer | undefined;
  /** Behind which chains of timers are counted. */
  #lastRowMs = START_OF_TIME_MS;
  #isEnding = false;

  constructor({ workspace, keys, timeDomain, namespaceType }: KeyedTimersOptions) {
    this.#workspace = workspace;
    this.#keys = keys;
    this.#timeDomain = timeDomain;
    if (namespaceType === undefined) return;
    this.#namespace = storedType(namespaceType, "the namespace of a timer");
    this.#namespaceId = keyIdentity([namespaceType]);
  }

  /** @throws {EvaluationError} TIMER_TIME_INVALID, TIMERS_ENDLESS */
  register(key: StateKey, timeMs: number, namespace: unknown = null): void {
    if (this.#isEnding && this.#timeDomain === "processing") return;
    const stored = this.#namespace?.store(namespace) ?? null;
    const generation = this.#isEnding ? this.#nextGeneration() : 0;
    this.#add(key, checkTime(timeMs), stored, generation);
  }

  delete(key: StateKey, timeMs: number, namespace: unknown = null): void {
    const stored = this.#namespace?.store(namespace) ?? null;
    const timer = this.#find(key.id, checkTime(timeMs), this.#idOf(stored));
    if (timer === undefined) return;
    this.#remove(timer);
    // What was deleted stays in the heap until it is due, or until it is most of it.
    if (this.#heap.size > COMPACT_SIZE && this.size * 2 < this.#heap.size) this.#heap.compact();
  }

  /** About what the timers take. */
  get memoryBytes(): number {
    return this.size * TIMER_BYTES;
  }

  /** When the next timer fires; infinity where there is none. */
  get nextMs(): number {
    return this.#least()?.timeMs ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the next timer that is due at `nowMs`: it has then fired. */
  takeDue(nowMs: number): Timer | undefined {
    const timer = this.#least();
    if (timer === undefined || timer.timeMs > nowMs) return undefined;
    this.#heap.pop();
    this.#remove(timer);
    this.#firing = timer;
    return timer;
  }

  /**
   * No row comes any more. Timers of event time may still register others, in chains that are counted behind the last
   * row; processing time has stopped, so that nothing is registered in it any more.
   */
  startEnd(lastRowMs: number): void {
    this.#isEnding = true;
    this.#lastRowMs = lastRowMs;
  }

  /** The next few times, earliest first. */
  pendingTimes(what: string, count: number): PendingTime[] {
    const pending: PendingTime[] = [];
    const numbers = new Map<number, number>();
    for (const { timeMs } of this.#all()) numbers.set(timeMs, (numbers.get(timeMs) ?? 0) + 1);
    for (const atMs of [...numbers.keys()].sort((a, b) => a - b).slice(0, count)) {
      pending.push({ what, timeDomain: this.#timeDomain, atMs, count: numbers.get(atMs) ?? 0 });
    }
    return pending;
  }

  snapshot(writer: SnapshotWriter): void {
    const timers = [...this.#all()].sort(
      (a, b) => a.key.keyGroup - b.key.keyGroup || compareIds(a.key.id, b.key.id) || compareTimers(a, b),
    );
    const hasNamespace = this.#namespace !== undefined;
    writeStateTable(this.#workspace, writer, { name: this.#table, kind: "keyed", fields: this.#fields() }, (add) => {
      for (const { key, namespace, timeMs } of timers) {
        add([key.keyGroup, ...key.values, ...(hasNamespace ? [namespace] : []), timeMs]);
      }
    });
  }

  /** @throws {PlanError} STATE_INCOMPATIBLE */
  restore(reader: SnapshotReader): void {
    const fields = this.#fields();
    const names = fields.map(({ name }) => name);
    const namespaceAt = names.indexOf("namespace");
    for (const batch of reader.read(this.#table, keyedTable(fields))) {
      try {
        checkStateSchema(`The ${this.#timeDomain}-time timers`, batch.schema, fields);
        readStateTable(this.#workspace, batch, names, (values) => {
          const key = this.#keys.restored(values[0] as number, values.slice(1, 1 + this.#keys.fields.length));
          this.#add(key, Number(values[values.length - 1]), namespaceAt < 0 ? null : values[namespaceAt], 0);
        });
      } finally {
        batch.release();
      }
    }
  }

  close(): void {
    this.#heap.clear();
    this.#byKey.clear();
    this.size = 0;
  }

  get #table(): string {
    return `timers:${this.#timeDomain}`;
  }

  #fields(): Field[] {
    const fields = keyFields(this.#keys.fields);
    if (this.#namespace !== undefined) fields.push({ name: "namespace", type: this.#namespace.type });
    fields.push({ name: "timeMs", type: int64 });
    return fields;
  }

  #idOf(stored: unknown): KeyId {
    return this.#namespaceId?.([stored]) ?? null;
  }

  #add(key: StateKey, timeMs: number, namespace: unknown, generation: number): void {
    const namespaceId = this.#idOf(namespace);
    const held = this.#byKey.get(key.id);
    if (held !== undefined && this.#find(key.id, timeMs, namespaceId) !== undefined) return;
    const timer: Timer = { timeMs, key, namespace, namespaceId, isGone: false, generation };
    if (held === undefined) this.#byKey.set(key.id, timer);
    else if (held instanceof Map) held.set(this.#slotOf(timer), timer);
    else {
      this.#byKey.set(
        key.id,
        new Map([
          [this.#slotOf(held), held],
          [this.#slotOf(timer), timer],
        ]),
      );
    }
    this.#heap.push(timer);
    this.size++;
  }

  #find(id: KeyId, timeMs: number, namespaceId: KeyId): Timer | undefined {
    const held = this.#byKey.get(id);
    if (held === undefined) return undefined;
    if (held instanceof Map) return held.get(this.#slotOf({ timeMs, namespaceId }));
    return held.timeMs === timeMs && compareIds(held.namespaceId, namespaceId) === 0 ? held : undefined;
  }

  #slotOf({ timeMs, namespaceId }: Pick<Timer, "timeMs" | "namespaceId">): number | string {
    return namespaceId === null ? timeMs : `${timeMs}:${namespaceId}`;
  }

  #remove(timer: Timer): void {
    timer.isGone = true;
    this.size--;
    const held = this.#byKey.get(timer.key.id);
    if (!(held instanceof Map)) this.#byKey.delete(timer.key.id);
    else {
      held.delete(this.#slotOf(timer));
      if (held.size === 0) this.#byKey.delete(timer.key.id);
    }
  }

  #least(): Timer | undefined {
    let timer = this.#heap.peek();
    while (timer?.isGone) {
      this.#heap.pop();
      timer = this.#heap.peek();
    }
    return timer;
  }

  *#all(): Generator<Timer, void, void> {
    for (const held of this.#byKey.values()) {
      if (held instanceof Map) yield* held.values();
      else yield held;
    }
  }

  #nextGeneration(): number {
    const firing = this.#firing;
    if (firing === undefined || firing.timeMs <= this.#lastRowMs) return 0;
    const generation = firing.generation + 1;
    if (generation <= MOST_GENERATIONS) return generation;
    throw new EvaluationError(
      "TIMERS_ENDLESS",
      `The input has ended, and onTimer has registered a further timer ${MOST_GENERATIONS} times in a row since.`,
      "A timer that renews itself must stop at the end: register the next one only while context.isEndOfInput is false.",
    );
  }
}

/** Timers are of whole milliseconds. @throws {EvaluationError} TIMER_TIME_INVALID */
export function checkTime(timeMs: number): number {
  if (typeof timeMs === "number" && timeMs > START_OF_TIME_MS && timeMs <= END_OF_TIME_MS) return Math.ceil(timeMs);
  throw new EvaluationError(
    "TIMER_TIME_INVALID",
    `A timer was registered for the time ${describeValue(timeMs)}.`,
    "Give milliseconds since 1970 as a number.",
  );
}
