import { Batch } from "../../core/batch.ts";
import type { Column } from "../../core/column.ts";
import { columnOf } from "../../core/columns/allocate.ts";
import { buildBatch } from "../../core/columns/build.ts";
import { buildColumn } from "../../core/columns/builder.ts";
import { concatBatches } from "../../core/columns/concat.ts";
import { copyBatch, describeBatch } from "../../core/columns/copy.ts";
import { plainColumn } from "../../core/columns/dictionary.ts";
import { gatherBatch } from "../../core/columns/gather.ts";
import { hashColumns } from "../../core/columns/hash.ts";
import { keyGroups } from "../../core/columns/partition.ts";
import { columnReader } from "../../core/columns/read.ts";
import { sliceBatch } from "../../core/columns/slice.ts";
import { sortRows } from "../../core/columns/sort-rows.ts";
import { EvaluationError } from "../../core/errors.ts";
import { GroupTable } from "../../core/groups/group-table.ts";
import { type Field, Schema } from "../../core/schema.ts";
import { tableFormat } from "../../core/snapshot-tables.ts";
import { KEY_GROUP_FIELD } from "../../core/state-snapshot.ts";
import { type DataType, int32, isNested } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";
import { MAP_KEY, POSITION, VALUE } from "./state-columns.ts";
import { plainText } from "./state-difference.ts";
import type { StateLayout } from "./state-layout.ts";

/** Rows of a batch within a table, as backends write them. */
const BATCH_ROWS = 16_384;

/**
 * Makes a state table of the rows of a dataset: their key groups by the engine's own hash of their keys, in the order of
 * key group, key and position. Rows are worked on as columns in a memory of its own.
 */
export class StateTableEncoder {
  readonly #workspace: Workspace;
  readonly #layout: StateLayout;
  readonly #maxParallelism: number;
  readonly #schema: Schema;
  #batches: Batch[] = [];

  /** `schema` is that of the rows. */
  constructor(workspace: Workspace, layout: StateLayout, schema: Schema, maxParallelism: number) {
    this.#workspace = workspace;
    this.#layout = layout;
    this.#schema = schema;
    this.#maxParallelism = maxParallelism;
  }

  /** Borrows a batch of another memory. */
  add(batch: Batch, from: Workspace): void {
    if (batch.rowCount === 0) return;
    this.#batches.push(copyBatch(this.#workspace, from.u8, this.#schema, describeBatch(from, batch)));
  }

