import { Batch } from "../core/batch.ts";
import type { Column } from "../core/column.ts";
import { copyColumn } from "../core/columns/copy.ts";
import { keptView } from "../core/columns/kept-view.ts";
import { type Field, Schema } from "../core/schema.ts";
import type { Json, Source, SourceContext, SourceSpec, SourceStatistics, Split, SplitReader } from "../core/source.ts";
import type { Workspace } from "../core/workspace.ts";
import { StoredLayout } from "./stored-layout.ts";
import type { StoredPart, StoredParts } from "./stored-parts.ts";

export const STORED_KIND = "stored";

/** Rows per split at least, so that a table of many small batches does not become as many splits. */
const SPLIT_ROWS = 65_536;

/** Keeps a table in memory while a job reads it. */
export interface TableLease {
  /** @throws {PlanError} DATASET_UNPERSISTED */
  begin(): void;
  end(succeeded: boolean): void;
}

/** A part as readers need it. */
type ReadablePart = Omit<StoredPart, "batchRows" | "bytes">;

interface StoredSpec extends SourceSpec {
  readonly table: string;
  readonly fields: readonly Field[];
  readonly columns: readonly string[];
  readonly parts: readonly ReadablePart[];
}

interface StoredSplit {
  readonly part: number;
  readonly first: number;
  readonly count: number;
}

/**
 * Reads a stored table. A batch in the reading thread's own memory is given as it lies, without a copy of anything; one
 * in another memory is copied by the reading thread, the wanted columns alone, each dictionary once per split.
 */
export class StoredSource implements Source {
  readonly spec: StoredSpec;
  readonly schema: Schema;
  readonly statistics: SourceStatistics;
  readonly description: string;
  /** Set on the planning thread. */
  readonly lease: TableLease | undefined;
  readonly #splits: readonly Split[];
  readonly #whole: Schema;
  readonly #own: StoredParts | undefined;

  /** `own` are the parts of the thread that reads; without them everything is copied. */
  constructor(
    spec: StoredSpec,
    planned: { splits: readonly Split[]; statistics: SourceStatistics; description: string; lease?: TableLease },
    own?: StoredParts,
  ) {
    this.spec = spec;
    this.#whole = new Schema(spec.fields);
    this.schema = this.#whole.pick(spec.columns);
    this.statistics = planned.statistics;
    this.description = planned.description;
    this.lease = planned.lease;
    this.#splits = planned.splits;
    this.#own = own;
  }

  /** Made again on a thread that reads. */
  static on(own: StoredParts, spec: SourceSpec): StoredSource {
    return new StoredSource(spec as StoredSpec, { splits: [], statistics: {}, description: STORED_KIND }, own);
  }

  splits(): readonly Split[] {
    return this.#splits;
  }

  withColumns(columns: readonly string[]): StoredSource {
    const { statistics, description, lease } = this;
    const planned = { splits: this.#splits, statistics, description, ...(lease === undefined ? {} : { lease }) };
    return new StoredSource({ ...this.spec, columns }, planned, this.#own);
  }

  openSplit(split: Split, context: SourceContext): SplitReader {
    const { part: number, first, count } = split.payload as unknown as StoredSplit;
    const part = this.spec.parts[number];
    const indices = this.spec.columns.map((name) => this.#whole.indexOf(name));
    if (this.#own !== undefined && part.home === this.#own.id) {
      const batches = this.#own.batches(this.spec.table, part.key).slice(first, first + count);
      return new InPlaceReader(batches, this.schema, indices);
    }
    return new CopyingReader(part, first, count, this.schema, indices, context.workspace);
  }
}

/** Cuts parts into splits of whole batches. */
export function splitsOf(parts: readonly StoredPart[], description: string): Split[] {
  const splits: Split[] = [];
  for (const [part, { batchRows, home }] of parts.entries()) {
    let first = 0;
    let rows = 0;
    for (const [i, rowCount] of batchRows.entries()) {
      rows += rowCount;
      if (rows < SPLIT_ROWS && i + 1 < batchRows.length) continue;
      const payload: StoredSplit = { part, first, count: i + 1 - first };
      splits.push({
        id: `${description} part ${splits.length}`,
        rows,
        ...(home === null ? {} : { home }),
        payload: payload as unknown as Json,
      });
      first = i + 1;
      rows = 0;
    }
  }
  return splits;
}

class InPlaceReader implements SplitReader {
  readonly #batches: readonly Batch[];
  readonly #schema: Schema;
  readonly #indices: readonly number[];
  #next = 0;

  constructor(batches: readonly Batch[], schema: Schema, indices: readonly number[]) {
    this.#batches = batches;
    this.#schema = schema;
    this.#indices = indices;
  }

  next(): Batch | undefined {
    const batch = this.#batches[this.#next++];
    if (batch === undefined) return undefined;
    const columns = this.#indices.map((index) => keptView(batch.columns[index]));
    return new Batch(this.#schema, batch.rowCount, columns);
  }

  close(): void {
    // The table holds the batches, and each that was given has references of its own.
  }
}

class CopyingReader implements SplitReader {
  readonly #memory: Uint8Array;
  readonly #layout: StoredLayout;
  readonly #end: number;
  readonly #schema: Schema;
  readonly #indices: readonly number[];
  readonly #workspace: Workspace;
  readonly #dictionaries = new Map<number, Column>();
  #next: number;

  constructor(
    part: ReadablePart,
    first: number,
    count: number,
    schema: Schema,
    indices: readonly number[],
    workspace: Workspace,
  ) {
    this.#memory = new Uint8Array(part.memory.buffer);
    this.#layout = new StoredLayout(part.layout);
    this.#next = first;
    this.#end = first + count;
    this.#schema = schema;
    this.#indices = indices;
    this.#workspace = workspace;
  }

  next(): Batch | undefined {
    if (this.#next === this.#end) return undefined;
    const at = this.#next++;
    const columns = this.#indices.map((index, i) => {
      const column = this.#layout.column(at, index);
      const { type } = this.#schema.fields[i];
      const dictionary = this.#dictionary(this.#layout.dictionaryOf(at, index), type, column.dictionary);
      return copyColumn(this.#workspace, this.#memory, type, column, dictionary);
    });
    return new Batch(this.#schema, this.#layout.rowCount(at), columns);
  }

  close(): void {
    for (const dictionary of this.#dictionaries.values()) dictionary.release();
    this.#dictionaries.clear();
  }

  #dictionary(
    id: number,
    type: Column["type"],
    described: Parameters<typeof copyColumn>[3] | undefined,
  ): Column | undefined {
    if (described === undefined) return undefined;
    let dictionary = this.#dictionaries.get(id);
    if (dictionary === undefined) {
      dictionary = copyColumn(this.#workspace, this.#memory, type, described);
      this.#dictionaries.set(id, dictionary);
    }
    return dictionary;
  }
}
