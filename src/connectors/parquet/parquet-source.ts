import { PlanError } from "../../core/errors.ts";
import { callNode, type ExpressionNode } from "../../core/expressions/node.ts";
import type { Host, HostFiles } from "../../core/host.ts";
import type { Field, Schema } from "../../core/schema.ts";
import type {
  ColumnStatistics,
  Json,
  PruningPredicate,
  Source,
  SourceContext,
  SourceFactory,
  SourceSpec,
  SourceStatistics,
  Split,
  SplitReader,
} from "../../core/source.ts";
import { formatType, sameType } from "../../core/types.ts";
import { ColumnSelection } from "../files/column-selection.ts";
import { partitionColumns } from "../files/partition-values.ts";
import { expandPaths, type FoundFile } from "../files/paths.ts";
import { openParquet, type ParquetFile } from "./parquet-file.ts";
import { chunkFacts, isRowGroupPruned, selectRows } from "./row-group-pruning.ts";
import { ParquetRowGroupReader, type RowGroupOptions } from "./row-group-reader.ts";
import { ScanFilter } from "./scan-filter.ts";

/** What a Parquet source is made of; `layout` is found on the planning thread and travels with the spec. */
export interface ParquetSourceSpec extends SourceSpec {
  readonly kind: "parquet";
  /** Files, directories or glob patterns. */
  readonly paths: string | readonly string[];
  /** Names of the columns to give; default all. */
  readonly columns?: readonly string[];
  /** Rows that cannot match are skipped where statistics, page index or Bloom filters tell. */
  readonly pruning?: PruningPredicate;
  /** Rows for which this is not true may be left out; see `Source.withFilter`. */
  readonly filter?: ExpressionNode;
  readonly layout?: ParquetLayout;
}

interface ParquetLayout {
  readonly fileFields: readonly Field[];
  readonly partitionFields: readonly Field[];
}

interface ParquetSplit {
  readonly path: string;
  readonly rowGroup: number;
  readonly partitions: readonly (string | null)[];
}

export const parquetSource: SourceFactory = (spec, host) => new ParquetSource(spec as ParquetSourceSpec, host);

/**
 * Parquet files of one schema, a split per row group; `key=value` directories give columns too. Files may hold the
 * columns in another order, and more of them than the first file has.
 * @throws {DataError} PARQUET_* with file, row group, column and page.
 * @throws {PlanError} PARQUET_SCHEMAS_DIFFER, and those of `expandPaths`.
 */
export class ParquetSource implements Source {
  readonly spec: ParquetSourceSpec;
  readonly schema: Schema;
  readonly #host: Host;
  readonly #layout: ParquetLayout;
  readonly #selection: ColumnSelection;
  readonly #footers: FooterCache;
  #scanFilter: { readonly filter: ScanFilter | undefined } | undefined;
  #files: readonly FoundFile[] | undefined;
  #kept: readonly { file: FoundFile; rowGroup: number; texts: readonly (string | null)[] }[] | undefined;

  constructor(spec: ParquetSourceSpec, host: Host, footers: FooterCache = new FooterCache(host.files)) {
    this.#host = host;
    this.#footers = footers;
    this.#layout = spec.layout ?? this.#findLayout(spec);
    this.spec = { ...spec, layout: this.#layout };
    this.#selection = new ColumnSelection(this.#layout.fileFields, this.#layout.partitionFields, spec.columns);
    this.schema = this.#selection.schema;
  }

  /** Of the row groups that pruning leaves. */
  get statistics(): SourceStatistics {
    let rows = 0;
    let bytes = 0;
    for (const { file, rowGroup } of this.#rowGroups()) {
      const footer = this.#footers.of(file.path);
      rows += footer.rowGroups[rowGroup].rowCount;
      bytes += this.#splitBytes(footer, rowGroup);
    }
    return { rows, bytes, columns: this.#columnStatistics() };
  }

  get description(): string {
    const { paths, pruning } = this.spec;
    const name = typeof paths === "string" ? paths : paths.join(", ");
    const pruned = pruning === undefined ? "" : ", pruned";
    return `parquet ${name} (${this.schema.fields.length} columns${pruned})`;
  }

  splits(): readonly Split[] {
    return this.#rowGroups().map(({ file, rowGroup, texts }) => {
      const footer = this.#footers.of(file.path);
      const payload: ParquetSplit = { path: file.path, rowGroup, partitions: texts };
      return {
        id: `${file.path} row group ${rowGroup}`,
        rows: footer.rowGroups[rowGroup].rowCount,
        bytes: this.#splitBytes(footer, rowGroup),
        payload: { ...payload },
      };
    });
  }

