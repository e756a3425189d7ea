import { Batch } from "../core/batch.ts";
import type { Column } from "../core/column.ts";
import { copyColumn, describeColumn } from "../core/columns/copy.ts";
import { keptView } from "../core/columns/kept-view.ts";
import { batchBytes } from "../core/columns/size.ts";
import { assert } from "../core/errors.ts";
import type { Block } from "../core/memory/block.ts";
import type { Schema } from "../core/schema.ts";
import type { Committable, SinkWriter } from "../core/sink.ts";
import { Workspace } from "../core/workspace.ts";
import { encodeLayout } from "./stored-layout.ts";

/** A thread keeps this much in its own memory, of 4 GiB, so that jobs have the rest; more goes to overflow memories. */
const IN_PLACE_BYTES = 2 ** 31;
/** An overflow memory takes no further batch from here on. */
const OVERFLOW_BYTES = 3 * 2 ** 30;
/** Kept batches may hold so many times the bytes of their rows, and a little, before they are copied together. */
const WASTE_FACTOR = 2;
const WASTE_BYTES = 1 << 20;

/** The batches of one stored table in one memory, as all threads know them. */
export interface StoredPart {
  /** The thread's memory in which they lie and can be read in place; null for an overflow memory. */
  readonly home: string | null;
  /** Names the part among those of the table in that home. */
  readonly key: string;
  /** @internal */
  readonly memory: WebAssembly.Memory;
  /** See `encodeLayout`. */
  readonly layout: SharedArrayBuffer;
  readonly batchRows: readonly number[];
  readonly bytes: number;
}

interface Part {
  readonly batches: Batch[];
}

/**
 * The parts of stored tables that one thread holds.
 *
 * Owner and life: the writer of a job's subtask keeps its batches by a reference each, without a copy. They belong to
 * the table that the planning thread names (`StoredTable`), and go when it says so (`free`): because the job failed, or
 * because the table was released and no job reads it any more. They count as kept (`Workspace.kept`), never as leaked.
 *
 * Reading: subtasks of this thread take further references (`batches`); other threads copy, by the addresses of the
 * part's layout, straight from this memory. Nobody writes to a stored batch, so no lock is needed.
 *
 * When much is kept already, batches are copied to a memory of their own instead, which every thread reads by copying
 * and which the garbage collector takes once no table refers to it.
 */
export class StoredParts {
  /** Unique in the process. */
  readonly id: string;
  readonly workspace: Workspace;
  readonly #module: WebAssembly.Module;
  readonly #inPlaceBytes: number;
  readonly #tables = new Map<string, Map<string, Part>>();

  /** @internal */
  constructor(id: string, workspace: Workspace, module: WebAssembly.Module, inPlaceBytes = IN_PLACE_BYTES) {
    this.id = id;
    this.workspace = workspace;
    this.#module = module;
    this.#inPlaceBytes = inPlaceBytes;
  }

