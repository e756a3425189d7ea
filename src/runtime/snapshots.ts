import type { Batch } from "../core/batch.ts";
import { gatherBatch } from "../core/columns/gather.ts";
import { sliceBatch } from "../core/columns/slice.ts";
import { assert } from "../core/errors.ts";
import type { OperatorSnapshot, TableState } from "../core/job-snapshot.ts";
import type { KeyGroupRange } from "../core/key-group.ts";
import type { Schema } from "../core/schema.ts";
import { type TableSnapshot, tableFormat } from "../core/snapshot-tables.ts";
import { evolveTable } from "../core/state/evolve-table.ts";
import { allTableBatches, tableBatches, tableRows } from "../core/state/table-batches.ts";
import { hasBoth } from "../core/state/widen-value.ts";
import {
  type ChangesWriter,
  type ExpectedTable,
  KEY_GROUP_FIELD,
  type LeastValue,
  REMOVED_FIELD,
  type RowsBehind,
  type SnapshotReader,
  type SnapshotWriter,
  type StateKind,
} from "../core/state-snapshot.ts";
import type { Workspace } from "../core/workspace.ts";

/** What one subtask wrote while a barrier passed. */
export interface SubtaskSnapshot {
  readonly subtask: number;
  readonly operators: readonly { readonly uid: string; readonly tables: readonly TableSnapshot[] }[];
}

/** What a snapshot holds of a table: how often only changes were written since it was written whole, and of how many rows. */
interface WrittenChanges {
  readonly changes: number;
  readonly rows: number;
}

/** How the tables of one operator in one subtask have been written, by snapshot: one that fails counts for no other. */
export class TableHistory {
  readonly #tables = new Map<string, Map<number, WrittenChanges>>();
  #number = Number.NaN;

  /** A snapshot is taken. */
  begin(number: number): void {
    this.#number = number;
  }

  /** Whether the snapshot `since` holds the table, and so many of so many rows may be added to what is kept of it. */
  takes(table: string, since: number, changedRows: number, rows: number): boolean {
    const written = this.#tables.get(table)?.get(since);
    if (written === undefined) return false;
    return written.changes < MOST_CHANGES && (written.rows + changedRows) * ROWS_PER_CHANGED_ROW <= rows;
  }

  onWhole(table: string): void {
    this.#write(table, { changes: 0, rows: 0 });
  }

  /** Again with more rows where they come in several batches. */
  onChanges(table: string, since: number, changedRows: number): void {
    const { changes = 0, rows = 0 } = this.#tables.get(table)?.get(since) ?? {};
    this.#write(table, { changes: changes + 1, rows: rows + changedRows });
  }

  #write(table: string, written: WrittenChanges): void {
    const known = this.#tables.get(table) ?? new Map<number, WrittenChanges>();
    this.#tables.set(table, known.set(this.#number, written));
    for (const number of [...known.keys()].slice(0, -MOST_KNOWN)) known.delete(number);
  }
}

/** Snapshots of which it is known how tables were written. On one before them nothing is built. */
const MOST_KNOWN = 16;
/** So many times in a row only changes of a table are written, */
const MOST_CHANGES = 20;
/** and no more rows than leave it so many for each of them. */
const ROWS_PER_CHANGED_ROW = 2;

/** Which snapshot is written, and what of. */
export interface WrittenSnapshot {
  readonly number: number;
  /** The one that it may build on. */
  readonly since?: number | undefined;
  readonly history: TableHistory;
}

interface WrittenTable {
  readonly kind: StateKind;
  readonly batches: Batch[];
  /** Of what has changed. */
  readonly changes?: WrittenUnits;
  /** Instead of batches: what makes them. */
  readonly behind?: RowsBehind;
}

/** How rows that have changed take the place of older ones. */
interface WrittenUnits {
  readonly unit: readonly string[];
  readonly least: LeastValue | undefined;
}

/** Gathers the tables of one operator in one subtask. */
export class TableWriter implements SnapshotWriter {
  readonly #workspace: Workspace;
  readonly #tables = new Map<string, WrittenTable>();
  readonly #written: WrittenSnapshot | undefined;
  readonly number?: number;
  readonly changes?: ChangesWriter;

  constructor(workspace: Workspace, written?: WrittenSnapshot) {
    this.#workspace = workspace;
    this.#written = written;
    if (written === undefined) return;
    const { number, since, history } = written;
    this.number = number;
    history.begin(number);
    if (since === undefined) return;
    this.changes = {
      since,
      isWorth: (table, changedRows, rows) => history.takes(table, since, changedRows, rows),
      write: (table, unit, batch, least) => this.#writeChanges(table, since, { unit, least }, batch),
      writeBehind: (table, unit, rows) => {
        this.#addBehind(table, { kind: "keyed", batches: [], changes: { unit, least: undefined }, behind: rows });
        this.#written?.history.onChanges(table, since, rows.rowCount);
      },
    };
  }