  openSplit(split: Split, context: SourceContext, offset?: Json): SplitReader {
    const { path, rowGroup, partitions } = split.payload as unknown as ParquetSplit;
    const file = this.#footers.of(path);
    const { pruning } = this.spec;
    const rows = pruning === undefined ? {} : selectRows(file, rowGroup, pruning);
    if (rows === undefined) return { next: () => undefined, close: () => undefined };
    const { fileColumns } = this.#selection;
    const left = typeof offset === "number" ? from(rows, offset, file.rowGroups[rowGroup].rowCount) : rows;
    const filter = this.#filterOf(file);
    const options = filter === undefined ? left : { ...left, filter };
    const reader = new ParquetRowGroupReader(context.workspace, file, rowGroup, fileColumns, options);
    const batches: SplitReader = {
      next: () => reader.next(context.batchRows),
      offset: () => reader.position,
      close: () => reader.close(),
    };
    return this.#selection.reader(context.workspace, batches, partitions);
  }

  withColumns(columns: readonly string[]): ParquetSource {
    return new ParquetSource({ ...this.spec, columns }, this.#host, this.#footers);
  }

  withPruning(predicate: PruningPredicate): ParquetSource {
    const { pruning } = this.spec;
    const both: PruningPredicate = pruning === undefined ? predicate : { op: "and", args: [pruning, predicate] };
    return new ParquetSource({ ...this.spec, pruning: both }, this.#host, this.#footers);
  }

  withFilter(condition: ExpressionNode): ParquetSource {
    const { filter } = this.spec;
    const both = filter === undefined ? condition : callNode("and", filter, condition);
    return new ParquetSource({ ...this.spec, filter: both }, this.#host, this.#footers);
  }

  /** One for all splits: what it learns of one row group serves the next. */
  #filterOf(file: ParquetFile): ScanFilter | undefined {
    const { filter } = this.spec;
    if (filter === undefined) return undefined;
    if (this.#scanFilter === undefined) {
      const isFlat = (name: string) => file.mapped.roots[file.schema.indexOf(name)].leaf !== undefined;
      const columns = new Set(this.#selection.fileColumns.filter(isFlat));
      this.#scanFilter = { filter: ScanFilter.of(filter, this.schema, columns) };
    }
    return this.#scanFilter.filter;
  }

  #rowGroups() {
    if (this.#kept !== undefined) return this.#kept;
    const files = this.#found();
    const { texts } = partitionColumns(files.map((file) => file.path));
    const { pruning } = this.spec;
    this.#kept = files.flatMap((file, i) => {
      const footer = this.#footers.of(file.path);
      return footer.rowGroups.flatMap((_, rowGroup) =>
        pruning !== undefined && isRowGroupPruned(footer, rowGroup, pruning)
          ? []
          : [{ file, rowGroup, texts: texts[i] }],
      );
    });
    return this.#kept;
  }

  #splitBytes(footer: ParquetFile, rowGroup: number): number {
    const wanted = new Set(this.#selection.fileColumns);
    const { columns } = footer.rowGroups[rowGroup];
    let bytes = 0;
    for (const leaf of footer.mapped.leaves) {
      if (wanted.has(leaf.root)) bytes += columns[leaf.index].compressedSize;
    }
    return bytes;
  }

  /** Bounds over all row groups of the flat columns that have trustworthy statistics everywhere. */
  #columnStatistics(): Record<string, ColumnStatistics> {
    const result: Record<string, ColumnStatistics> = {};
    for (const name of this.#selection.fileColumns) {
      const merged = this.#mergedFacts(name);
      if (merged !== undefined) result[name] = merged;
    }
    return result;
  }

