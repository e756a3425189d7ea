import { Batch } from "../../core/batch.ts";
import type { Column } from "../../core/column.ts";
import { columnOf } from "../../core/columns/allocate.ts";
import { buildColumn } from "../../core/columns/builder.ts";
import { type Field, Schema } from "../../core/schema.ts";
import type { Json, SplitReader, Unread } from "../../core/source.ts";
import type { DataType } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";
import { partitionValue } from "./partition-values.ts";

/** Which columns a source of files gives: some stand in the files, others in the names of directories. */
export class ColumnSelection {
  readonly schema: Schema;
  /** The columns to read from the files, in the order of `schema`. */
  readonly fileColumns: readonly string[];
  readonly #partitions: readonly Field[];

  /** A partition column hides a file's column of the same name. `names` picks and orders; default: all, files first. */
  constructor(fileFields: readonly Field[], partitions: readonly Field[], names?: readonly string[]) {
    const hidden = new Set(partitions.map((field) => field.name));
    const all = new Schema([...fileFields.filter((field) => !hidden.has(field.name)), ...partitions]);
    this.schema = names === undefined ? all : all.pick(names);
    this.fileColumns = this.schema.names.filter((name) => !hidden.has(name));
    this.#partitions = partitions;
  }

  /** Adds the partition columns to what `reader` gives, which has the columns `fileColumns`. */
  reader(workspace: Workspace, reader: SplitReader, texts: readonly (string | null)[]): SplitReader {
    if (this.fileColumns.length === this.schema.fields.length) return reader;
    return new PartitionedReader(workspace, reader, this.schema, this.fileColumns, this.#partitions, texts);
  }
}

class PartitionedReader implements SplitReader {
  readonly #workspace: Workspace;
  readonly #reader: SplitReader;
  readonly offset?: () => Json;
  readonly unread?: () => Unread;
  readonly #schema: Schema;
  /** Per output column: its index in the reader's batches, or its constant. */
  readonly #parts: readonly (number | { type: DataType; value: unknown })[];

  constructor(
    workspace: Workspace,
    reader: SplitReader,
    schema: Schema,
    fileColumns: readonly string[],
    partitions: readonly Field[],
    texts: readonly (string | null)[],
  ) {
    this.#workspace = workspace;
    this.#reader = reader;
    if (reader.offset !== undefined) this.offset = () => reader.offset?.() ?? null;
    if (reader.unread !== undefined) this.unread = () => reader.unread?.() ?? {};
    this.#schema = schema;
    this.#parts = schema.fields.map(({ name, type }) => {
      const index = fileColumns.indexOf(name);
      if (index >= 0) return index;
      const text = texts[partitions.findIndex((field) => field.name === name)] ?? null;
      return { type, value: partitionValue(text, type) };
    });
  }

  next(): Batch | undefined | Promise<Batch | undefined> {
    const batch = this.#reader.next();
    return batch instanceof Promise ? batch.then((ready) => this.#complete(ready)) : this.#complete(batch);
  }

  close(): void {
    this.#reader.close();
  }

  #complete(batch: Batch | undefined): Batch | undefined {
    if (batch === undefined) return undefined;
    const columns = this.#parts.map((part) =>
      typeof part === "number"
        ? batch.columns[part].retain()
        : constantColumn(this.#workspace, part.type, part.value, batch.rowCount),
    );
    const complete = new Batch(this.#schema, batch.rowCount, columns);
    batch.release();
    return complete;
  }
}

/** The same value in every row: as one dictionary entry where the value is a text. */
export function constantColumn(workspace: Workspace, type: DataType, value: unknown, length: number): Column {
  if (value === null || type.kind !== "utf8") return buildColumn(workspace, type, Array(length).fill(value));
  const dictionary = buildColumn(workspace, type, [value]);
  return columnOf(workspace, type, length, { data: workspace.allocateZeroed(length * 4), dictionary });
}
