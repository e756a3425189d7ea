import { Batch } from "../batch.ts";
import { type ColumnBuilder, columnBuilder } from "../columns/builder.ts";
import { columnReader } from "../columns/read.ts";
import { type Field, Schema } from "../schema.ts";
import type { ExpectedTable, SnapshotWriter, StateKind } from "../state-snapshot.ts";
import { KEY_GROUP_FIELD } from "../state-snapshot.ts";
import { formatType, sameType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { incompatible } from "./incompatible.ts";

const BATCH_ROWS = 16_384;

/** The first columns of every table of keyed state: the key group, then the key under names of its own. */
export const keyFields = (fields: readonly Field[]): Field[] => [
  KEY_GROUP_FIELD,
  ...fields.map(({ name, type }) => ({ name: `key.${name}`, type })),
];

/** A table whose columns of the key are called "key.name" or "key name". */
export const keyedTable = (fields: readonly Field[]): ExpectedTable => ({
  fields,
  keys: fields.map(({ name }) => name).filter((name) => /^key[. ]/.test(name)),
});

/** Writes a state table row by row, in batches of a bounded size. */
export class StateTableWriter {
  readonly #workspace: Workspace;
  readonly #writer: SnapshotWriter;
  readonly #table: string;
  readonly #kind: StateKind;
  readonly #schema: Schema;
  readonly #builders: readonly ColumnBuilder[];
  #rowCount = 0;
  #hasWritten = false;

  constructor(workspace: Workspace, writer: SnapshotWriter, table: string, kind: StateKind, fields: readonly Field[]) {
    this.#workspace = workspace;
    this.#writer = writer;
    this.#table = table;
    this.#kind = kind;
    this.#schema = new Schema(fields);
    this.#builders = fields.map(({ type }) => columnBuilder(this.#workspace, type));
  }

  add(values: readonly unknown[]): void {
    for (let i = 0; i < values.length; i++) this.#builders[i].append(values[i]);
    if (++this.#rowCount === BATCH_ROWS) this.#flush();
  }

  /** Writes what is left; a table without rows is one empty batch. */
  finish(): void {
    if (this.#rowCount > 0 || !this.#hasWritten) this.#flush();
  }

  /** Also after a failure. */
  close(): void {
    for (const builder of this.#builders) builder.close();
  }

  #flush(): void {
    const columns = this.#builders.map((builder) => builder.finish());
    this.#writer.write(this.#table, this.#kind, new Batch(this.#schema, this.#rowCount, columns));
    this.#rowCount = 0;
    this.#hasWritten = true;
  }
}

/** Writes a table as `fill` gives its rows. */
export function writeStateTable(
  workspace: Workspace,
  writer: SnapshotWriter,
  table: { readonly name: string; readonly kind: StateKind; readonly fields: readonly Field[] },
  fill: (add: (values: readonly unknown[]) => void) => void,
): void {
  const rows = new StateTableWriter(workspace, writer, table.name, table.kind, table.fields);
  try {
    fill((values) => rows.add(values));
    rows.finish();
  } finally {
    rows.close();
  }
}

/** Values of each row of the batches, which stay the caller's, in the order of `names`; a column that is not there gives undefined. */
export function readStateTable(
  workspace: Workspace,
  batch: Batch,
  names: readonly string[],
  visit: (values: unknown[]) => void,
): void {
  const { schema } = batch;
  const readers = names.map((name) =>
    schema.has(name) ? columnReader(workspace, batch.columns[schema.indexOf(name)]) : () => undefined,
  );
  for (let row = 0; row < batch.rowCount; row++) visit(readers.map((read) => read(row)));
}

/**
 * A state is restored as what it was written as.
 * @throws {PlanError} STATE_INCOMPATIBLE
 */
export function checkStateSchema(what: string, found: Schema, expected: readonly Field[]): void {
  for (const { name, type } of expected) {
    if (found.has(name) && sameType(found.typeOf(name), type)) continue;
    const has = found.has(name) ? `has it as ${formatType(found.typeOf(name))}` : "lacks it";
    throw incompatible(`${what} needs "${name}" as ${formatType(type)}, but the snapshot ${has}.`);
  }
  const extra = found.names.find((name) => name.startsWith("key.") && !expected.some((field) => field.name === name));
  if (extra !== undefined) throw incompatible(`${what} was keyed by "${extra.slice(4)}" too in the snapshot.`);
}
