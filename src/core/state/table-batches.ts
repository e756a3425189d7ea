import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { gatherBatch, gatherColumn } from "../columns/gather.ts";
import { hashColumns } from "../columns/hash.ts";
import { assert } from "../errors.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { TableState } from "../job-snapshot.ts";
import type { Block } from "../memory/block.ts";
import { Schema } from "../schema.ts";
import { tableFormat } from "../snapshot-tables.ts";
import { type LeastValue, REMOVED_FIELD } from "../state-snapshot.ts";
import type { Workspace } from "../workspace.ts";

/** More bits than this per unit that has changed are no use. */
const BITS_PER_UNIT = 16;

/**
 * The rows of one part of a table: those that were written whole, as far as no change takes their place, then the changes,
 * oldest first. The caller owns each batch. `loadTableFormat` has been awaited.
 */
export function* tableBatches(
  workspace: Workspace,
  { parts, changes }: TableState,
  part: number,
): Generator<Batch, void, void> {
  const newer = changes?.ofParts[part] ?? [];
  const { decodeTable } = tableFormat();
  if (changes === undefined || newer.length === 0) {
    yield* decodeTable(workspace, parts[part]);
    return;
  }
  const least = changes.leastOfParts?.[part];
  const living = (bytes: Uint8Array): Iterable<Batch> => {
    const batches = decodeTable(workspace, bytes);
    return least === undefined ? batches : rowsFrom(workspace, batches, least);
  };
  const seen = new SeenUnits(workspace, changes.unit);
  const kept: Batch[] = [];
  try {
    for (const bytes of newer.toReversed()) kept.unshift(...seen.add(living(bytes)));
    for (const batch of living(parts[part])) yield seen.without(batch);
    for (let batch = kept.shift(); batch !== undefined; batch = kept.shift()) yield batch;
  } finally {
    for (const batch of kept) batch.release();
    seen.release();
  }
}

/** The same of all parts, in their order. */
export function* allTableBatches(workspace: Workspace, table: TableState): Generator<Batch, void, void> {
  for (let part = 0; part < table.parts.length; part++) yield* tableBatches(workspace, table, part);
}

/** How many rows its parts had when they were written whole. */
export const tableRows = ({ parts }: TableState): number =>
  parts.reduce((sum, bytes) => sum + tableFormat().tableShape(bytes).rowCount, 0);

/** The same table, written whole. */
export function wholeTable(workspace: Workspace, table: TableState): TableState {
  if (table.changes === undefined) return table;
  const parts = table.parts.map((_, part) => {
    const batches = [...tableBatches(workspace, table, part)];
    try {
      return tableFormat().encodeTable(workspace, batches);
    } finally {
      for (const batch of batches) batch.release();
    }
  });
  return { kind: table.kind, parts };
}

/** The rows that have not gone. A stream without rows still tells its columns. */
function* rowsFrom(workspace: Workspace, batches: Iterable<Batch>, { column, value }: LeastValue) {
  const { kernels } = workspace;
  for (const batch of batches) {
    const { rowCount, schema, columns } = batch;
    const values = columns[schema.indexOf(column)].data;
    if (rowCount === 0 || kernels.eventTimeMin(values, rowCount) >= value) {
      yield batch;
      continue;
    }
    const rows = workspace.allocate(rowCount * 4);
    const count = kernels.eventTimeSplit(values, rowCount, value - 1, rows.address);
    try {
      if (count > 0) yield gatherBatch(workspace, batch, rows.address, count);
    } finally {
      rows.release();
      batch.release();
    }
  }
}

/** Units that newer streams have something about. */
class SeenUnits {
  readonly #workspace: Workspace;
  readonly #unit: readonly string[];
  readonly #hashes: { readonly block: Block; readonly count: number }[] = [];
  #table: GroupTable | undefined;
  /** How many units there are in all changes, once the first row that is older than all of them has come. */
  #changed: number | undefined;
  /** A bit per hash of such a unit: most rows that have not changed need no more than a look at it. */
  #bits: { readonly block: Block; readonly mask: number } | undefined;

