import type { Batch } from "../../core/batch.ts";
import type { KeyId } from "../../core/state/key-identity.ts";
import type { KeyedStateOptions } from "../../core/state/keyed-backend.ts";
import { storedReader } from "../../core/state/stored-reader.ts";
import type { KeyCells, NamespaceCells } from "./key-cells.ts";
import type { KeyEntry } from "./key-entry.ts";
import { type Registered, UPDATED } from "./state-tables.ts";

export interface StateRestore {
  readonly options: KeyedStateOptions;
  readonly cells: KeyCells;
  readonly registered: Registered;
  readonly namespaceId: ((values: readonly unknown[]) => KeyId) | undefined;
  /** What a row was renewed at that does not tell. */
  readonly unknownMs: number;
}

/** Gives the keys the rows of a batch of the state's table, which stays the caller's. */
export function restoreRows({ options, cells, registered, namespaceId, unknownMs }: StateRestore, batch: Batch): void {
  const { workspace, keys } = options;
  const { index, state, isInNamespace } = registered;
  const { schema, columns, rowCount } = batch;
  const reader = (name: string) =>
    schema.has(name) ? storedReader(workspace, columns[schema.indexOf(name)]) : undefined;
  const { groupAt, idAt, valuesAt } = keys.ofTable(columns.slice(0, 1 + keys.fields.length), rowCount);
  const valueColumn = columns[schema.indexOf("value")];
  const firstUnread = state.unread?.add(valueColumn);
  const valueAt = storedReader(workspace, valueColumn);
  const mapKeyAt = state.descriptor.kind === "map" ? reader("mapKey") : undefined;
  const updatedAt = state.expiry === undefined ? undefined : (reader(UPDATED.name) ?? (() => null));
  const namespaceAt = isInNamespace ? reader("namespace") : undefined;
  let entry: KeyEntry | undefined;
  for (let row = 0; row < rowCount; row++) {
    const keyGroup = groupAt(row);
    const id = idAt(row);
    // Rows of a key stand together.
    if (entry === undefined || entry.id !== id || entry.keyGroup !== keyGroup) {
      const values = valuesAt(row);
      entry = cells.find(keyGroup, id, values) ?? cells.add(keyGroup, id, values);
    }
    if (firstUnread !== undefined) {
      cells.setIn(entry, index, firstUnread + row);
      continue;
    }
    const value = valueAt(row);
    const mapKey = mapKeyAt?.(row);
    let updatedAtMs: number | undefined;
    if (updatedAt !== undefined) {
      const updated = updatedAt(row) as bigint | null;
      updatedAtMs = updated === null ? unknownMs : Number(updated);
    }
    if (namespaceAt === undefined) {
      cells.setIn(entry, index, state.restored(entry.get(index), value, updatedAtMs, mapKey));
      continue;
    }
    const namespaces = (entry.get(index) as NamespaceCells | undefined) ?? (new Map() as NamespaceCells);
    const namespace = namespaceAt(row);
    const of = namespaceId?.([namespace]) ?? null;
    namespaces.set(of, {
      namespace,
      cell: state.restored(namespaces.get(of)?.cell, value, updatedAtMs, mapKey),
    });
    cells.setIn(entry, index, namespaces);
  }
}
