import type { Batch } from "../batch.ts";
import { EvaluationError } from "../errors.ts";
import type { Field } from "../schema.ts";
import type { SnapshotReader, SnapshotWriter, StateKind } from "../state-snapshot.ts";
import type { Workspace } from "../workspace.ts";
import type { ListStateDescriptor, MapStateDescriptor } from "./descriptors.ts";
import { evolveTable } from "./evolve-table.ts";
import { heapBytes, sampledBytes } from "./heap-size.ts";
import { incompatible } from "./incompatible.ts";
import { type KeyId, type KeyIdentity, keyIdentity } from "./key-identity.ts";
import type { ListState, MapState } from "./keyed-state.ts";
import { readStateTable, writeStateTable } from "./state-table.ts";
import { type StoredType, storedType } from "./stored-value.ts";

/** What may be read of broadcast state beside the stream that it was broadcast for. */
export type ReadOnlyMapState<K = unknown, V = unknown> = Pick<
  MapState<K, V>,
  "get" | "has" | "entries" | "keys" | "values" | "isEmpty"
>;

type OperatorKind = Exclude<StateKind, "keyed">;

const KINDS = ["list", "union", "broadcast"] as const;
/** How their tables are named, apart from those of keyed state. */
const TABLE_PREFIX: Readonly<Record<OperatorKind, string>> = {
  list: "operatorList",
  union: "operatorUnion",
  broadcast: "broadcast",
};

interface Registered {
  readonly kind: OperatorKind;
  readonly fields: readonly Field[];
  readonly state: OperatorList | BroadcastMap;
}

/**
 * State of an operator's subtask as a whole, without keys, in memory. Lists are spread over the subtasks of a restored
 * job ("list") or given to each of them whole ("union"); broadcast maps are the same in all subtasks.
 */
export class OperatorStates {
  readonly #workspace: Workspace;
  readonly #states = new Map<string, Registered>();
  /** Tables of a restored snapshot that nobody has asked for yet. */
  readonly #unclaimed = new Map<string, Batch[]>();
  /** What of a restored snapshot could not be taken over: whoever goes on all the same would lose it. */
  #refused: { readonly error: unknown } | undefined;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  list(descriptor: ListStateDescriptor, kind: "list" | "union"): ListState {
    return this.#register(`${TABLE_PREFIX[kind]}:${descriptor.name}`, () => ({
      kind,
      fields: [{ name: "value", type: descriptor.type }],
      state: new OperatorList(storedType(descriptor.type, `the operator state "${descriptor.name}"`)),
    })).state as OperatorList;
  }

  broadcast({ name, keyType, type }: MapStateDescriptor): BroadcastMap {
    return this.#register(`broadcast:${name}`, () => ({
      kind: "broadcast",
      fields: [
        { name: "mapKey", type: keyType },
        { name: "value", type },
      ],
      state: new BroadcastMap(
        storedType(keyType, `a key of the broadcast state "${name}"`),
        keyIdentity([keyType]),
        storedType(type, `the broadcast state "${name}"`),
      ),
    })).state as BroadcastMap;
  }

  /** About what the states take, by an estimate from some of their rows. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const { state } of this.#states.values()) bytes += sampledBytes(state.rows(), state.size, heapBytes);
    return bytes;
  }

  snapshot(writer: SnapshotWriter): void {
    if (this.#refused !== undefined) throw this.#refused.error;
    for (const [name, { kind, fields, state }] of this.#states) {
      writeStateTable(this.#workspace, writer, { name, kind, fields }, (add) => {
        for (const row of state.rows()) add(row);
      });
    }
    for (const [name, batches] of this.#unclaimed) {
      const kind = KINDS.find((one) => name.startsWith(`${TABLE_PREFIX[one]}:`));
      if (kind !== undefined) for (const batch of batches) writer.write(name, kind, batch.retain());
    }
  }

  restore(reader: SnapshotReader): void {
    for (const table of reader.tables) {
      if (!KINDS.some((kind) => table.startsWith(`${TABLE_PREFIX[kind]}:`))) continue;
      this.#unclaimed.set(table, [...reader.read(table, { fields: [], isPartial: true })]);
      const known = this.#states.get(table);
      if (known !== undefined) this.#claim(table, known);
    }
  }

  close(): void {
    for (const batches of this.#unclaimed.values()) for (const batch of batches) batch.release();
    this.#unclaimed.clear();
    this.#states.clear();
  }

  #register(table: string, create: () => Registered): Registered {
    const known = this.#states.get(table);
    if (known !== undefined) return known;
    if (this.#refused !== undefined) throw this.#refused.error;
    const registered = create();
    this.#claim(table, registered);
    this.#states.set(table, registered);
    return registered;
  }

  /** Gives a state what a restored snapshot has of it. @throws {PlanError} STATE_INCOMPATIBLE */
  #claim(table: string, { kind, fields, state }: Registered): void {
    const batches = this.#unclaimed.get(table) ?? [];
    this.#unclaimed.delete(table);
    const name = table.slice(table.indexOf(":") + 1);
    const names = fields.map((field) => field.name);
    try {
      if (batches.length === 0) this.#checkKind(name, kind);
      for (let stored = batches.shift(); stored !== undefined; stored = batches.shift()) {
        const batch = evolveTable(this.#workspace, stored, { fields }, { what: `The state "${name}"` });
        try {
          readStateTable(this.#workspace, batch, names, (values) => state.restore(values));
        } finally {
          batch.release();
        }
      }
    } catch (error) {
      this.#refused = { error };
      throw error;
    } finally {
      for (const left of batches) left.release();
    }
  }

  /** A name means one state: one of another kind is not begun anew beside what was kept. */
  #checkKind(name: string, kind: OperatorKind): void {
    const other = KINDS.find((each) => each !== kind && this.#unclaimed.has(`${TABLE_PREFIX[each]}:${name}`));
    if (other === undefined) return;
    throw incompatible(`The state "${name}" is a ${CALLED[kind]}, but a ${CALLED[other]} in the snapshot.`);
  }
}