  close(): void {
    for (const batch of this.#batches) batch.release();
    this.#batches = [];
  }

  /**
   * The table as an Arrow IPC stream.
   * @throws {EvaluationError} STATE_KEY_DUPLICATE, STATE_MAP_KEY_NULL, STATE_KEY_GROUP_INVALID
   */
  finish(): Uint8Array {
    const workspace = this.#workspace;
    const rows = this.#rows();
    try {
      const parts: Batch[] = [];
      try {
        for (let at = 0; at < rows.rowCount; at += BATCH_ROWS) {
          parts.push(sliceBatch(workspace, rows, at, Math.min(BATCH_ROWS, rows.rowCount - at)));
        }
        return tableFormat().encodeTable(workspace, parts.length === 0 ? [rows] : parts);
      } finally {
        for (const part of parts) part.release();
      }
    } finally {
      rows.release();
    }
  }

  /** All rows as those of the table, in order. */
  #rows(): Batch {
    const workspace = this.#workspace;
    const { columns, kind } = this.#layout;
    const hasKey = columns.some(({ isKey }) => isKey);
    const fields: Field[] = columns.map(({ stored, type }) => ({ name: stored, type }));
    const schema = new Schema(kind === "keyed" && hasKey ? [KEY_GROUP_FIELD, ...fields] : fields);
    if (this.#batches.length === 0) return buildBatch(workspace, schema, []);
    const given = concatBatches(workspace, this.#batches);
    this.close();
    let whole: Batch;
    let position: Column | undefined;
    try {
      const made = this.#columns(given);
      if (kind === "keyed" && hasKey) made.unshift(this.#keyGroups(made, given.rowCount));
      whole = new Batch(schema, given.rowCount, made);
      if (this.#layout.isOrdered) position = given.columns[this.#schema.indexOf(POSITION)].retain();
    } finally {
      given.release();
    }
    try {
      const order = this.#order(whole, position);
      const rows = workspace.allocate(order.length * 4);
      workspace.u32.set(order, rows.address >>> 2);
      const sorted = gatherBatch(workspace, whole, rows.address, order.length);
      rows.release();
      try {
        this.#check(sorted);
      } catch (thrown) {
        sorted.release();
        throw thrown;
      }
      return sorted;
    } finally {
      whole.release();
      position?.release();
    }
  }

  #columns(given: Batch): Column[] {
    const workspace = this.#workspace;
    const column = (name: string): Column => plainColumn(workspace, given.columns[this.#schema.indexOf(name)]);
    const { rowCount } = given;
    return this.#layout.origins.map((origin, i) => {
      const { type } = this.#layout.columns[i];
      if ("from" in origin) return column(origin.from);
      if ("fields" in origin) return columnOf(workspace, type, rowCount, { children: origin.fields.map(column) });
      return buildColumn(workspace, type, new Array<null>(rowCount).fill(null));
    });
  }

  #keyGroups(made: readonly Column[], rowCount: number): Column {
    const keys = made.filter((_, i) => this.#layout.columns[i].isKey);
    const hashes = hashColumns(this.#workspace, keys, rowCount);
    const data = keyGroups(this.#workspace, hashes, rowCount, this.#maxParallelism);
    hashes.release();
    return columnOf(this.#workspace, int32, rowCount, { data });
  }

  /** Row numbers in the order of the table, without those that hold nothing. */
  #order(whole: Batch, position: Column | undefined): Uint32Array {
    const workspace = this.#workspace;
    const { hasNulls } = this.#layout;
    const leading = whole.schema.fields.flatMap(({ name, type }, i) =>
      isLeading(name) && isSortable(type) ? [whole.columns[i]] : [],
    );
    const columns = position === undefined ? leading : [...leading, position];
    let order: Uint32Array;
    if (columns.length === 0) order = Uint32Array.from({ length: whole.rowCount }, (_, row) => row);
    else {
      const directions = columns.map(() => ({ column: 0, nullsFirst: true }));
      const rows = sortRows(workspace, columns, directions, whole.rowCount);
      order = workspace.u32.slice(rows.address >>> 2, (rows.address >>> 2) + whole.rowCount);
      rows.release();
    }
    if (hasNulls || !whole.schema.has(VALUE)) return order;
    const { validity } = whole.columns[whole.schema.indexOf(VALUE)];
    if (validity === 0) return order;
    const { u8 } = workspace;
    return order.filter((row) => ((u8[validity + (row >>> 3)] >>> (row & 7)) & 1) === 1);
  }

  #check(rows: Batch): void {
    const { what, isUnique } = this.#layout;
    const { schema, rowCount } = rows;
    if (schema.has(MAP_KEY) && rows.columns[schema.indexOf(MAP_KEY)].nullCount > 0) {
      throw new EvaluationError(
        "STATE_MAP_KEY_NULL",
        `${capital(what)} was given null as a key of its map.`,
        "Use another value for what has no key.",
      );
    }
    this.#checkKeyGroups(rows);
    if (!isUnique || rowCount === 0) return;
    const at = schema.names.flatMap((name, i) => (isIdentity(name) ? [i] : []));
    if (at.length === 0) return;
    const keys = at.map((i) => rows.columns[i]);
    const types = at.map((i) => schema.fields[i].type);
    const workspace = this.#workspace;
    const table = new GroupTable(workspace, types);
    try {
      const groups = table.assign(keys, rowCount);
      const { groupCount } = table;
      const first = workspace.u32.subarray(groups.address >>> 2, (groups.address >>> 2) + rowCount);
      const row = groupCount === rowCount ? -1 : firstRepeated(first);
      groups.release();
      if (row >= 0)
        throw duplicate(
          what,
          keys.map((key) => columnReader(workspace, key)(row)),
        );
    } finally {
      table.release();
    }
  }

  /** Rows that keep theirs: of a group that no subtask owns they would be restored by none. */
  #checkKeyGroups({ schema, columns, rowCount }: Batch): void {
    if (this.#layout.kind !== "keyed" || !schema.has(KEY_GROUP_FIELD.name)) return;
    const groupOf = columnReader(this.#workspace, columns[schema.indexOf(KEY_GROUP_FIELD.name)]);
    for (let row = 0; row < rowCount; row++) {
      const group = groupOf(row) as number | null;
      if (group !== null && group >= 0 && group < this.#maxParallelism) continue;
      throw new EvaluationError(
        "STATE_KEY_GROUP_INVALID",
        `${capital(this.#layout.what)} was given a row of the key group ${group}, and there are ${this.#maxParallelism}.`,
        "Leave the column keyGroup as it was read.",
      );
    }
  }
}

const isIdentity = (name: string): boolean => /^key[. ]/.test(name) || name === MAP_KEY || name === "namespace";
const isLeading = (name: string): boolean => name === KEY_GROUP_FIELD.name || isIdentity(name);
const isSortable = (type: DataType): boolean => !isNested(type) && type.kind !== "interval" && type.kind !== "null";
const capital = (text: string): string => text[0].toUpperCase() + text.slice(1);

/** The first row whose group, numbered by first occurrence, an earlier row has. */
function firstRepeated(groups: Uint32Array): number {
  let next = 0;
  return groups.findIndex((group) => {
    if (group < next) return true;
    next = group + 1;
    return false;
  });
}

const duplicate = (what: string, key: readonly unknown[]): EvaluationError =>
  new EvaluationError(
    "STATE_KEY_DUPLICATE",
    `${capital(what)} has one value for a key, and the rows have several for ${key.map(plainText).join(", ")}.`,
    "Aggregate them first, with groupBy, or choose one of them with distinct.",
  );
