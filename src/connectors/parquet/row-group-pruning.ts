import type { ReadableFile } from "../../core/host.ts";
import type { PruningPredicate } from "../../core/source.ts";
import { type BloomFilter, readBloomFilter } from "./bloom-filter.ts";
import { boundOf, type ColumnFacts, trustedBounds } from "./bounds.ts";
import type { ParquetPlace } from "./errors.ts";
import { type PageLocation, readPageBounds, readPageLocations } from "./page-index.ts";
import type { ParquetFile } from "./parquet-file.ts";
import { cannotMatch } from "./pruning.ts";
import type { RowGroupOptions, RowRange } from "./row-group-reader.ts";
import type { LeafSchema } from "./schema-mapping.ts";

/** The leaf of a column that is neither nested nor repeated: only of those do statistics speak about rows. */
function flatLeaf(file: ParquetFile, name: string): LeafSchema | undefined {
  return file.schema.has(name) ? file.mapped.roots[file.schema.indexOf(name)].leaf : undefined;
}

/** Whether the footer's statistics already say that no row of a row group matches. Reads nothing. */
export function isRowGroupPruned(file: ParquetFile, rowGroup: number, predicate: PruningPredicate): boolean {
  return cannotMatch(predicate, (name) => {
    const leaf = flatLeaf(file, name);
    return leaf && { type: leaf.type, facts: chunkFacts(file, rowGroup, leaf) };
  });
}

/** What the footer says about one flat column of a row group. */
export function chunkFacts(file: ParquetFile, rowGroup: number, leaf: LeafSchema): ColumnFacts {
  const { rowCount, columns } = file.rowGroups[rowGroup];
  const { statistics } = columns[leaf.index];
  const isTrusted = !columns[leaf.index].isEncrypted && statistics !== undefined && leaf.maxRepetition === 0;
  if (!isTrusted) return { rowCount, nullCount: undefined, min: undefined, max: undefined };
  const { nullCount } = statistics;
  const isCount = nullCount !== undefined && nullCount >= 0 && nullCount <= rowCount;
  const bounds = trustedBounds(leaf, statistics, file.metadata.hasColumnOrders);
  return { rowCount, nullCount: leaf.maxDefinition === 0 ? 0 : isCount ? nullCount : undefined, ...bounds };
}

/**
 * Which rows of a row group may match, by page index and Bloom filters: undefined for none, `{}` for all, or ranges with
 * the page locations to read them by. Opens the file only if it has such indexes for the columns of the predicate.
 */
export function selectRows(
  file: ParquetFile,
  rowGroup: number,
  predicate: PruningPredicate,
): RowGroupOptions | undefined {
  const { columns } = file.rowGroups[rowGroup];
  const leaves = new Map<string, LeafSchema>();
  for (const name of columnsOf(predicate)) {
    const leaf = flatLeaf(file, name);
    if (leaf !== undefined) leaves.set(name, leaf);
  }
  const hasIndex = [...leaves.values()].some(({ index }) => {
    const { bloomFilterOffset, columnIndexOffset, offsetIndexOffset } = columns[index];
    return bloomFilterOffset !== undefined || (columnIndexOffset !== undefined && offsetIndexOffset !== undefined);
  });
  if (!hasIndex) return {};
  const handle = file.open();
  try {
    return new RowSelector(file, handle, rowGroup, leaves).select(predicate);
  } finally {
    handle.close();
  }
}

function columnsOf(predicate: PruningPredicate): string[] {
  return "column" in predicate ? [predicate.column] : predicate.args.flatMap(columnsOf);
}

interface IndexedPages {
  readonly locations: readonly PageLocation[];
  readonly facts: readonly ColumnFacts[];
}

class RowSelector {
  readonly #file: ParquetFile;
  readonly #handle: ReadableFile;
  readonly #rowGroup: number;
  readonly #leaves: ReadonlyMap<string, LeafSchema>;
  readonly #rowCount: number;
  readonly #filters = new Map<number, BloomFilter | undefined>();
  readonly #pages = new Map<number, IndexedPages | undefined>();

  constructor(file: ParquetFile, handle: ReadableFile, rowGroup: number, leaves: ReadonlyMap<string, LeafSchema>) {
    this.#file = file;
    this.#handle = handle;
    this.#rowGroup = rowGroup;
    this.#leaves = leaves;
    this.#rowCount = file.rowGroups[rowGroup].rowCount;
  }