  constructor(workspace: Workspace, unit: readonly string[]) {
    assert(unit.length > 0, "rows of a table that changes are told apart by some column");
    this.#workspace = workspace;
    this.#unit = unit;
  }

  /** Takes in a stream of changes, which are older than all before, and gives the rows that still hold, without marks. */
  add(batches: Iterable<Batch>): Batch[] {
    const workspace = this.#workspace;
    const kept: Batch[] = [];
    let before: number | undefined;
    for (const batch of batches) {
      const { rowCount } = batch;
      const columns = this.#unitOf(batch);
      const table = this.#tableOf(columns);
      before ??= table.groupCount;
      const groups = table.assign(columns, rowCount);
      this.#hashes.push({ block: hashColumns(workspace, columns, rowCount), count: rowCount });
      const rows = workspace.allocate(rowCount * 4);
      const removed = batch.columns[batch.schema.indexOf(REMOVED_FIELD.name)];
      const { kernels } = workspace;
      const count = kernels.changesFresh(groups.address, rowCount, before, removed.data, rows.address);
      if (count > 0) kept.push(withoutMarks(workspace, batch, rows, count));
      for (const owned of [groups, rows, batch]) owned.release();
    }
    return kept;
  }

  /** The rows of a batch that was written whole, as far as no change takes their place. Takes over the batch. */
  without(batch: Batch): Batch {
    const workspace = this.#workspace;
    const { kernels } = workspace;
    const { rowCount } = batch;
    if (rowCount === 0) return batch;
    const columns = this.#unitOf(batch);
    const table = this.#tableOf(columns);
    this.#changed ??= table.groupCount;
    this.#bits ??= this.#noteAll();
    const { block, mask } = this.#bits;
    const hashes = hashColumns(workspace, columns, rowCount);
    const hits = workspace.allocate((rowCount + 1) * 4);
    const hitCount = kernels.changesHits(hashes.address, rowCount, block.address, mask, hits.address);
    hashes.release();
    const some = columns.map((column) => gatherColumn(workspace, column, hits.address, hitCount));
    const groups = table.assign(some, hitCount);
    const rows = workspace.allocate(rowCount * 4);
    const count = kernels.changesLeft(rowCount, hits.address, hitCount, groups.address, this.#changed, rows.address);
    for (const owned of [hits, groups, ...some]) owned.release();
    try {
      if (count === rowCount) return batch.retain();
      return gatherBatch(workspace, batch, rows.address, count);
    } finally {
      rows.release();
      batch.release();
    }
  }

  release(): void {
    for (const { block } of this.#hashes) block.release();
    this.#table?.release();
    this.#bits?.block.release();
  }

  #unitOf({ schema, columns }: Batch): Column[] {
    return this.#unit.map((name) => columns[schema.indexOf(name)]);
  }

  #tableOf(columns: readonly Column[]): GroupTable {
    this.#table ??= new GroupTable(
      this.#workspace,
      columns.map(({ type }) => type),
    );
    return this.#table;
  }

  #noteAll(): { readonly block: Block; readonly mask: number } {
    const units = this.#hashes.reduce((sum, { count }) => sum + count, 0);
    const size = 2 ** Math.ceil(Math.log2(Math.max(64, units * BITS_PER_UNIT)));
    const block = this.#workspace.allocateZeroed(size >>> 3);
    for (const { block: hashes, count } of this.#hashes.splice(0)) {
      this.#workspace.kernels.changesNote(hashes.address, count, block.address, size - 1);
      hashes.release();
    }
    return { block, mask: size - 1 };
  }
}

function withoutMarks(workspace: Workspace, { schema, columns }: Batch, rows: Block, count: number): Batch {
  const marks = schema.indexOf(REMOVED_FIELD.name);
  const fields = schema.fields.filter((_, i) => i !== marks);
  const kept = columns.filter((_, i) => i !== marks).map((each) => gatherColumn(workspace, each, rows.address, count));
  return new Batch(new Schema(fields), count, kept);
}
