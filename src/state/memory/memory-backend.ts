import type { Batch } from "../../core/batch.ts";
import { batchBytes } from "../../core/columns/size.ts";
import { PlanError } from "../../core/errors.ts";
import type { Field } from "../../core/schema.ts";
import type { StateDescriptor, StateTtl } from "../../core/state/descriptors.ts";
import { evolveTable } from "../../core/state/evolve-table.ts";
import { incompatible } from "../../core/state/incompatible.ts";
import { compareIds, keyIdentity } from "../../core/state/key-identity.ts";
import type { KeyedStateBackend, KeyedStateFactory, KeyedStateOptions } from "../../core/state/keyed-backend.ts";
import type { StateOf } from "../../core/state/keyed-state.ts";
import type { StateKey } from "../../core/state/state-key.ts";
import { keyedTable, keyFields, readStateTable, StateTableWriter } from "../../core/state/state-table.ts";
import { type StoredType, storedType } from "../../core/state/stored-value.ts";
import type { SnapshotReader, SnapshotWriter } from "../../core/state-snapshot.ts";
import { formatType, int64 } from "../../core/types.ts";
import type { CellState, StateParts } from "./cell-state.ts";
import { Expiry } from "./expiry.ts";
import { type Cell, KeyCells, type KeyEntry, KeySlot, type NamespaceCells, NamespaceSlot } from "./key-cells.ts";
import { MemoryListState } from "./list-state.ts";
import { MemoryMapState } from "./map-state.ts";
import { MemoryAggregatingState, MemoryReducingState, MemoryValueState } from "./single-value.ts";

/** A state with its place in the cells of each key. */
interface Registered {
  readonly index: number;
  readonly state: CellState;
  readonly isInNamespace: boolean;
}

/** Keyed state in JavaScript maps: as fast as state can be, and as large as the heap. */
export const memoryState: KeyedStateFactory = (options) => new MemoryBackend(options);

class MemoryBackend implements KeyedStateBackend {
  readonly #options: KeyedStateOptions;
  readonly #cells: KeyCells;
  readonly #states = new Map<string, Registered>();
  /** Tables of a restored snapshot that no state has asked for yet. */
  readonly #unclaimed = new Map<string, Batch[]>();
  readonly #namespace: StoredType | undefined;
  readonly #namespaceId: ReturnType<typeof keyIdentity> | undefined;
  /** Of the snapshot. */
  #renamed: Readonly<Record<string, string>> = {};
  #sweeping: Generator<void, void, void> | undefined;