const CALLED: Readonly<Record<OperatorKind, string>> = {
  list: "list state of the operator",
  union: "union list state",
  broadcast: "broadcast state",
};

class OperatorList implements ListState {
  readonly #stored: StoredType;
  #values: unknown[] = [];

  constructor(stored: StoredType) {
    this.#stored = stored;
  }

  get(): unknown[] {
    return this.#values.map(this.#stored.load);
  }

  add(value: unknown): void {
    this.#values.push(this.#stored.store(value));
  }

  addAll(values: Iterable<unknown>): void {
    for (const value of values) this.add(value);
  }

  set(values: Iterable<unknown>): void {
    this.#values = Array.from(values, (value) => this.#stored.store(value));
  }

  clear(): void {
    this.#values = [];
  }

  get size(): number {
    return this.#values.length;
  }

  *rows(): Generator<readonly unknown[], void, void> {
    for (const value of this.#values) yield [value];
  }

  restore([value]: readonly unknown[]): void {
    this.#values.push(value);
  }
}

export class BroadcastMap implements MapState {
  readonly #key: StoredType;
  readonly #identity: KeyIdentity;
  readonly #stored: StoredType;
  readonly #entries = new Map<KeyId, [key: unknown, value: unknown]>();
  /** What the main side of the operator gets: the same values, nothing to write with. */
  readonly readOnly: ReadOnlyMapState = {
    get: (key) => this.get(key),
    has: (key) => this.has(key),
    entries: () => this.entries(),
    keys: () => this.keys(),
    values: () => this.values(),
    isEmpty: false,
  };

  constructor(key: StoredType, identity: KeyIdentity, stored: StoredType) {
    this.#key = key;
    this.#identity = identity;
    this.#stored = stored;
    Object.defineProperty(this.readOnly, "isEmpty", { get: () => this.isEmpty });
  }

  get(key: unknown): unknown {
    const entry = this.#entries.get(this.#identity([this.#keyOf(key)]));
    return entry === undefined ? null : this.#stored.load(entry[1]);
  }

  has(key: unknown): boolean {
    return this.#entries.has(this.#identity([this.#keyOf(key)]));
  }

  set(key: unknown, value: unknown): void {
    const storedKey = this.#keyOf(key);
    const id = this.#identity([storedKey]);
    const entry = this.#entries.get(id);
    if (entry === undefined) this.#entries.set(id, [storedKey, this.#stored.store(value)]);
    else entry[1] = this.#stored.store(value);
  }

  delete(key: unknown): void {
    this.#entries.delete(this.#identity([this.#keyOf(key)]));
  }

  *entries(): Generator<[unknown, unknown], void, void> {
    for (const [key, value] of this.#entries.values()) yield [this.#key.load(key), this.#stored.load(value)];
  }

  *keys(): Generator<unknown, void, void> {
    for (const [key] of this.#entries.values()) yield this.#key.load(key);
  }

  *values(): Generator<unknown, void, void> {
    for (const [, value] of this.#entries.values()) yield this.#stored.load(value);
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  clear(): void {
    this.#entries.clear();
  }

  get size(): number {
    return this.#entries.size;
  }

  rows(): Iterable<readonly unknown[]> {
    return this.#entries.values();
  }

  restore([key, value]: readonly unknown[]): void {
    this.#entries.set(this.#identity([key]), [key, value]);
  }

  #keyOf(key: unknown): unknown {
    const stored = this.#key.store(key);
    if (stored !== null) return stored === 0 ? 0 : stored;
    throw new EvaluationError(
      "STATE_MAP_KEY_NULL",
      "A broadcast state was given null as a key.",
      "Use another value for what has no key.",
    );
  }
}
