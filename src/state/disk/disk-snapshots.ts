import type { Batch } from "../../core/batch.ts";
import type { KeyedStateOptions } from "../../core/state/keyed-backend.ts";
import { keyFields, StateTableWriter } from "../../core/state/state-table.ts";
import { REMOVED_FIELD, type RowsBehind, type SnapshotWriter } from "../../core/state-snapshot.ts";
import { KEYS_PER_CHANGED_KEY } from "../memory/key-changes.ts";
import { type Registered, stateFields, tableName } from "../memory/state-tables.ts";
import { ByteSink } from "./bytes.ts";
import type { DiskCells } from "./disk-cells.ts";
import type { PageStore, PinnedPages } from "./page-store.ts";
import { isKeyOf, type RecordView } from "./pages.ts";

/** Snapshots whose epoch is known, so that others can build on them. */
const MOST_KNOWN = 16;
/** Pages that are read in one step of a table. */
const STEP_PAGES = 64;

interface Epoch {
  /** Of the snapshot that ended it. */
  readonly number: number;
  readonly epoch: number;
  /** Keys that have changed in it. */
  readonly changedKeys: number;
}

/** All keys at one moment: pages that do not change, and the records of the entries that were newer than their pages. */
interface FrozenState {
  readonly pages: PinnedPages;
  /** By page. */
  readonly newer: readonly RecordView[];
  readonly pageOfNewer: readonly number[];
}

/**
 * Snapshots of cells on disk. While the barrier passes, entries that are newer than their pages are copied, and pages are
 * pinned; tables are made of both behind it, page by page. What has changed is known of each record by the epoch in which
 * it did, and of each page by that of its newest record, so that nothing is kept in memory per key.
 */
export class DiskSnapshots {
  readonly #options: KeyedStateOptions;
  readonly #cells: DiskCells;
  readonly #store: PageStore;
  /** Of snapshots on which others can build, oldest first. */
  #epochs: Epoch[] = [];
  /** Rows of the table of a state, when it was written whole. */
  readonly #wholeRows = new Map<number, number>();

  constructor(options: KeyedStateOptions, cells: DiskCells, store: PageStore) {
    this.#options = options;
    this.#cells = cells;
    this.#store = store;
  }

  write(states: readonly Registered[], writer: SnapshotWriter): void {
    const cells = this.#cells;
    const since = this.#epochs.find(({ number }) => number === writer.changes?.since);
    let changedKeys = cells.changedKeys;
    for (const { epoch, changedKeys: earlier } of this.#epochs)
      if (since !== undefined && epoch > since.epoch) changedKeys += earlier;
    const keyCount = cells.count;
    const frozen = this.#freeze();
    if (writer.number !== undefined) this.#end(writer.number, since);
    let open = states.length;
    const onClose = () => {
      if (--open === 0) frozen.pages.release();
    };
    if (open === 0) frozen.pages.release();
    for (const registered of states) {
      const { index, state } = registered;
      const table = tableName(state.descriptor);
      const wholeRows = this.#wholeRows.get(index) ?? 0;
      const changedRows = Math.ceil((changedKeys * wholeRows) / Math.max(1, keyCount));
      const isWorth =
        since !== undefined &&
        changedKeys * KEYS_PER_CHANGED_KEY <= keyCount &&
        writer.changes?.isWorth(table, Math.max(changedKeys, changedRows), wholeRows) === true;
      const given = { options: this.#options, cells, registered, frozen, onClose };
      if (isWorth && writer.changes !== undefined) {
        const unit = keyFields(this.#options.keys.fields)
          .slice(1)
          .map(({ name }) => name);
        const rows = new TableBehind({ ...given, since: since.epoch, rowCount: changedRows, onEnd: () => undefined });
        if (writer.changes.writeBehind !== undefined) writer.changes.writeBehind(table, unit, rows);
        else drain(rows, (batch) => writer.changes?.write(table, unit, batch));
        continue;
      }
      const rows = new TableBehind({
        ...given,
        rowCount: wholeRows,
        onEnd: (count) => this.#wholeRows.set(index, count),
      });
      if (writer.writeBehind !== undefined) writer.writeBehind(table, "keyed", rows);
      else drain(rows, (batch) => writer.write(table, "keyed", batch));
    }
  }

  #freeze(): FrozenState {
    const dirty = this.#cells.dirty();
    const newer: readonly RecordView[] = this.#cells.encode(dirty, new ByteSink()).map((record) => ({ ...record }));
    // A snapshot knows of them: gone, they are missed.
    for (const entry of dirty) entry.isStored = true;
    const pages = this.#store.pin();
    const order = newer.map((record, i) => ({ page: pages.pageOf(record.hash), i })).sort((a, b) => a.page - b.page);
    return { pages, newer: order.map(({ i }) => newer[i]), pageOfNewer: order.map(({ page }) => page) };
  }

  #end(number: number, since: Epoch | undefined): void {
    const cells = this.#cells;
    // Jobs build on ever newer snapshots.
    const kept = this.#epochs.filter(({ epoch }) => since === undefined || epoch >= since.epoch).slice(1 - MOST_KNOWN);
    this.#epochs = [...kept, { number, epoch: cells.epoch, changedKeys: cells.changedKeys }];
    cells.forgottenEpoch = this.#epochs[0].epoch;
    cells.epoch++;
    cells.changedKeys = 0;
  }
}

function drain(rows: RowsBehind, write: (batch: Batch) => void): void {
  try {
    for (let batch = rows.next(); batch !== undefined; batch = rows.next()) write(batch);
  } finally {
    rows.close();
  }
}

interface TableOptions {
  readonly options: KeyedStateOptions;
  readonly cells: DiskCells;
  readonly registered: Registered;
  readonly frozen: FrozenState;
  readonly rowCount: number;
  /** Only keys that have changed behind this epoch; absent: all. */
  readonly since?: number;
  /** All rows were given, and they were so many. */
  readonly onEnd: (rowCount: number) => void;
  readonly onClose: () => void;
}

/** The table of one state, as frozen. */
class TableBehind implements RowsBehind {
  readonly rowCount: number;
  readonly #given: TableOptions;
  readonly #table: StateTableWriter;
  readonly #made: Batch[] = [];
  readonly #width: number;
  /** What had expired when the barrier passed. */
  readonly #freeableMs: number;
  #page = 0;
  #nextNewer = 0;
  #rows = 0;
  #isFinished = false;
  #isClosed = false;