  select(predicate: PruningPredicate): RowGroupOptions | undefined {
    const isExcluded = cannotMatch(predicate, (name) => {
      const leaf = this.#leaves.get(name);
      if (leaf === undefined) return undefined;
      const mightContain = (value: unknown): boolean => this.#filter(leaf)?.mightContain(value) ?? true;
      return { type: leaf.type, facts: { ...chunkFacts(this.#file, this.#rowGroup, leaf), mightContain } };
    });
    if (isExcluded) return undefined;
    const ranges = this.#ranges(predicate);
    if (ranges.length === 0) return undefined;
    const [{ start, end }] = ranges;
    if (start === 0 && end === this.#rowCount) return {};
    return { ranges, locations: this.#allLocations() };
  }

  /** Rows that may match, as ascending disjoint ranges that do not touch. */
  #ranges(predicate: PruningPredicate): RowRange[] {
    const all = [{ start: 0, end: this.#rowCount }];
    switch (predicate.op) {
      case "and":
        return predicate.args.reduce((ranges, arg) => intersect(ranges, this.#ranges(arg)), all);
      case "or":
        return predicate.args.length === 0 ? all : union(predicate.args.flatMap((arg) => this.#ranges(arg)));
      default: {
        const leaf = this.#leaves.get(predicate.column);
        const pages = leaf && this.#indexedPages(leaf);
        if (leaf === undefined || pages === undefined) return all;
        const kept = pages.facts.flatMap((facts, page) => {
          if (cannotMatch(predicate, () => ({ type: leaf.type, facts }))) return [];
          const start = pages.locations[page].firstRow;
          return [{ start, end: start + facts.rowCount }];
        });
        return union(kept);
      }
    }
  }

  #filter(leaf: LeafSchema): BloomFilter | undefined {
    if (!this.#filters.has(leaf.index)) {
      const chunk = this.#file.rowGroups[this.#rowGroup].columns[leaf.index];
      this.#filters.set(leaf.index, readBloomFilter(this.#handle, chunk, leaf));
    }
    return this.#filters.get(leaf.index);
  }

  #indexedPages(leaf: LeafSchema): IndexedPages | undefined {
    if (!this.#pages.has(leaf.index)) this.#pages.set(leaf.index, this.#readPages(leaf));
    return this.#pages.get(leaf.index);
  }

  #readPages(leaf: LeafSchema): IndexedPages | undefined {
    const chunk = this.#file.rowGroups[this.#rowGroup].columns[leaf.index];
    const place: ParquetPlace = { path: this.#file.path, rowGroup: this.#rowGroup, column: leaf.path };
    const locations = readPageLocations(this.#handle, chunk, this.#rowCount, place);
    if (locations === undefined) return undefined;
    const bounds = readPageBounds(this.#handle, chunk, locations.length, place);
    if (bounds === undefined) return undefined;
    const facts = locations.map(({ firstRow }, page): ColumnFacts => {
      const rowCount = (locations[page + 1]?.firstRow ?? this.#rowCount) - firstRow;
      const nullCount = bounds.isNull[page] ? rowCount : bounds.nullCounts?.[page];
      // Bounds of null pages are empty; the page index knows no deprecated bounds, so an order is enough.
      const isKnown = leaf.hasKnownOrder && this.#file.metadata.hasColumnOrders && !bounds.isNull[page];
      const min = isKnown ? boundOf(leaf, bounds.min[page]) : undefined;
      const max = isKnown ? boundOf(leaf, bounds.max[page]) : undefined;
      return min === undefined || max === undefined
        ? { rowCount, nullCount, min: undefined, max: undefined }
        : { rowCount, nullCount, min, max };
    });
    return { locations, facts };
  }

  /** Page locations of every flat leaf: a column without them is read and cut to the ranges. */
  #allLocations(): Map<number, readonly PageLocation[]> {
    const result = new Map<number, readonly PageLocation[]>();
    for (const leaf of this.#file.mapped.leaves) {
      if (leaf.maxRepetition > 0) continue;
      const chunk = this.#file.rowGroups[this.#rowGroup].columns[leaf.index];
      const place: ParquetPlace = { path: this.#file.path, rowGroup: this.#rowGroup, column: leaf.path };
      const locations = readPageLocations(this.#handle, chunk, this.#rowCount, place);
      if (locations !== undefined) result.set(leaf.index, locations);
    }
    return result;
  }
}

function union(ranges: readonly RowRange[]): RowRange[] {
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  const result: RowRange[] = [];
  for (const range of sorted) {
    const last = result[result.length - 1];
    if (last !== undefined && range.start <= last.end) {
      result[result.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    } else result.push(range);
  }
  return result;
}

function intersect(a: readonly RowRange[], b: readonly RowRange[]): RowRange[] {
  const result: RowRange[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const start = Math.max(a[i].start, b[j].start);
    const end = Math.min(a[i].end, b[j].end);
    if (start < end) result.push({ start, end });
    if (a[i].end < b[j].end) i++;
    else j++;
  }
  return result;
}
