import type { Batch } from "../../core/batch.ts";
import { readRows } from "../../core/columns/read.ts";
import { PlanError } from "../../core/errors.ts";
import { type JobSnapshot, tableBytes } from "../../core/job-snapshot.ts";
import type { Field } from "../../core/schema.ts";
import { allTableBatches, tableBatches } from "../../core/state/table-batches.ts";
import type { StateKind } from "../../core/state-snapshot.ts";
import { formatType } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";

export interface StateTableSummary {
  readonly name: string;
  readonly kind: StateKind;
  /** One per subtask that wrote it. */
  readonly parts: number;
  readonly rows: number;
  readonly bytes: number;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** First and last of a keyed table that has rows. */
  readonly keyGroups?: readonly [first: number, last: number];
}

/** A row of a state table, by column. */
export type StateRow = Readonly<Record<string, unknown>>;

/** What is in the state of a job, table by table. `loadTableFormat` has been awaited. */
export class StateContents {
  readonly #workspace: Workspace;
  readonly #snapshot: JobSnapshot;

  constructor(workspace: Workspace, snapshot: JobSnapshot) {
    this.#workspace = workspace;
    this.#snapshot = snapshot;
  }

  /** Uids of all steps with state. */
  get uids(): string[] {
    return Object.keys(this.#snapshot.operators).sort();
  }

  tablesOf(uid: string): string[] {
    return Object.keys(this.#snapshot.operators[uid]?.tables ?? {}).sort();
  }

  summary(uid: string, table: string): StateTableSummary {
    const found = this.#found(uid, table);
    const { kind, parts } = found;
    let rows = 0;
    let columns: StateTableSummary["columns"] = [];
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const batch of this.#batches(uid, table)) {
      rows += batch.rowCount;
      columns = batch.schema.fields.map(({ name, type }: Field) => ({ name, type: formatType(type) }));
      if (kind === "keyed") {
        for (let row = 0; row < batch.rowCount; row++) {
          const group = this.#workspace.i32[(batch.columns[0].data >>> 2) + row];
          first = Math.min(first, group);
          last = Math.max(last, group);
        }
      }
      batch.release();
    }
    const bytes = tableBytes(found);
    const range = first <= last ? { keyGroups: [first, last] as const } : {};
    return { name: table, kind, parts: parts.length, rows, bytes, columns, ...range };
  }

  /** @throws {PlanError} STATE_UNKNOWN */
  *rows(uid: string, table: string): Generator<StateRow, void, void> {
    for (const batch of this.#batches(uid, table)) {
      let rows: StateRow[];
      try {
        rows = readRows(this.#workspace, batch);
      } finally {
        batch.release();
      }
      yield* rows;
    }
  }

  *#batches(uid: string, table: string): Generator<Batch, void, void> {
    const found = this.#found(uid, table);
    // Of a broadcast state every subtask has written the same.
    if (found.kind === "broadcast" && found.parts.length > 0) yield* tableBatches(this.#workspace, found, 0);
    else yield* allTableBatches(this.#workspace, found);
  }

  #found(uid: string, table: string) {
    const found = this.#snapshot.operators[uid]?.tables[table];
    if (found !== undefined) return found;
    const known = this.uids.includes(uid) ? this.tablesOf(uid) : this.uids;
    throw new PlanError(
      "STATE_UNKNOWN",
      this.uids.includes(uid) ? `The step "${uid}" has no state "${table}".` : `There is no state of a step "${uid}".`,
      `There is ${known.map((name) => JSON.stringify(name)).join(", ")}.`,
    );
  }
}
