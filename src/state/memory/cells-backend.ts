import type { Batch } from "../../core/batch.ts";
import { batchBytes } from "../../core/columns/size.ts";
import { PlanError } from "../../core/errors.ts";
import type { StateDescriptor, StateTtl } from "../../core/state/descriptors.ts";
import { evolveTable } from "../../core/state/evolve-table.ts";
import { incompatible } from "../../core/state/incompatible.ts";
import { keyIdentity } from "../../core/state/key-identity.ts";
import type { KeyedStateBackend, KeyedStateOptions } from "../../core/state/keyed-backend.ts";
import type { StateOf } from "../../core/state/keyed-state.ts";
import type { StateKey } from "../../core/state/state-key.ts";
import { keyedTable, keyFields } from "../../core/state/state-table.ts";
import { type StoredType, storedType } from "../../core/state/stored-value.ts";
import type { SnapshotReader, SnapshotWriter } from "../../core/state-snapshot.ts";
import { formatType } from "../../core/types.ts";
import type { CellState, StateParts } from "./cell-state.ts";
import { Expiry } from "./expiry.ts";
import { type KeyCells, KeySlot, type NamespaceCells, NamespaceSlot } from "./key-cells.ts";
import type { KeyEntry } from "./key-entry.ts";
import { MemoryListState } from "./list-state.ts";
import { MemoryMapState } from "./map-state.ts";
import { restoreRows } from "./restore-state.ts";
import { MemoryAggregatingState, MemoryReducingState, MemoryValueState } from "./single-value.ts";
import { isStateTable, type Registered, splitName, stateFields, tableName, UPDATED } from "./state-tables.ts";
import { canStayUnread, UnreadValues } from "./unread-values.ts";

/** Where the cells of a backend lie. */
export interface CellsStore {
  readonly cells: KeyCells;
  /** Restored values may stay in their columns until they are asked for. */
  readonly keepsColumns: boolean;
  /** A state is there from now on, as the first thing that is heard of it. */
  onState(registered: Registered): void;
  /** Writes the tables of all states. */
  write(states: readonly Registered[], writer: SnapshotWriter): void;
  close(): void;
}

/** Keyed state of all kinds, over cells that lie somewhere. */
export class CellsBackend implements KeyedStateBackend {
  readonly #options: KeyedStateOptions;
  readonly #store: CellsStore;
  readonly #cells: KeyCells;
  readonly #states = new Map<string, Registered>();
  /** Tables of a restored snapshot that no state has asked for yet. */
  readonly #unclaimed = new Map<string, Batch[]>();
  /** What of a restored snapshot could not be taken over: whoever goes on all the same would lose it. */
  #refused: { readonly error: unknown } | undefined;
  readonly #namespace: StoredType | undefined;
  readonly #namespaceId: ReturnType<typeof keyIdentity> | undefined;
  /** Of the snapshot. */
  #sweeping: Generator<void, void, void> | undefined;
  /** Some state has values that are still to be read: the entries that `#reading` has passed have none. */
  #hasUnread = false;
  #reading: Generator<KeyEntry, void, void> | undefined;

  constructor(options: KeyedStateOptions, store: CellsStore) {
    this.#options = options;
    this.#store = store;
    this.#cells = store.cells;
    const { namespaceType } = options;
    if (namespaceType === undefined) return;
    this.#namespace = storedType(namespaceType, "a namespace of state");
    this.#namespaceId = keyIdentity([namespaceType]);
  }

  get keyCount(): number {
    return this.#cells.count;
  }