  write(table: string, kind: StateKind, batch: Batch): void {
    const [first] = batch.schema.fields;
    assert(kind !== "keyed" || first?.name === KEY_GROUP_FIELD.name, "keyed state begins with its key group");
    const entry = this.#tables.get(table);
    if (entry !== undefined) {
      assert(entry.changes === undefined, "a table is written whole or as changes");
      entry.batches.push(batch);
      return;
    }
    this.#tables.set(table, { kind, batches: [batch] });
    this.#written?.history.onWhole(table);
  }

  writeBehind(table: string, kind: StateKind, rows: RowsBehind): void {
    this.#addBehind(table, { kind, batches: [], behind: rows });
    this.#written?.history.onWhole(table);
  }

  #addBehind(table: string, written: WrittenTable): void {
    assert(!this.#tables.has(table), "a table that is made behind the barrier is written once");
    this.#tables.set(table, written);
  }

  #writeChanges(table: string, since: number, changes: WrittenUnits, batch: Batch): void {
    assert(batch.schema.fields.at(-1)?.name === REMOVED_FIELD.name, "changes end with whether there is a row");
    const entry = this.#tables.get(table);
    assert(entry === undefined || entry.changes !== undefined, "a table is written whole or as changes");
    const batches = entry?.batches ?? [];
    batches.push(batch);
    if (entry === undefined) this.#tables.set(table, { kind: "keyed", batches, changes });
    this.#written?.history.onChanges(table, since, rowsOf(batches));
  }

  /** Encodes what was written and releases it. */
  finish(): TableSnapshot[] {
    const snapshots: TableSnapshot[] = [];
    for (const [name, table] of this.#tables) {
      const counted = countRows(table);
      const bytes = tableFormat().encodeTable(this.#workspace, counted.batches);
      snapshots.push(this.#snapshot(name, table, bytes, counted.rowCount()));
    }
    this.close();
    return snapshots;
  }

  /** The same in turns of the thread. */
  async finishBehind(turn: () => Promise<void>): Promise<TableSnapshot[]> {
    const snapshots: TableSnapshot[] = [];
    try {
      for (const [name, table] of this.#tables) {
        const counted = countRows(table);
        const bytes = await tableFormat().encodeTableBehind(this.#workspace, counted.batches, turn);
        snapshots.push(this.#snapshot(name, table, bytes, counted.rowCount()));
        this.#tables.delete(name);
        release(table);
      }
      return snapshots;
    } finally {
      this.close();
    }
  }

  #snapshot(name: string, { kind, changes }: WrittenTable, bytes: Uint8Array, rowCount: number): TableSnapshot {
    const whole = { name, kind, rowCount, bytes };
    const since = this.changes?.since;
    if (changes === undefined || since === undefined) return whole;
    const { unit, least } = changes;
    return { ...whole, changes: { since, unit, ...(least === undefined ? {} : { least }) } };
  }

  close(): void {
    for (const table of this.#tables.values()) release(table);
    this.#tables.clear();
  }
}

function release({ batches, behind }: WrittenTable): void {
  for (const batch of batches) batch.release();
  behind?.close();
}

/** Batches to be encoded: those that are held, or each when it is asked for; and how many rows they had. */
function countRows({ batches, behind }: WrittenTable): {
  readonly batches: readonly Batch[] | Iterator<Batch, void>;
  readonly rowCount: () => number;
} {
  if (behind === undefined) return { batches, rowCount: () => rowsOf(batches) };
  let rowCount = 0;
  const next = (): IteratorResult<Batch, void> => {
    const value = behind.next();
    rowCount += value?.rowCount ?? 0;
    return value === undefined ? { done: true, value } : { done: false, value };
  };
  return { batches: { next }, rowCount: () => rowCount };
}

const rowsOf = (batches: readonly Batch[]): number => batches.reduce((sum, batch) => sum + batch.rowCount, 0);

/** Gives a subtask its share of an operator's tables. */
export class TableReader implements SnapshotReader {
  readonly hasNewLayout: boolean;
  readonly #workspace: Workspace;
  readonly #snapshot: OperatorSnapshot;
  readonly #keyGroups: KeyGroupRange;
  readonly #subtask: number;
  readonly #parallelism: number;
  readonly tables: readonly string[];
  readonly #uid: string | undefined;
  readonly #maxParallelism: number | undefined;

  constructor(
    workspace: Workspace,
    snapshot: OperatorSnapshot,
    target: {
      readonly uid?: string;
      readonly keyGroups: KeyGroupRange;
      readonly subtask: number;
      readonly parallelism: number;
      readonly maxParallelism?: number;
      readonly hasNewLayout?: boolean;
    },
  ) {
    this.hasNewLayout = target.hasNewLayout ?? false;
    this.#uid = target.uid;
    this.#maxParallelism = target.maxParallelism;
    this.#workspace = workspace;
    this.#snapshot = snapshot;
    this.#keyGroups = target.keyGroups;
    this.#subtask = target.subtask;
    this.#parallelism = target.parallelism;
    this.tables = Object.keys(snapshot.tables).map((stored) => this.#newName(stored));
    const twice = this.tables.find((table, i) => this.tables.indexOf(table) < i);
    if (twice !== undefined) {
      throw hasBoth(
        this.#uid === undefined ? "A step" : `The step "${this.#uid}"`,
        twice.slice(twice.indexOf(":") + 1),
      );
    }
  }

  schemaOf(table: string): Schema | undefined {
    const found = this.#found(table);
    if (found === undefined) return undefined;
    for (const batch of allTableBatches(this.#workspace, found)) {
      const { schema } = batch;
      batch.release();
      return schema;
    }
    return undefined;
  }

  expectedRows(table: string): number {
    const found = this.#found(table);
    if (found === undefined) return 0;
    const rows = tableRows(found);
    return found.kind === "keyed" || found.kind === "list" ? Math.ceil(rows / this.#parallelism) : rows;
  }

  *read(table: string, expected?: ExpectedTable): Generator<Batch, void, void> {
    const found = this.#found(table);
    if (found === undefined) return;
    const { kind } = found;
    const evolved = (batch: Batch): Batch => (expected === undefined ? batch : this.#evolved(table, batch, expected));
    if (kind === "list") {
      for (const batch of this.#share(found)) yield evolved(batch);
      return;
    }
    const batches =
      kind === "broadcast" && found.parts.length > 0
        ? tableBatches(this.#workspace, found, 0)
        : allTableBatches(this.#workspace, found);
    for (const batch of batches) {
      if (kind !== "keyed") yield evolved(batch);
      else yield* this.#owned(evolved(batch));
    }
  }

  #evolved(table: string, batch: Batch, expected: ExpectedTable): Batch {
    const { renamed } = this.#snapshot;
    const whose = this.#uid === undefined ? "" : ` of the step "${this.#uid}"`;
    return evolveTable(this.#workspace, batch, expected, {
      what: `The state "${table}"${whose}`,
      ...(renamed === undefined ? {} : { renamed }),
      ...(this.#maxParallelism === undefined ? {} : { maxParallelism: this.#maxParallelism }),
    });
  }

  #found(table: string) {
    const { tables } = this.#snapshot;
    const stored = Object.keys(tables).find((name) => this.#newName(name) === table);
    return stored === undefined ? undefined : tables[stored];
  }

  /** Tables of states that have a name are called "value:name", say. */
  #newName(table: string): string {
    const { renamed } = this.#snapshot;
    if (renamed === undefined) return table;
    const at = table.indexOf(":") + 1;
    const name = table.slice(at);
    return table.slice(0, at) + (Object.hasOwn(renamed, name) ? renamed[name] : name);
  }

  /** Rows of the key groups of this subtask. */
  *#owned(batch: Batch): Generator<Batch, void, void> {
    const { start, end } = this.#keyGroups;
    const { rowCount } = batch;
    const rows = this.#workspace.allocate((rowCount + 1) * 4);
    const groups = batch.columns[0].data;
    const count = this.#workspace.kernels.windowSelectPanes(groups, rowCount, start, end, rows.address);
    try {
      if (count === rowCount) yield batch.retain();
      else if (count > 0) yield gatherBatch(this.#workspace, batch, rows.address, count);
    } finally {
      rows.release();
      batch.release();
    }
  }

  /** An even share of all rows, in order. */
  *#share(table: TableState): Generator<Batch, void, void> {
    const batches = [...allTableBatches(this.#workspace, table)];
    const total = batches.reduce((sum, batch) => sum + batch.rowCount, 0);
    const start = Math.floor((this.#subtask * total) / this.#parallelism);
    const end = Math.floor(((this.#subtask + 1) * total) / this.#parallelism);
    let at = 0;
    for (const batch of batches) {
      const from = Math.max(start - at, 0);
      const to = Math.min(end - at, batch.rowCount);
      at += batch.rowCount;
      if (from < to) yield sliceBatch(this.#workspace, batch, from, to - from);
      batch.release();
    }
  }
}
