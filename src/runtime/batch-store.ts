import { Batch } from "../core/batch.ts";
import type { Column } from "../core/column.ts";
import {
  type BatchDescriptor,
  type ColumnDescriptor,
  copyColumn,
  describeBatch,
  describeColumn,
} from "../core/columns/copy.ts";
import { batchBytes } from "../core/columns/size.ts";
import { type Field, Schema } from "../core/schema.ts";
import type { Json, Source, SourceContext, SourceFactory, Split, SplitReader } from "../core/source.ts";
import { Workspace } from "../core/workspace.ts";

/** Rows per split at least, so that a store of many small batches does not become as many splits. */
const SPLIT_ROWS = 65_536;

/**
 * Rows kept in memory between jobs: a persisted dataset, or the state of an iteration. They live in a memory of their
 * own, which every thread can read, and go with the store when nothing refers to it any more.
 */
export class BatchStore {
  readonly schema: Schema;
  readonly #workspace: Workspace;
  readonly #batches: Batch[] = [];
  /** Copies of dictionaries by what they are copies of: batches that share one go on sharing it. */
  #copies = new WeakMap<Column, Column>();
  readonly #dictionaries: Column[] = [];
  #rows = 0;
  #bytes = 0;

  /** @internal */
  constructor(module: WebAssembly.Module, schema: Schema) {
    this.schema = schema;
    this.#workspace = new Workspace(module);
  }

  get rowCount(): number {
    return this.#rows;
  }

  get byteLength(): number {
    return this.#bytes;
  }

  /** Copies a batch in; the caller keeps its own. */
  append(batch: Batch, workspace: Workspace): void {
    const columns = batch.columns.map((column, i) => {
      const { type } = this.schema.fields[i];
      const dictionary = column.dictionary && this.#dictionary(type, column.dictionary, workspace);
      return copyColumn(this.#workspace, workspace.u8, type, describeColumn(workspace, column), dictionary);
    });
    const copy = new Batch(this.schema, batch.rowCount, columns);
    this.#batches.push(copy);
    this.#rows += batch.rowCount;
    this.#bytes += batchBytes(this.#workspace, copy);
  }

  /** Forgets all rows and keeps the memory for the next. */
  clear(): void {
    for (const batch of this.#batches) batch.release();
    this.#batches.length = 0;
    for (const dictionary of this.#dictionaries) dictionary.release();
    this.#dictionaries.length = 0;
    this.#copies = new WeakMap();
    this.#rows = 0;
    this.#bytes = 0;
  }

  /** The rows as they are now; a source that was made before a `clear` must not be read after it. */
  source(description: string): Source {
    const splits: Split[] = [];
    let group: BatchDescriptor[] = [];
    let rows = 0;
    const close = () => {
      if (group.length === 0) return;
      splits.push({ id: `${description} part ${splits.length}`, rows, payload: group as unknown as Json });
      group = [];
      rows = 0;
    };
    for (const batch of this.#batches) {
      group.push(describeBatch(this.#workspace, batch));
      rows += batch.rowCount;
      if (rows >= SPLIT_ROWS) close();
    }
    close();
    return storedSource({
      memory: this.#workspace.memory,
      schema: this.schema,
      columns: this.schema.names,
      splits,
      description,
      rows: this.#rows,
      bytes: this.#bytes,
    });
  }

  #dictionary(type: Column["type"], dictionary: Column, workspace: Workspace): Column {
    let copy = this.#copies.get(dictionary);
    if (copy === undefined) {
      copy = copyColumn(this.#workspace, workspace.u8, type, describeColumn(workspace, dictionary));
      this.#copies.set(dictionary, copy);
      this.#dictionaries.push(copy);
    }
    return copy;
  }
}

export const STORED_KIND = "stored";

interface StoredOptions {
  readonly memory: WebAssembly.Memory;
  readonly schema: Schema;
  readonly columns: readonly string[];
  readonly splits: readonly Split[];
  readonly description: string;
  readonly rows: number;
  readonly bytes: number;
}

function storedSource(options: StoredOptions): Source {
  const { memory, schema, columns, splits, description, rows, bytes } = options;
  const picked = schema.pick(columns);
  const indices = columns.map((name) => schema.indexOf(name));
  return {
    spec: { kind: STORED_KIND, memory, fields: schema.fields, columns },
    schema: picked,
    statistics: { rows, bytes },
    description,
    splits: () => splits,
    openSplit: (split, context) => new StoredReader(memory, picked, indices, split, context),
    withColumns: (names) => storedSource({ ...options, columns: names }),
  };
}

/** Makes the source on another thread, over the same memory. */
export const storedSourceFactory: SourceFactory = (spec) =>
  storedSource({
    memory: spec.memory as WebAssembly.Memory,
    schema: new Schema(spec.fields as readonly Field[]),
    columns: spec.columns as readonly string[],
    splits: [],
    description: STORED_KIND,
    rows: 0,
    bytes: 0,
  });

/** Copies stored batches into the reading thread's memory, each dictionary once per split. */
class StoredReader implements SplitReader {
  readonly #source: Uint8Array;
  readonly #schema: Schema;
  readonly #indices: readonly number[];
  readonly #batches: readonly BatchDescriptor[];
  readonly #workspace: Workspace;
  readonly #dictionaries = new Map<number, Column>();
  #next = 0;

  constructor(
    memory: WebAssembly.Memory,
    schema: Schema,
    indices: readonly number[],
    split: Split,
    context: SourceContext,
  ) {
    this.#source = new Uint8Array(memory.buffer);
    this.#schema = schema;
    this.#indices = indices;
    this.#batches = split.payload as unknown as readonly BatchDescriptor[];
    this.#workspace = context.workspace;
  }

  next(): Batch | undefined {
    const described = this.#batches[this.#next++];
    if (described === undefined) return undefined;
    const columns = this.#indices.map((index, i) => {
      const column = described.columns[index];
      const { type } = this.#schema.fields[i];
      const dictionary = column.dictionary === undefined ? undefined : this.#dictionary(type, column.dictionary);
      return copyColumn(this.#workspace, this.#source, type, column, dictionary);
    });
    return new Batch(this.#schema, described.rowCount, columns);
  }

  close(): void {
    for (const dictionary of this.#dictionaries.values()) dictionary.release();
    this.#dictionaries.clear();
  }

  #dictionary(type: Column["type"], described: ColumnDescriptor): Column {
    const key = described.offsets;
    let dictionary = this.#dictionaries.get(key);
    if (dictionary === undefined) {
      dictionary = copyColumn(this.#workspace, this.#source, type, described);
      this.#dictionaries.set(key, dictionary);
    }
    return dictionary;
  }
}