  #mergedFacts(name: string): ColumnStatistics | undefined {
    let min: Bound;
    let max: Bound;
    let nullCount: number | undefined = 0;
    for (const { file, rowGroup } of this.#rowGroups()) {
      const footer = this.#footers.of(file.path);
      const { leaf } = footer.mapped.roots[footer.schema.indexOf(name)];
      // Decimals compare unscaled there, which is no value that others would understand.
      if (leaf === undefined || leaf.type.kind === "decimal") return undefined;
      const facts = chunkFacts(footer, rowGroup, leaf);
      const [low, high] = [facts.min, facts.max];
      if (!isBound(low) || !isBound(high)) return undefined;
      if (min === undefined || isBelow(low, min)) min = low;
      if (max === undefined || isBelow(max, high)) max = high;
      nullCount = nullCount === undefined || facts.nullCount === undefined ? undefined : nullCount + facts.nullCount;
    }
    if (min === undefined || max === undefined) return undefined;
    return { min, max, ...(nullCount === undefined ? {} : { nullCount }) };
  }

  #found(): readonly FoundFile[] {
    this.#files ??= expandPaths(this.#host.files, this.spec.paths);
    return this.#files;
  }

  #findLayout(spec: ParquetSourceSpec): ParquetLayout {
    this.#files = expandPaths(this.#host.files, spec.paths);
    const paths = this.#files.map((file) => file.path);
    const [first, ...rest] = paths.map((path) => this.#footers.of(path));
    for (const other of rest) checkSameColumns(first, other);
    return { fileFields: first.schema.fields, partitionFields: partitionColumns(paths).fields };
  }
}

/** The rows of a selection that stand at `row` or behind it. */
function from(selected: RowGroupOptions, row: number, rowCount: number): RowGroupOptions {
  const { ranges = [{ start: 0, end: rowCount }] } = selected;
  const left = ranges.flatMap(({ start, end }) => (end > row ? [{ start: Math.max(start, row), end }] : []));
  return { ...selected, ranges: left };
}

type Bound = number | bigint | string | undefined;

const isBound = (value: unknown): value is NonNullable<Bound> =>
  typeof value === "number" || typeof value === "bigint" || typeof value === "string";

/** Bounds of one column are of one type; as a guide for the planner, the order of UTF-16 units will do for text. */
const isBelow = (a: NonNullable<Bound>, b: NonNullable<Bound>): boolean => (a as number) < (b as number);

/** Footers by path, parsed once per thread and source. */
class FooterCache {
  readonly #files: HostFiles;
  readonly #footers = new Map<string, ParquetFile>();

  constructor(files: HostFiles) {
    this.#files = files;
  }

  of(path: string): ParquetFile {
    let footer = this.#footers.get(path);
    if (footer === undefined) {
      footer = openParquet(this.#files, path);
      this.#footers.set(path, footer);
    }
    return footer;
  }
}

function checkSameColumns(first: ParquetFile, other: ParquetFile): void {
  for (const { name, type } of first.schema.fields) {
    const found = other.schema.has(name) ? other.schema.typeOf(name) : undefined;
    if (found !== undefined && sameType(found, type)) continue;
    throw new PlanError(
      "PARQUET_SCHEMAS_DIFFER",
      `Column "${name}" is ${formatType(type)} in "${first.path}" and ${found === undefined ? "missing" : formatType(found)} in "${other.path}".`,
      "Read the files as two datasets, bring them to the same columns, and union them.",
    );
  }
}
