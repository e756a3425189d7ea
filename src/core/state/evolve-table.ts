import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { buildColumn } from "../columns/builder.ts";
import { hashColumns } from "../columns/hash.ts";
import { keyGroups } from "../columns/partition.ts";
import { columnReader } from "../columns/read.ts";
import { type Field, Schema } from "../schema.ts";
import type { ExpectedTable } from "../state-snapshot.ts";
import { type DataType, formatType, int32, sameType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { incompatible } from "./incompatible.ts";
import { hasBoth, newName, type Renamed, renamedType, wideningOf } from "./widen-value.ts";

export interface EvolveOptions {
  /** Whose table it is, for messages: 'The state "left" of the step "joined"'. */
  readonly what: string;
  readonly renamed?: Renamed;
  readonly maxParallelism?: number;
}

/** Names of columns that stand for one of the user's have it behind one of these. */
const PREFIX = /^((?:key|row)[. ])(.*)$/s;

/**
 * Rows of a table as a snapshot has them, as the operator has such rows now: columns by name, in its order, wider, null
 * where they are new, left out where it has them no longer; and keyed ones in the key group that their keys have now.
 * Takes over the batch.
 * @throws {PlanError} STATE_INCOMPATIBLE
 */
export function evolveTable(
  workspace: Workspace,
  batch: Batch,
  expected: ExpectedTable,
  options: EvolveOptions,
): Batch {
  try {
    const { renamed = {} } = options;
    const stored = new Map<string, Column>();
    for (const [i, old] of batch.schema.names.entries()) {
      const name = columnName(old, renamed);
      if (stored.has(name)) throw hasBoth(options.what, name);
      stored.set(name, batch.columns[i]);
    }
    checkKeys(stored, expected, options);
    const further = (expected.further ?? []).filter(({ name }) => stored.has(name));
    const fields: readonly Field[] = [
      ...expected.fields,
      ...further,
      ...(expected.isPartial === true ? othersOf(batch, expected, options) : []),
    ];
    const columns: Column[] = [];
    try {
      for (const field of fields)
        columns.push(evolveColumn(workspace, batch.rowCount, stored.get(field.name), field, expected, options));
      regroup(workspace, columns, fields, expected, options);
    } catch (thrown) {
      for (const column of columns) column.release();
      throw thrown;
    }
    return new Batch(new Schema(fields), batch.rowCount, columns);
  } finally {
    batch.release();
  }
}

function evolveColumn(
  workspace: Workspace,
  rowCount: number,
  column: Column | undefined,
  { name, type }: Field,
  { addable = [] }: ExpectedTable,
  { what, renamed }: EvolveOptions,
): Column {
  if (column === undefined) {
    if (addable.includes(name)) return buildColumn(workspace, type, new Array<null>(rowCount).fill(null));
    throw incompatible(`${what} needs "${name}" as ${formatType(type)}, but the snapshot lacks it.`);
  }
  if (sameType(column.type, type)) return column.retain();
  const widen = wideningOf(column.type, type, what, renamed);
  if (widen === undefined) throw differs(what, name, column.type, type);
  const read = columnReader(workspace, column);
  const values: unknown[] = [];
  for (let row = 0; row < rowCount; row++) values.push(widen(read(row)));
  return buildColumn(workspace, type, values);
}

/** Keys that are gone would make one of what were several. */
function checkKeys(stored: ReadonlyMap<string, Column>, { fields }: ExpectedTable, { what }: EvolveOptions): void {
  for (const name of stored.keys()) {
    if (!/^key[. ]/.test(name) || fields.some((field) => field.name === name)) continue;
    throw incompatible(`${what} was keyed by "${name.slice(4)}" too in the snapshot.`);
  }
}

/** A key that is wider, or a new hash, may belong to another subtask. */
function regroup(
  workspace: Workspace,
  columns: Column[],
  fields: readonly Field[],
  { keys }: ExpectedTable,
  { maxParallelism }: EvolveOptions,
): void {
  if (keys === undefined || keys.length === 0 || maxParallelism === undefined) return;
  const rowCount = columns[0].length;
  const own = keys.map((key) => columns[fields.findIndex(({ name }) => name === key)]);
  const hashes = hashColumns(workspace, own, rowCount);
  const data = keyGroups(workspace, hashes, rowCount, maxParallelism);
  hashes.release();
  columns[0].release();
  columns[0] = columnOf(workspace, int32, rowCount, { data });
}

/** Fields that are not expected, under their new names, also within. */
function othersOf(
  batch: Batch,
  { fields, further = [] }: ExpectedTable,
  { what, renamed = {} }: EvolveOptions,
): Field[] {
  const known = new Set([...fields, ...further].map(({ name }) => name));
  return batch.schema.fields
    .map(({ name, type }) => ({ name: columnName(name, renamed), type: renamedType(type, renamed, what) }))
    .filter(({ name }) => !known.has(name));
}

function columnName(name: string, renamed: Renamed): string {
  const [, prefix = "", own = name] = PREFIX.exec(name) ?? [];
  return prefix + newName(own, renamed);
}

const differs = (what: string, name: string, from: DataType, to: DataType) =>
  incompatible(`${what} needs "${name}" as ${formatType(to)}, but the snapshot has it as ${formatType(from)}.`);