  constructor(given: TableOptions) {
    const { options, registered, rowCount, since } = given;
    const fields = stateFields(options, registered);
    this.#given = given;
    this.rowCount = rowCount;
    this.#width = fields.length;
    this.#freeableMs = registered.state.expiry?.freeableMs() ?? 0;
    const write = (_table: string, _kind: unknown, batch: Batch) => {
      this.#made.push(batch);
    };
    const all = since === undefined ? fields : [...fields, REMOVED_FIELD];
    this.#table = new StateTableWriter(
      options.workspace,
      { write },
      tableName(registered.state.descriptor),
      "keyed",
      all,
    );
  }

  next(): Batch | undefined {
    const { pages } = this.#given.frozen;
    while (this.#made.length === 0 && !this.#isFinished) {
      for (let step = 0; step < STEP_PAGES && this.#page < pages.pageCount; step++) this.#addPage(this.#page++);
      if (this.#page < pages.pageCount) continue;
      this.#isFinished = true;
      this.#table.finish();
      this.#given.onEnd(this.#rows);
    }
    return this.#made.shift();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const batch of this.#made.splice(0)) batch.release();
    this.#table.close();
    this.#given.onClose();
  }

  #addPage(page: number): void {
    const { frozen, since = -1 } = this.#given;
    const { pages, newer, pageOfNewer } = frozen;
    const from = this.#nextNewer;
    while (pageOfNewer[this.#nextNewer] === page) this.#nextNewer++;
    const to = this.#nextNewer;
    if (pages.stampOf(page) > since) {
      pages.visit(page, (record) => {
        for (let i = from; i < to; i++) {
          const { hash, bytes, keyAt, cellsAt } = newer[i];
          if (isKeyOf(record, hash, bytes, keyAt, cellsAt)) return;
        }
        if (record.stamp > since) this.#add(record);
      });
    }
    for (let i = from; i < to; i++) if (newer[i].stamp > since) this.#add(newer[i]);
  }

  #add(record: RecordView): void {
    const { cells, registered, since } = this.#given;
    const { index, state, isInNamespace } = registered;
    const { keyGroup, values: key } = cells.codec.readKey(record);
    const isChange = since !== undefined;
    const isMap = state.descriptor.kind === "map";
    const before = this.#rows;
    for (const { namespace, mapKey, value, updatedAtMs } of cells.codec.rowsOf(record, index)) {
      if (updatedAtMs !== undefined && state.expiry?.isFreeable(updatedAtMs, this.#freeableMs)) continue;
      const row: unknown[] = [keyGroup, ...key];
      if (isInNamespace) row.push(namespace);
      if (isMap) row.push(mapKey);
      row.push(value);
      if (state.expiry !== undefined) row.push(Number.isNaN(updatedAtMs) ? null : updatedAtMs);
      if (isChange) row.push(false);
      this.#table.add(row);
      this.#rows++;
    }
    if (!isChange || this.#rows > before) return;
    const removed: unknown[] = [keyGroup, ...key];
    while (removed.length < this.#width) removed.push(null);
    this.#table.add([...removed, true]);
    this.#rows++;
  }
}
