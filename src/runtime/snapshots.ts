import type { Batch } from "../core/batch.ts";
import { gatherBatch } from "../core/columns/gather.ts";
import { sliceBatch } from "../core/columns/slice.ts";
import { assert } from "../core/errors.ts";
import type { JobSnapshot, OperatorSnapshot } from "../core/job-snapshot.ts";
import type { KeyGroupRange } from "../core/key-group.ts";
import type { Schema } from "../core/schema.ts";
import { type TableSnapshot, tableFormat } from "../core/snapshot-tables.ts";
import { evolveTable } from "../core/state/evolve-table.ts";
import {
  type ExpectedTable,
  KEY_GROUP_FIELD,
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

/** Gathers the tables of one operator in one subtask. */
export class TableWriter implements SnapshotWriter {
  readonly #workspace: Workspace;
  readonly #tables = new Map<string, { kind: StateKind; batches: Batch[] }>();

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  write(table: string, kind: StateKind, batch: Batch): void {
    const [first] = batch.schema.fields;
    assert(kind !== "keyed" || first?.name === KEY_GROUP_FIELD.name, "keyed state begins with its key group");
    const entry = this.#tables.get(table);
    if (entry === undefined) this.#tables.set(table, { kind, batches: [batch] });
    else entry.batches.push(batch);
  }

  /** Encodes what was written and releases it. */
  finish(): TableSnapshot[] {
    const snapshots: TableSnapshot[] = [];
    for (const [name, { kind, batches }] of this.#tables) {
      const bytes = tableFormat().encodeTable(this.#workspace, batches);
      snapshots.push({ name, kind, rowCount: rowsOf(batches), bytes });
    }
    this.close();
    return snapshots;
  }

  /** The same in turns of the thread. */
  async finishBehind(turn: () => Promise<void>): Promise<TableSnapshot[]> {
    const snapshots: TableSnapshot[] = [];
    try {
      for (const [name, { kind, batches }] of this.#tables) {
        const bytes = await tableFormat().encodeTableBehind(this.#workspace, batches, turn);
        snapshots.push({ name, kind, rowCount: rowsOf(batches), bytes });
        for (const batch of batches) batch.release();
        this.#tables.delete(name);
      }
      return snapshots;
    } finally {
      this.close();
    }
  }

  close(): void {
    for (const { batches } of this.#tables.values()) for (const batch of batches) batch.release();
    this.#tables.clear();
  }
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
  }

  get renamed(): Readonly<Record<string, string>> {
    return this.#snapshot.renamed ?? {};
  }

  get tables(): readonly string[] {
    return Object.keys(this.#snapshot.tables).map((stored) => this.#newName(stored));
  }

  schemaOf(table: string): Schema | undefined {
    const bytes = this.#found(table)?.parts[0];
    if (bytes === undefined) return undefined;
    for (const batch of tableFormat().decodeTable(this.#workspace, bytes)) {
      const { schema } = batch;
      batch.release();
      return schema;
    }
    return undefined;
  }

  *read(table: string, expected?: ExpectedTable): Generator<Batch, void, void> {
    const found = this.#found(table);
    if (found === undefined) return;
    const { kind, parts } = found;
    const evolved = (batch: Batch): Batch => (expected === undefined ? batch : this.#evolved(table, batch, expected));
    if (kind === "list") {
      for (const batch of this.#share(parts)) yield evolved(batch);
      return;
    }
    for (const bytes of kind === "broadcast" ? parts.slice(0, 1) : parts) {
      for (const batch of tableFormat().decodeTable(this.#workspace, bytes)) {
        if (kind !== "keyed") yield evolved(batch);
        else yield* this.#owned(evolved(batch));
      }
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
    const groups = this.#workspace.i32.subarray(batch.columns[0].data >>> 2).subarray(0, batch.rowCount);
    const rows: number[] = [];
    groups.forEach((group, row) => {
      if (group >= start && group < end) rows.push(row);
    });
    if (rows.length === batch.rowCount) {
      yield batch;
      return;
    }
    if (rows.length > 0) {
      const indices = this.#workspace.allocate(rows.length * 4);
      this.#workspace.u32.set(rows, indices.address >>> 2);
      const owned = gatherBatch(this.#workspace, batch, indices.address, rows.length);
      indices.release();
      batch.release();
      yield owned;
    } else batch.release();
  }

  /** An even share of all rows, in order. */
  *#share(parts: readonly Uint8Array[]): Generator<Batch, void, void> {
    const batches = parts.flatMap((bytes) => [...tableFormat().decodeTable(this.#workspace, bytes)]);
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

/** All subtasks' snapshots put together by operator. */
export function joinSnapshots(
  checkpointId: number,
  maxParallelism: number,
  subtasks: readonly SubtaskSnapshot[],
): JobSnapshot {
  const operators: Record<string, { tables: Record<string, { kind: StateKind; parts: Uint8Array[] }> }> = {};
  for (const { operators: written } of [...subtasks].sort((a, b) => a.subtask - b.subtask)) {
    for (const { uid, tables } of written) {
      operators[uid] ??= { tables: {} };
      for (const { name, kind, bytes } of tables) {
        operators[uid].tables[name] ??= { kind, parts: [] };
        operators[uid].tables[name].parts.push(bytes);
      }
    }
  }
  return { checkpointId, maxParallelism, operators };
}