  /** A writer for one subtask; what it prepares is `StoredPart[]`. */
  writer(table: string, key: string, schema: Schema): SinkWriter {
    const part: Part = { batches: [] };
    const parts = this.#tables.get(table) ?? new Map<string, Part>();
    parts.set(key, part);
    this.#tables.set(table, parts);
    return new StoredWriter(this, key, schema, part, () => this.#drop(table, key));
  }

  /** The batches of a part; the caller borrows them. */
  batches(table: string, key: string): readonly Batch[] {
    const part = this.#tables.get(table)?.get(key);
    assert(part !== undefined, `part ${key} of table ${table} lies here`);
    return part.batches;
  }

  /** Forgets a table. Returns how many blocks somebody still refers to, which nobody should. */
  free(table: string): number {
    let leaked = 0;
    for (const key of this.#tables.get(table)?.keys() ?? []) leaked += this.#drop(table, key);
    return leaked;
  }

  /** Whether as much is kept in the thread's own memory as may be. */
  get isFull(): boolean {
    return this.workspace.kept.byteLength >= this.#inPlaceBytes;
  }

  newMemory(): Workspace {
    return new Workspace(this.#module);
  }

  #drop(table: string, key: string): number {
    const parts = this.#tables.get(table);
    const dropped: Block[] = [];
    for (const batch of parts?.get(key)?.batches ?? []) {
      for (const column of batch.columns) this.workspace.kept.drop(column, dropped);
      batch.release();
    }
    parts?.delete(key);
    if (parts?.size === 0) this.#tables.delete(table);
    return dropped.reduce((count, block) => (block.isFree ? count : count + 1), 0);
  }
}

/** Keeps the batches of one subtask: here while there is room, then in overflow memories. */
class StoredWriter implements SinkWriter {
  readonly #parts: StoredParts;
  readonly #key: string;
  readonly #schema: Schema;
  readonly #part: Part;
  readonly #drop: () => void;
  readonly #overflow: Overflow[] = [];
  /** Bytes of the rows, and of the blocks that only this part keeps. */
  #rowBytes = 0;
  #blockBytes = 0;

  constructor(parts: StoredParts, key: string, schema: Schema, part: Part, drop: () => void) {
    this.#parts = parts;
    this.#key = key;
    this.#schema = schema;
    this.#part = part;
    this.#drop = drop;
  }

  write(batch: Batch): void {
    assert(batch.rowKinds === undefined, "stored rows are no changelog");
    if (batch.rowCount === 0) return;
    const { workspace } = this.#parts;
    // Once begun, the overflow takes the rest too: rows stay in order.
    if (this.#overflow.length > 0 || this.#parts.isFull) {
      this.#overflowed().append(batch, workspace);
      return;
    }
    this.#rowBytes += batchBytes(workspace, batch);
    const kept = new Batch(this.#schema, batch.rowCount, batch.columns.map(keptView));
    this.#blockBytes += this.#keep(kept);
    this.#part.batches.push(kept);
  }

  prepareCommit(): Committable {
    if (this.#blockBytes > WASTE_FACTOR * this.#rowBytes + WASTE_BYTES) this.#compact();
    const prepared: StoredPart[] = this.#overflow.map((overflow) => overflow.part(this.#schema));
    const { batches } = this.#part;
    const { workspace, id } = this.#parts;
    if (batches.length > 0) {
      prepared.unshift(partOf(workspace, batches, this.#schema, id, this.#key, this.#rowBytes));
    }
    // It crosses threads by structured cloning, as memories can.
    return prepared as unknown as Committable;
  }

  close(): void {
    this.#drop();
  }

  #keep(batch: Batch): number {
    const { kept } = this.#parts.workspace;
    return batch.columns.reduce((bytes, column) => bytes + kept.keep(column), 0);
  }

  /** A few rows of large blocks would keep the blocks whole: their rows move to blocks of their own. */
  #compact(): void {
    const { workspace } = this.#parts;
    const { batches } = this.#part;
    const copier = new BatchCopier(workspace, workspace, this.#schema);
    const dropped: Block[] = [];
    for (const [i, batch] of batches.entries()) {
      const copy = copier.copy(batch);
      this.#keep(copy);
      for (const column of batch.columns) workspace.kept.drop(column, dropped);
      batches[i] = copy;
      batch.release();
    }
    copier.close();
  }

  #overflowed(): Overflow {
    let newest = this.#overflow.at(-1);
    if (newest === undefined || newest.isFull) {
      newest = new Overflow(this.#parts.newMemory(), this.#parts.workspace, this.#schema, this.#key);
      this.#overflow.push(newest);
    }
    return newest;
  }
}

/** Batches that did not fit a thread's own memory, in one that is theirs alone. */
class Overflow {
  readonly #workspace: Workspace;
  readonly #copier: BatchCopier;
  readonly #batches: Batch[] = [];
  readonly #key: string;
  #bytes = 0;

  constructor(target: Workspace, source: Workspace, schema: Schema, key: string) {
    this.#workspace = target;
    this.#copier = new BatchCopier(target, source, schema);
    this.#key = key;
  }

  get isFull(): boolean {
    return this.#workspace.allocator.liveBytes >= OVERFLOW_BYTES;
  }

  append(batch: Batch, workspace: Workspace): void {
    this.#batches.push(this.#copier.copy(batch));
    this.#bytes += batchBytes(workspace, batch);
  }

  part(schema: Schema): StoredPart {
    return partOf(this.#workspace, this.#batches, schema, null, this.#key, this.#bytes);
  }
}

/** Copies batches between memories; those that share a dictionary go on sharing it. */
class BatchCopier {
  readonly #target: Workspace;
  readonly #source: Workspace;
  readonly #schema: Schema;
  readonly #dictionaries = new Map<Column, Column>();

  constructor(target: Workspace, source: Workspace, schema: Schema) {
    this.#target = target;
    this.#source = source;
    this.#schema = schema;
  }

  copy(batch: Batch): Batch {
    const columns = batch.columns.map((column, i) => {
      const { type } = this.#schema.fields[i];
      const dictionary = column.dictionary && this.#dictionary(column.dictionary);
      return copyColumn(this.#target, this.#source.u8, type, describeColumn(this.#source, column), dictionary);
    });
    return new Batch(this.#schema, batch.rowCount, columns);
  }

  close(): void {
    for (const dictionary of this.#dictionaries.values()) dictionary.release();
    this.#dictionaries.clear();
  }

  #dictionary(original: Column): Column {
    let copy = this.#dictionaries.get(original);
    if (copy === undefined) {
      const described = describeColumn(this.#source, original);
      copy = copyColumn(this.#target, this.#source.u8, original.type, described);
      this.#dictionaries.set(original, copy);
    }
    return copy;
  }
}

const partOf = (
  workspace: Workspace,
  batches: readonly Batch[],
  schema: Schema,
  home: string | null,
  key: string,
  bytes: number,
): StoredPart => ({
  home,
  key,
  memory: workspace.memory,
  layout: encodeLayout(workspace, batches, schema.fields.length),
  batchRows: batches.map((batch) => batch.rowCount),
  bytes,
});
