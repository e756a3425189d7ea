import { Batch } from "../../core/batch.ts";
import type { Column } from "../../core/column.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Workspace } from "../../core/workspace.ts";
import type { MatchingEntries } from "./dictionary-indices.ts";
import type { FlatColumnReader } from "./flat-column-reader.ts";
import type { LeafDecoder } from "./leaf-decoder.ts";
import { keepRows, type ScanCondition, type ScanFilter, selectRowsInto } from "./scan-filter.ts";

/** A flat column of a row group, and the bytes that a row of it takes, uncompressed. */
export interface FilteredColumn {
  readonly reader: FlatColumnReader;
  readonly bytesPerRow: number;
}

/** Ascending rows of the row group, u32[count]; the receiver owns the block. */
export interface PassedRows {
  readonly rows: Block;
  readonly count: number;
}

/** Applies the conditions of a scan to one row group, column by column and on dictionary entries where there are some. */
export class RowGroupFilter {
  readonly #workspace: Workspace;
  readonly #filter: ScanFilter;
  readonly #columns: ReadonlyMap<string, FilteredColumn>;
  /** What a condition says of each entry of its column's dictionary; undefined where entries do not tell. */
  readonly #matches = new Map<ScanCondition, EntryTable | undefined>();

  constructor(workspace: Workspace, filter: ScanFilter, columns: ReadonlyMap<string, FilteredColumn>) {
    this.#workspace = workspace;
    this.#filter = filter;
    this.#columns = columns;
  }

  /**
   * The rows of [start, end) that pass. Undefined where picking them would not pay: then all are to be read.
   * Columns keep what they loaded for it, until they are told to forget it.
   */
  select(start: number, end: number): PassedRows | undefined {
    const order = this.#filter.order((condition) => this.#bytesPerRow(condition));
    const [first, ...others] = order;
    if (first === undefined) {
      this.#filter.learn(end - start, end - start);
      return undefined;
    }
    let count = end - start;
    const rows = this.#workspace.allocate((count + 8) * 4);
    try {
      for (const condition of order) {
        const before = count;
        if (condition === first) count = this.#first(condition, start, end, rows.address);
        else count = this.#narrow(condition, rows.address, count);
        condition.learn(before, count);
        if (count === 0) break;
        if (condition !== first) continue;
        // The last chance to read all: further conditions let their columns pass over rows that did not pass so far.
        const likely = others.reduce((rest, { share }) => rest * share, count);
        if (!this.#filter.isWorthwhile(end - start, likely)) {
          this.#filter.learn(end - start, likely);
          return undefined;
        }
      }
      this.#filter.learn(end - start, count);
      return { rows: rows.retain(), count };
    } finally {
      rows.release();
    }
  }

  #bytesPerRow({ columns }: ScanCondition): number {
    return columns.reduce((sum, name) => sum + (this.#columns.get(name)?.bytesPerRow ?? 0), 0);
  }

  #readersOf({ columns }: ScanCondition): FlatColumnReader[] {
    return columns.map((name) => (this.#columns.get(name) as FilteredColumn).reader);
  }

  /** Writes the rows of [start, end) for which a condition holds. */
  #first(condition: ScanCondition, start: number, end: number, target: Address): number {
    const readers = this.#readersOf(condition);
    let count = 0;
    for (let at = start; at < end; ) {
      const to = target + count * 4;
      const matched =
        readers.length === 1
          ? readers[0].match(at, end, (decoder) => this.#matchesOf(condition, decoder), to)
          : undefined;
      if (matched !== undefined) {
        count += matched.count;
        at = matched.stop;
        continue;
      }
      const stop = Math.min(end, ...readers.map((reader) => reader.spanEnd(at)));
      const batch = this.#batch(condition, stop - at, readers, (reader) => reader.slice(at, stop));
      count += this.#using(batch, () => selectRowsInto(this.#workspace, condition, batch, at, to));
      at = stop;
    }
    return count;
  }

  /** Keeps of `count` rows, in place, those for which a condition holds. */
  #narrow(condition: ScanCondition, rows: Address, count: number): number {
    const { kernels } = this.#workspace;
    const readers = this.#readersOf(condition);
    let kept = 0;
    for (let done = 0; done < count; ) {
      const from = rows + done * 4;
      const left = count - done;
      const matched =
        readers.length === 1
          ? readers[0].keep(from, left, (decoder) => this.#matchesOf(condition, decoder), rows + kept * 4)
          : undefined;
      if (matched !== undefined) {
        kept += matched.kept;
        done += matched.taken;
        continue;
      }
      const batch = this.#batch(condition, left, readers, (reader) => reader.peek(from, left));
      const some = this.#using(batch, () => keepRows(this.#workspace, condition, batch, from));
      if (kept < done) kernels.copyBytes(rows + kept * 4, from, some * 4);
      return kept + some;
    }
    return kept;
  }

  #batch(
    { schema }: ScanCondition,
    rowCount: number,
    readers: readonly FlatColumnReader[],
    read: (reader: FlatColumnReader) => Column,
  ): Batch {
    const columns: Column[] = [];
    try {
      for (const reader of readers) columns.push(read(reader));
    } catch (error) {
      for (const column of columns) column.release();
      throw error;
    }
    return new Batch(schema, rowCount, columns);
  }

  #using<T>(batch: Batch, use: () => T): T {
    try {
      return use();
    } finally {
      batch.release();
    }
  }

  #matchesOf(condition: ScanCondition, decoder: LeafDecoder): MatchingEntries | undefined {
    if (!this.#matches.has(condition)) this.#matches.set(condition, this.#matchEntries(condition, decoder));
    return this.#matches.get(condition);
  }

  #matchEntries(condition: ScanCondition, decoder: LeafDecoder): EntryTable | undefined {
    const workspace = this.#workspace;
    if (decoder.leaf.maxDefinition > 0 && condition.keepsNull(workspace)) return undefined;
    const entries = decoder.entries();
    if (entries === undefined) return undefined;
    const { length } = entries;
    const batch = new Batch(condition.schema, length, [entries]);
    return this.#using(batch, () => {
      const selection = condition.predicate.select(workspace, batch);
      const table = workspace.allocate(length);
      workspace.kernels.fillBytes(table.address, selection === "all" ? 1 : 0, length);
      if (typeof selection === "object") {
        workspace.kernels.parquetMarkEntries(selection.indices.address, selection.count, table.address);
        selection.indices.release();
      }
      return { address: table.address, length, block: table };
    });
  }

  close(): void {
    for (const table of this.#matches.values()) table?.block.release();
    this.#matches.clear();
    this.#filter.close();
  }
}

interface EntryTable extends MatchingEntries {
  readonly block: Block;
}