  constructor(options: KeyedStateOptions) {
    this.#options = options;
    this.#cells = new KeyCells(options.keyGroups);
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
      for (const entry of this.#cells.entries()) {
        if (entry.cells[index] === undefined) continue;
        this.#cells.setKey(entry.key);
        visit(entry.key);
      }
    } finally {
      this.#cells.setKey(before);
    }
  }

  get(name: string, key: StateKey): unknown {
    const { index, state, isInNamespace } = this.#registered(name);
    const cell = this.#cells.find(key)?.cells[index];
    if (cell === undefined) return null;
    if (!isInNamespace) return state.plain(cell);
    return [...(cell as NamespaceCells).values()].map((held) => [held.namespace, state.plain(held.cell)]);
  }

  cleanUp(steps: number): void {
    const expiring = [...this.#states.values()].filter(({ state }) => state.expiry !== undefined);
    if (expiring.length === 0) return;
    for (let step = 0; step < steps; step++) {
      this.#sweeping ??= this.#sweep(expiring);
      if (this.#sweeping.next().done !== true) continue;
      this.#sweeping = undefined; // all keys were visited: the rest of the steps is for the next time
      return;
    }
  }

  snapshot(writer: SnapshotWriter): void {
    const { workspace } = this.#options;
    const tables = [...this.#states.values()].map((registered) => ({
      ...registered,
      table: new StateTableWriter(
        workspace,
        writer,
        tableName(registered.state.descriptor),
        "keyed",
        this.#fields(registered.state.descriptor, registered.isInNamespace),
      ),
    }));
    try {
      for (const entry of this.#cells.sortedEntries()) {
        for (const { index, state, isInNamespace, table } of tables) {
          const cell = entry.cells[index];
          if (cell === undefined) continue;
          if (!isInNamespace) writeCell(table, state, entry, [], cell);
          else {
            const held = [...(cell as NamespaceCells)].sort(([a], [b]) => compareIds(a, b));
            for (const [, { namespace, cell }] of held) writeCell(table, state, entry, [namespace], cell);
          }
        }
      }
      for (const { table } of tables) table.finish();
    } finally {
      for (const { table } of tables) table.close();
    }
    for (const [table, batches] of this.#unclaimed) {
      for (const batch of batches) writer.write(table, "keyed", batch.retain());
    }
  }

  restore(reader: SnapshotReader): void {
    this.#renamed = reader.renamed ?? {};
    for (const table of reader.tables) {
      if (!/^(value|list|map|reducing|aggregating):/.test(table)) continue;
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
    this.#cells.close();
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
    const index = this.#states.size;
    const where = `the state "${name}"`;
    const parts: StateParts = {
      slot: isInNamespace ? new NamespaceSlot(this.#cells, index) : new KeySlot(this.#cells, index),
      stored: storedType(descriptor.type, where),
      expiry: descriptor.ttl === undefined ? undefined : new Expiry(descriptor.ttl, this.#options.clock),
    };
    const registered = { index, state: createState(descriptor, parts), isInNamespace };
    this.#claim(registered);
    this.#states.set(name, registered);
    this.#sweeping = undefined;
    return registered.state;
  }

  /** Gives a state what a restored snapshot has of it. */
  #claim({ index, state, isInNamespace }: Registered): void {
    const { descriptor, expiry } = state;
    const { workspace, keys } = this.#options;
    const own = tableName(descriptor);
    for (const table of this.#unclaimed.keys()) {
      const [kind, name] = splitName(table);
      if (name === descriptor.name && kind !== descriptor.kind) {
        throw incompatible(`The state "${name}" is a ${descriptor.kind} state, but a ${kind} state in the snapshot.`);
      }
    }
    const batches = this.#unclaimed.get(own) ?? [];
    const fields = this.#fields(descriptor, isInNamespace).filter(({ name }) => name !== UPDATED.name);
    const names = [...fields.map(({ name }) => name), UPDATED.name];
    const at = (name: string) => names.indexOf(name);
    const [namespaceAt, mapKeyAt, valueAt] = [at("namespace"), at("mapKey"), at("value")];
    // A time to live that is new begins now, or where event time is not known yet never for what is not renewed.
    const unknownMs = expiry === undefined || descriptor.ttl?.timeDomain === "event" ? Number.NaN : expiry.nowMs();
    const expected = { fields, further: [UPDATED] };
    const options = { what: `The state "${descriptor.name}"`, renamed: this.#renamed };
    this.#unclaimed.delete(own);
    for (const [i, stored] of batches.entries()) {
      let batch: Batch;
      try {
        batch = evolveTable(workspace, stored, expected, options);
      } catch (thrown) {
        for (const left of batches.slice(i + 1)) left.release();
        throw thrown;
      }
      let entry: KeyEntry | undefined;
      try {
        readStateTable(workspace, batch, names, (values) => {
          const key = keys.restored(values[0] as number, values.slice(1, 1 + keys.fields.length));
          if (entry?.key.id !== key.id || entry.used === 0) entry = this.#cells.find(key);
          const updated = values[values.length - 1] as bigint | null | undefined;
          const row = {
            mapKey: mapKeyAt < 0 ? undefined : values[mapKeyAt],
            value: values[valueAt],
            updatedAtMs: expiry === undefined ? undefined : updated == null ? unknownMs : Number(updated),
          };
          entry = this.#restoreRow(
            entry,
            key,
            index,
            state,
            row,
            namespaceAt < 0 ? undefined : { at: values[namespaceAt] },
          );
        });
      } finally {
        batch.release();
      }
    }
    this.#cells.setKey(this.#cells.keyAtHand); // which may have something only now
  }

  #restoreRow(
    known: KeyEntry | undefined,
    key: StateKey,
    index: number,
    state: CellState,
    row: Parameters<CellState["restored"]>[1],
    namespace: { readonly at: unknown } | undefined,
  ): KeyEntry {
    const entry = known ?? this.#cells.add(key);
    if (namespace === undefined) this.#cells.setIn(entry, index, state.restored(entry.cells[index], row));
    else {
      const namespaces = (entry.cells[index] as NamespaceCells | undefined) ?? (new Map() as NamespaceCells);
      const id = this.#namespaceId?.([namespace.at]) ?? null;
      namespaces.set(id, { namespace: namespace.at, cell: state.restored(namespaces.get(id)?.cell, row) });
      this.#cells.setIn(entry, index, namespaces);
    }
    return entry;
  }

  #fields(descriptor: StateDescriptor, isInNamespace: boolean): Field[] {
    const { namespaceType, keys } = this.#options;
    const fields = keyFields(keys.fields);
    if (isInNamespace && namespaceType !== undefined) fields.push({ name: "namespace", type: namespaceType });
    if (descriptor.kind === "map") fields.push({ name: "mapKey", type: descriptor.keyType });
    fields.push({ name: "value", type: descriptor.type });
    if (descriptor.ttl !== undefined) fields.push(UPDATED);
    return fields;
  }

  /** One pass over all keys, in steps. */
  *#sweep(expiring: readonly Registered[]): Generator<void, void, void> {
    for (const entry of this.#cells.entries()) {
      for (const { index, state, isInNamespace } of expiring) {
        const cell = entry.cells[index];
        if (cell === undefined) continue;
        if (!isInNamespace) {
          yield* state.sweep(cell, () => {
            if (entry.cells[index] === cell) this.#cells.setIn(entry, index, undefined);
          });
          continue;
        }
        const namespaces = cell as NamespaceCells;
        for (const [id, { cell: held }] of namespaces) {
          yield* state.sweep(held, () => {
            if (namespaces.get(id)?.cell === held) namespaces.delete(id);
            if (namespaces.size === 0 && entry.cells[index] === namespaces) {
              this.#cells.setIn(entry, index, undefined);
            }
          });
        }
      }
    }
  }
}

const UPDATED = { name: "updatedAtMs", type: int64 } as const;

const tableName = ({ kind, name }: StateDescriptor): string => `${kind}:${name}`;

function splitName(table: string): [kind: string, name: string] {
  const at = table.indexOf(":");
  return [table.slice(0, at), table.slice(at + 1)];
}

function writeCell(
  table: StateTableWriter,
  state: CellState,
  { key }: KeyEntry,
  namespace: readonly unknown[],
  cell: Cell,
): void {
  const head = [key.keyGroup, ...key.values, ...namespace];
  const isMap = state.descriptor.kind === "map";
  for (const { mapKey, value, updatedAtMs } of state.rows(cell)) {
    const row = [...head];
    if (isMap) row.push(mapKey);
    row.push(value);
    if (state.expiry !== undefined) row.push(Number.isNaN(updatedAtMs) ? null : updatedAtMs);
    table.add(row);
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