  get memoryBytes(): number {
    let unclaimed = 0;
    for (const batches of this.#unclaimed.values()) {
      for (const batch of batches) unclaimed += batchBytes(this.#options.workspace, batch);
    }
    for (const { state } of this.#states.values()) unclaimed += state.unread?.memoryBytes ?? 0;
    return this.#cells.memoryBytes + unclaimed;
  }

  setKey(key: StateKey | undefined): void {
    this.#cells.setKey(key);
  }

  setNamespace(namespace: unknown): void {
    const stored = this.#namespace?.store(namespace);
    this.#cells.namespace = stored;
    this.#cells.namespaceId = this.#namespaceId?.([stored]) ?? null;
  }

  state<D extends StateDescriptor>(descriptor: D): StateOf<D> {
    return this.#register(descriptor, false) as unknown as StateOf<D>;
  }

  stateInNamespace<D extends StateDescriptor>(descriptor: D): StateOf<D> {
    return this.#register(descriptor, true) as unknown as StateOf<D>;
  }

  forEachKey(name: string, visit: (key: StateKey) => void): void {
    const { index } = this.#registered(name);
    const before = this.#cells.keyAtHand;
    try {
      for (const entry of this.#cells.present()) {
        if (entry.get(index) === undefined) continue;
        this.#cells.setKey(entry);
        visit(entry);
      }
    } finally {
      this.#cells.setKey(before);
    }
  }

  get(name: string, key: StateKey): unknown {
    const { index, state, isInNamespace } = this.#registered(name);
    const cell = this.#cells.find(key.keyGroup, key.id, key.values)?.get(index);
    if (cell === undefined) return null;
    if (!isInNamespace) return state.plain(cell);
    return [...(cell as NamespaceCells).values()].map((held) => [held.namespace, state.plain(held.cell)]);
  }

  cleanUp(steps: number): void {
    this.#readSome(steps);
    const expiring = [...this.#states.values()].filter(({ state }) => state.expiry !== undefined);
    if (expiring.length === 0) return;
    for (let step = 0; step < steps; step++) {
      this.#sweeping ??= this.#sweep(expiring);
      if (this.#sweeping.next().done !== true) continue;
      this.#sweeping = undefined; // all keys were visited: the rest of the steps is for the next time
      return;
    }
  }

  /** Restored values that nobody has asked for yet, so that their columns can go. */
  #readSome(steps: number): void {
    if (!this.#hasUnread) return;
    const unread = [...this.#states.values()].filter(({ state }) => state.unread?.isEmpty === false);
    this.#reading ??= this.#cells.entries();
    for (let step = 0; step < steps; step++) {
      const { value: entry, done } = this.#reading.next();
      if (done === true) {
        for (const { state } of unread) state.unread?.release();
        this.#hasUnread = false;
        this.#reading = undefined;
        return;
      }
      for (const { index, state } of unread) {
        const cell = entry.get(index);
        // Others would make room for what they do not have.
        if (typeof cell === "number") entry.set(index, state.unread?.valueOf(cell));
      }
    }
  }

  snapshot(writer: SnapshotWriter): void {
    if (this.#refused !== undefined) throw this.#refused.error;
    this.#store.write([...this.#states.values()], writer);
    for (const [table, batches] of this.#unclaimed) {
      for (const batch of batches) writer.write(table, "keyed", batch.retain());
    }
  }

  restore(reader: SnapshotReader): void {
    for (const table of reader.tables) {
      if (!isStateTable(table)) continue;
      this.#unclaimed.set(table, [
        ...reader.read(table, { ...keyedTable(keyFields(this.#options.keys.fields)), isPartial: true }),
      ]);
      const [, name] = splitName(table);
      const known = this.#states.get(name);
      if (known !== undefined) this.#claim(known);
    }
  }

  close(): void {
    for (const batches of this.#unclaimed.values()) for (const batch of batches) batch.release();
    this.#unclaimed.clear();
    this.#sweeping?.return();
    for (const { state } of this.#states.values()) state.unread?.release();
    this.#cells.close();
    this.#store.close();
  }

  #registered(name: string): Registered {
    const registered = this.#states.get(name);
    if (registered !== undefined) return registered;
    const known = [...this.#states.keys()].map((other) => JSON.stringify(other)).join(", ");
    throw new PlanError(
      "STATE_UNKNOWN",
      `This operator has no keyed state ${JSON.stringify(name)}.`,
      `Its states are ${known || "none so far: a state exists once the function has asked for it, best in open"}.`,
    );
  }

  #register(descriptor: StateDescriptor, isInNamespace: boolean): CellState {
    const { name } = descriptor;
    const known = this.#states.get(name);
    if (known !== undefined) {
      if (known.state.descriptor !== descriptor) checkSame(known.state.descriptor, descriptor);
      return known.state;
    }
    if (this.#refused !== undefined) throw this.#refused.error;
    const index = this.#states.size;
    const where = `the state "${name}"`;
    const parts: StateParts = {
      slot: isInNamespace ? new NamespaceSlot(this.#cells, index) : new KeySlot(this.#cells, index),
      stored: storedType(descriptor.type, where),
      expiry: descriptor.ttl === undefined ? undefined : new Expiry(descriptor.ttl, this.#options.clock),
      unread:
        this.#store.keepsColumns && descriptor.ttl === undefined && !isInNamespace && canStayUnread(descriptor.type)
          ? new UnreadValues(this.#options.workspace)
          : undefined,
    };
    const registered = { index, state: createState(descriptor, parts), isInNamespace };
    this.#store.onState(registered);
    try {
      this.#claim(registered);
    } catch (error) {
      this.#refused = { error };
      registered.state.unread?.release();
      throw error;
    }
    this.#states.set(name, registered);
    this.#sweeping?.return();
    this.#sweeping = undefined;
    return registered.state;
  }

  /** Gives a state what a restored snapshot has of it. */
  #claim(registered: Registered): void {
    const { descriptor, expiry } = registered.state;
    const { workspace } = this.#options;
    const own = tableName(descriptor);
    for (const table of this.#unclaimed.keys()) {
      const [kind, name] = splitName(table);
      if (name === descriptor.name && kind !== descriptor.kind) {
        throw incompatible(`The state "${name}" is a ${descriptor.kind} state, but a ${kind} state in the snapshot.`);
      }
    }
    const fields = stateFields(this.#options, registered).filter(({ name }) => name !== UPDATED.name);
    // A time to live that is new begins now, or where event time is not known yet never for what is not renewed.
    const unknownMs = expiry === undefined || descriptor.ttl?.timeDomain === "event" ? Number.NaN : expiry.nowMs();
    const restore = {
      options: this.#options,
      cells: this.#cells,
      registered,
      namespaceId: this.#namespaceId,
      unknownMs,
    };
    const expected = { fields, further: [UPDATED] };
    const evolving = { what: `The state "${descriptor.name}"` };
    const batches = this.#unclaimed.get(own) ?? [];
    this.#unclaimed.delete(own);
    try {
      for (let stored = batches.shift(); stored !== undefined; stored = batches.shift()) {
        const batch = evolveTable(workspace, stored, expected, evolving);
        try {
          restoreRows(restore, batch);
        } finally {
          batch.release();
        }
      }
    } finally {
      for (const left of batches) left.release();
    }
    if (registered.state.unread?.isEmpty === false) {
      this.#hasUnread = true;
      this.#reading = undefined;
    }
    this.#cells.setKey(this.#cells.keyAtHand); // which may have something only now
  }

  /** One pass over all keys, in steps. */
  *#sweep(expiring: readonly Registered[]): Generator<void, void, void> {
    for (const entry of this.#cells.entries()) {
      for (const { index, state, isInNamespace } of expiring) {
        const cell = entry.get(index);
        if (cell === undefined) continue;
        // Else what builds on a checkpoint would have what is freed again.
        const freed = () => {
          if (entry.get(index) === cell) this.#cells.touchIn(entry, index);
        };
        if (!isInNamespace) {
          const drop = () => {
            if (entry.get(index) === cell) this.#cells.setIn(entry, index, undefined);
          };
          yield* state.sweep(cell, drop, freed);
          continue;
        }
        const namespaces = cell as NamespaceCells;
        for (const [id, { cell: held }] of namespaces) {
          const drop = () => {
            if (namespaces.get(id)?.cell === held) namespaces.delete(id);
            if (namespaces.size > 0) freed();
            else if (entry.get(index) === namespaces) this.#cells.setIn(entry, index, undefined);
          };
          yield* state.sweep(held, drop, freed);
        }
      }
    }
  }
}

function createState(descriptor: StateDescriptor, parts: StateParts): CellState {
  switch (descriptor.kind) {
    case "value":
      return new MemoryValueState(descriptor, parts);
    case "list":
      return new MemoryListState(descriptor, parts);
    case "map": {
      const { keyType, name } = descriptor;
      const mapKey = { stored: storedType(keyType, `a key of the state "${name}"`), identity: keyIdentity([keyType]) };
      return new MemoryMapState(descriptor, { ...parts, mapKey });
    }
    case "reducing":
      return new MemoryReducingState(descriptor, parts);
    case "aggregating":
      return new MemoryAggregatingState(descriptor, parts);
  }
}

/** Two descriptors of one name are the same state, however often they are made. */
function checkSame(known: StateDescriptor, descriptor: StateDescriptor): void {
  const shape = (one: StateDescriptor) =>
    [one.kind, formatType(one.type), one.kind === "map" ? formatType(one.keyType) : "", ttlText(one.ttl)].join(" ");
  if (shape(known) === shape(descriptor)) return;
  throw new PlanError(
    "STATE_CONFLICT",
    `The state "${descriptor.name}" is declared twice: as ${shape(known)}, and as ${shape(descriptor)}.`,
    "Give one of them another name.",
  );
}

const ttlText = (ttl: StateTtl | undefined): string =>
  ttl === undefined
    ? ""
    : `ttl ${ttl.ttlMs} ms ${ttl.timeDomain ?? "processing"} ${ttl.updateOn ?? "create-and-write"} ${ttl.visibility ?? "never-expired"}`;
