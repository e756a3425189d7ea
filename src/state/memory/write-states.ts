import { compareIds } from "../../core/state/key-identity.ts";
import type { KeyedStateOptions } from "../../core/state/keyed-backend.ts";
import { keyFields, StateTableWriter } from "../../core/state/state-table.ts";
import { type ChangesWriter, REMOVED_FIELD, type SnapshotWriter } from "../../core/state-snapshot.ts";
import type { NamespaceCells } from "./key-cells.ts";
import type { Cell, KeyEntry } from "./key-entry.ts";
import type { MemoryCells } from "./memory-cells.ts";
import { type Registered, stateFields, tableName } from "./state-tables.ts";

/** Writes the tables of all states: what has changed where that is known and worth it, else all keys. */
export function writeStates(
  options: KeyedStateOptions,
  cells: MemoryCells,
  states: readonly Registered[],
  writer: SnapshotWriter,
): void {
  const whole = states.filter((registered) => !writeChanges(options, cells, registered, writer));
  cells.onSnapshot();
  const tables = whole.map((registered) => ({
    registered,
    rows: new StateRows(options, registered, writer, false),
    keys: 0,
  }));
  try {
    for (const entry of tables.length === 0 ? [] : cells.sortedEntries()) {
      for (const table of tables) {
        const cell = entry.get(table.registered.index);
        if (cell === undefined) continue;
        table.rows.add(entry, cell);
        table.keys++;
      }
    }
    for (const { registered, rows, keys } of tables) {
      rows.finish();
      cells.changesOf(registered.index).onWhole(keys, rows.count);
    }
  } finally {
    for (const { rows } of tables) rows.close();
  }
}

/** Writes the rows of all keys that have changed, and that there are none of those that are gone. False: all are to be written. */
function writeChanges(
  options: KeyedStateOptions,
  cells: MemoryCells,
  registered: Registered,
  writer: SnapshotWriter,
): boolean {
  const { index, state } = registered;
  const changes = cells.changesOf(index);
  const taken = changes.take(writer);
  if (taken === undefined || writer.changes === undefined) return false;
  const entries = presentEntries(cells, taken);
  let rowCount = 0;
  for (const entry of entries) rowCount += rowsIn(registered, entry.get(index));
  if (!writer.changes.isWorth(tableName(state.descriptor), rowCount, changes.wholeRows)) return false;
  const rows = new StateRows(options, registered, changesAsTable(options, writer.changes), true);
  try {
    for (const entry of entries) {
      const cell = entry.get(index);
      // What has expired is written no more, but may be in the table that this builds on.
      if (cell === undefined || rows.add(entry, cell) === 0) rows.remove(entry);
    }
    rows.finish();
  } finally {
    rows.close();
  }
  return true;
}

/** The entries that the keys have now, old ones of those that are gone: such a key may come twice. */
function presentEntries(cells: MemoryCells, taken: ReadonlySet<KeyEntry>): KeyEntry[] {
  const present: KeyEntry[] = [];
  const renewed = new Set<KeyEntry>();
  for (const entry of taken) {
    const now = entry.used > 0 ? entry : cells.find(entry.keyGroup, entry.id);
    if (now === undefined || now === entry) present.push(entry);
    else if (!taken.has(now)) renewed.add(now);
  }
  return [...present, ...renewed];
}

function rowsIn({ state, isInNamespace }: Registered, cell: Cell): number {
  if (cell === undefined) return 1;
  if (!isInNamespace) return state.rowCount(cell);
  let rows = 0;
  for (const held of (cell as NamespaceCells).values()) rows += state.rowCount(held.cell);
  return rows;
}

/** All rows of a key take the place of all older ones. */
function changesAsTable({ keys }: KeyedStateOptions, changes: ChangesWriter): SnapshotWriter {
  const unit = keyFields(keys.fields)
    .slice(1)
    .map(({ name }) => name);
  return { write: (table, _, batch) => changes.write(table, unit, batch) };
}

/** The rows of a state's table, by cell. */
class StateRows {
  readonly #registered: Registered;
  readonly #table: StateTableWriter;
  readonly #isChange: boolean;
  readonly #width: number;
  /** Of the row at hand. */
  #values: unknown[] = [];
  count = 0;

  constructor(options: KeyedStateOptions, registered: Registered, writer: SnapshotWriter, isChange: boolean) {
    this.#registered = registered;
    this.#isChange = isChange;
    const fields = stateFields(options, registered);
    this.#width = fields.length;
    this.#table = new StateTableWriter(
      options.workspace,
      writer,
      tableName(registered.state.descriptor),
      "keyed",
      isChange ? [...fields, REMOVED_FIELD] : fields,
    );
  }

  /** The rows that the key has, and how many they are. */
  add(entry: KeyEntry, cell: Cell): number {
    const before = this.count;
    this.#values = [entry.keyGroup, ...entry.values];
    if (!this.#registered.isInNamespace) this.#addCell(cell, this.#values.length);
    else {
      const at = this.#values.length;
      const held = [...(cell as NamespaceCells)].sort(([a], [b]) => compareIds(a, b));
      for (const [, { namespace, cell }] of held) {
        this.#values[at] = namespace;
        this.#addCell(cell, at + 1);
      }
    }
    return this.count - before;
  }

  remove(entry: KeyEntry): void {
    const values: unknown[] = [entry.keyGroup, ...entry.values];
    while (values.length < this.#width) values.push(null);
    values.push(true);
    this.#table.add(values);
    this.count++;
  }

  finish(): void {
    this.#table.finish();
  }

  close(): void {
    this.#table.close();
  }

  #addCell(cell: Cell, from: number): void {
    const { state } = this.#registered;
    const isMap = state.descriptor.kind === "map";
    const values = this.#values;
    for (const { mapKey, value, updatedAtMs } of state.rows(cell)) {
      let at = from;
      if (isMap) values[at++] = mapKey;
      values[at++] = value;
      if (state.expiry !== undefined) values[at++] = Number.isNaN(updatedAtMs) ? null : updatedAtMs;
      if (this.#isChange) values[at] = false;
      this.#table.add(values);
      this.count++;
    }
  }
}
