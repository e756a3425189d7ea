import { heapBytes } from "../../core/state/heap-size.ts";
import { type KeyIdentity, keyIdentity } from "../../core/state/key-identity.ts";
import type { KeyedStateOptions } from "../../core/state/keyed-backend.ts";
import type { CellRow } from "../memory/cell-state.ts";
import type { NamespaceCells } from "../memory/key-cells.ts";
import type { Cell } from "../memory/key-entry.ts";
import type { Registered } from "../memory/state-tables.ts";
import { type ByteSink, ByteSource } from "./bytes.ts";
import { DiskEntry } from "./disk-entry.ts";
import type { RecordView } from "./pages.ts";
import { keyCodec, type ValueCodec, valueCodec } from "./value-codec.ts";

/** A key's entry and its place in the cache, without values. */
const ENTRY_BYTES = 240;
const NEIGHBOURS_BYTES = 80;

interface StateCodec {
  readonly registered: Registered;
  readonly value: ValueCodec;
  readonly mapKey: ValueCodec | undefined;
  readonly namespace: ValueCodec | undefined;
}

/** One row of a state of a key, as its table has it. */
export interface StoredRow extends CellRow {
  readonly namespace?: unknown;
}

/**
 * A record: its key is the key group and the parts of the key; its cells are, per state that has something, the number of
 * the state, u32 bytes that follow, and rows as snapshots have them: [namespace] per namespace, u32 rows, then per row
 * [map key], value, [f64 updatedAtMs].
 */
export class RecordCodec {
  readonly #keyParts: readonly ValueCodec[];
  readonly #identity: KeyIdentity;
  readonly #namespace: ValueCodec | undefined;
  readonly #namespaceId: KeyIdentity | undefined;
  readonly #states: StateCodec[] = [];
  readonly #source = new ByteSource();

  constructor({ keys, namespaceType }: KeyedStateOptions) {
    const types = keys.fields.map(({ type }) => type);
    this.#keyParts = types.map(keyCodec);
    this.#identity = keyIdentity(types);
    if (namespaceType === undefined) return;
    this.#namespace = valueCodec(namespaceType);
    this.#namespaceId = keyIdentity([namespaceType]);
  }

  addState(registered: Registered): void {
    const { descriptor } = registered.state;
    this.#states[registered.index] = {
      registered,
      value: valueCodec(descriptor.type),
      mapKey: descriptor.kind === "map" ? valueCodec(descriptor.keyType) : undefined,
      namespace: registered.isInNamespace ? this.#namespace : undefined,
    };
  }

  writeKey(sink: ByteSink, keyGroup: number, values: readonly unknown[]): void {
    sink.count(keyGroup);
    const parts = this.#keyParts;
    for (let i = 0; i < parts.length; i++) parts[i].write(sink, values[i]);
  }

  /** What has not expired. True where something has, and is left out. */
  writeCells(sink: ByteSink, entry: DiskEntry): boolean {
    let isLess = false;
    for (const codec of this.#states) {
      const { index, isInNamespace } = codec.registered;
      const cell = entry.get(index);
      if (cell === undefined) continue;
      const start = sink.at;
      sink.count(index);
      const lengthAt = sink.at;
      sink.uint32(0);
      let rows = 0;
      if (!isInNamespace) {
        rows = this.#writeRows(sink, codec, cell);
        if (rows < codec.registered.state.rowCount(cell)) isLess = true;
      } else {
        const namespacesAt = sink.at;
        let namespaces = 0;
        sink.uint32(0);
        for (const { namespace, cell: held } of (cell as NamespaceCells).values()) {
          const at = sink.at;
          codec.namespace?.write(sink, namespace);
          const written = this.#writeRows(sink, codec, held);
          if (written < codec.registered.state.rowCount(held)) isLess = true;
          if (written === 0) sink.at = at;
          else namespaces++;
          rows += written;
        }
        sink.setUint32(namespacesAt, namespaces);
      }
      if (rows === 0) sink.at = start;
      else sink.setUint32(lengthAt, sink.at - lengthAt - 4);
    }
    return isLess;
  }

  #writeRows(sink: ByteSink, { registered, value, mapKey }: StateCodec, cell: Cell): number {
    const { state } = registered;
    const isTimed = state.expiry !== undefined;
    const countAt = sink.at;
    let count = 0;
    sink.uint32(0);
    for (const row of state.rows(cell)) {
      mapKey?.write(sink, row.mapKey);
      value.write(sink, row.value);
      if (isTimed) sink.float64(row.updatedAtMs ?? Number.NaN);
      count++;
    }
    sink.setUint32(countAt, count);
    return count;
  }

  /** The key of a record, without its cells. */
  readKey(record: RecordView): DiskEntry {
    const source = this.#source;
    source.bind(record.bytes, record.keyAt);
    const keyGroup = source.count();
    const values = this.#keyParts.map((part) => part.read(source));
    return new DiskEntry(keyGroup, this.#identity(values), values, record.hash, record.stamp);
  }

  /** Gives the entry of a record's key its cells. */
  readCells({ bytes, cellsAt, end }: RecordView, entry: DiskEntry): void {
    const source = this.#source;
    source.bind(bytes, cellsAt);
    while (source.at < end) {
      const codec = this.#states[source.count()];
      source.at += 4;
      if (!codec.registered.isInNamespace) {
        entry.set(codec.registered.index, this.#readRows(source, codec));
        continue;
      }
      const namespaces: NamespaceCells = new Map();
      for (let left = source.uint32(); left > 0; left--) {
        const namespace = codec.namespace?.read(source);
        namespaces.set(this.#namespaceId?.([namespace]) ?? null, { namespace, cell: this.#readRows(source, codec) });
      }
      entry.set(codec.registered.index, namespaces);
    }
  }

  #readRows(source: ByteSource, { registered, value, mapKey }: StateCodec): Cell {
    const { state } = registered;
    const isTimed = state.expiry !== undefined;
    let cell: Cell;
    for (let left = source.uint32(); left > 0; left--) {
      const key = mapKey?.read(source);
      const stored = value.read(source);
      cell = state.restored(cell, stored, isTimed ? source.float64() : undefined, key);
    }
    return cell;
  }

  /** The rows that a record has of one state. */
  *rowsOf({ bytes, cellsAt, end }: RecordView, index: number): Generator<StoredRow, void, void> {
    const source = this.#source;
    source.bind(bytes, cellsAt);
    while (source.at < end) {
      const found = source.count();
      const byteLength = source.uint32();
      if (found !== index) {
        source.at += byteLength;
        continue;
      }
      const { registered, value, mapKey, namespace: namespaces } = this.#states[index];
      const isTimed = registered.state.expiry !== undefined;
      for (let left = registered.isInNamespace ? source.uint32() : 1; left > 0; left--) {
        const namespace = namespaces?.read(source);
        for (let rows = source.uint32(); rows > 0; rows--) {
          const key = mapKey?.read(source);
          const stored = value.read(source);
          yield { namespace, mapKey: key, value: stored, updatedAtMs: isTimed ? source.float64() : undefined };
        }
      }
      return;
    }
  }

  /** About what an entry takes of the heap. */
  heapBytes(entry: DiskEntry): number {
    const { neighbours } = entry;
    let bytes = ENTRY_BYTES + valueBytes(entry.id);
    if (neighbours !== undefined) bytes += NEIGHBOURS_BYTES + neighbours.text.length;
    for (let index = 0; index < this.#states.length; index++) bytes += valueBytes(entry.get(index));
    return bytes;
  }
}

const valueBytes = (value: unknown): number => (typeof value === "string" ? value.length + 24 : heapBytes(value));
