import type { Batch } from "../batch.ts";
import type { SortKey } from "../columns/sort-keys.ts";
import { assert } from "../errors.ts";
import type { Schema } from "../schema.ts";
import type { SpillSpace } from "../spill-space.ts";
import type { Workspace } from "../workspace.ts";
import { BatchKeys, compareKeys, type KeyWords } from "./key-cuts.ts";
import { iterableOnce, RowRun } from "./row-run.ts";
import { createRowReader, type Row, type RowReader, type RowReaderOptions } from "./row-view.ts";

/** One group of rows with equal keys. */
export interface Group {
  /** The key columns. */
  readonly key: Row;
  /** Copies of the rows, to be read once. */
  readonly rows: Iterable<Row>;
  /** Call it when the function that reads the rows has ended. */
  close(): void;
}

/**
 * Cuts rows that arrive sorted by key into groups. Null keys equal each other, and so do NaN.
 * A group inside one batch is read where it lies; one that goes on is kept as a RowRun, which can spill.
 */
export class SortedGroups {
  readonly #workspace: Workspace;
  readonly #order: readonly SortKey[];
  readonly #space: SpillSpace;
  readonly #where: string;
  readonly #keyReader: RowReader;
  readonly #rowReader: RowReader;
  readonly #runReader: RowReader;
  #batch: Batch | undefined;
  #keys: BatchKeys | undefined;
  /** First rows of the groups in the batch, and which of them is next. */
  #starts: number[] = [];
  #next = 0;
  /** The group that began in an earlier batch. */
  #run: { readonly rows: RowRun; readonly key: Row; readonly words: KeyWords } | undefined;
  #isRunComplete = false;
  #isEnded = false;

  /** Which columns a group's key shows, by default those of `order`, and which the rows do, by default all. */
  constructor(
    workspace: Workspace,
    schema: Schema,
    order: readonly SortKey[],
    space: SpillSpace,
    where: string,
    shown: { readonly key?: RowReaderOptions["columns"]; readonly rows?: RowReaderOptions["columns"] } = {},
  ) {
    this.#workspace = workspace;
    this.#order = order;
    this.#space = space;
    this.#where = where;
    const key = shown.key ?? order.map(({ column }) => ({ name: schema.fields[column].name, column }));
    const rows = shown.rows === undefined ? {} : { columns: shown.rows };
    this.#keyReader = createRowReader(workspace, schema, { columns: key });
    this.#rowReader = createRowReader(workspace, schema, rows);
    this.#runReader = createRowReader(workspace, schema, rows);
  }

  /** Takes the next batch, which it borrows; only while `state` is "starving". */
  push(batch: Batch): void {
    assert(this.#batch === undefined, "a batch is taken when the one before is used up");
    if (batch.rowCount === 0) return;
    const keys = new BatchKeys(this.#workspace, batch, this.#order);
    let starts = [0, ...keys.cuts()];
    if (this.#run !== undefined) {
      if (compareKeys(this.#run.words, keys.at(0)) === 0) {
        this.#run.rows.add(batch, 0, starts[1] ?? batch.rowCount);
        starts = starts.slice(1);
      }
      if (starts.length === 0) {
        keys.release();
        return;
      }
      this.#isRunComplete = true;
    }
    this.#batch = batch.retain();
    this.#keys = keys;
    this.#starts = starts;
    this.#next = 0;
    this.#keyReader.bind(batch);
    this.#rowReader.bind(batch);
  }

  end(): void {
    this.#isEnded = true;
  }

  /** "ready": a whole group can be taken; "starving": it needs rows or the end; "exhausted": there is no group left. */
  state(): "ready" | "starving" | "exhausted" {
    if (this.#run !== undefined && (this.#isRunComplete || this.#isEnded)) return "ready";
    const batch = this.#batch;
    if (batch === undefined) return this.#isEnded ? "exhausted" : "starving";
    if (this.#next === this.#starts.length) {
      this.#dropBatch();
      return this.state();
    }
    if (this.#isEnded || this.#next < this.#starts.length - 1) return "ready";
    // The last group of the batch may go on in the next one.
    const start = this.#starts[this.#next];
    const rows = new RowRun(this.#workspace, this.#space);
    this.#run = { rows, key: this.#keyReader.copyAt(start), words: this.frontKey().slice() };
    this.#isRunComplete = false;
    rows.add(batch, start, batch.rowCount);
    this.#dropBatch();
    return "starving";
  }

  /** The key of the group that `take` gives; valid until then. */
  frontKey(): KeyWords {
    if (this.#run !== undefined) return this.#run.words;
    assert(this.#keys !== undefined, "a group is ready");
    return this.#keys.at(this.#starts[this.#next]);
  }

  /** The next group; only while `state` is "ready". The one before is closed. */
  take(): Group {
    const run = this.#run;
    if (run !== undefined) {
      this.#run = undefined;
      return {
        key: run.key,
        rows: run.rows.rows(this.#runReader, this.#where),
        close: () => run.rows.close(),
      };
    }
    assert(this.#batch !== undefined, "a group is ready");
    const start = this.#starts[this.#next];
    this.#next++;
    const end = this.#starts[this.#next] ?? this.#batch.rowCount;
    const reader = this.#rowReader;
    let isOpen = true;
    function* copies(): Generator<Row, undefined> {
      for (let row = start; isOpen && row < end; row++) yield reader.copyAt(row);
      return undefined;
    }
    return {
      key: this.#keyReader.copyAt(start),
      rows: iterableOnce(this.#where, copies),
      close: () => {
        isOpen = false;
      },
    };
  }

  close(): void {
    this.#run?.rows.close();
    this.#run = undefined;
    this.#dropBatch();
  }

  #dropBatch(): void {
    this.#batch?.release();
    this.#keys?.release();
    this.#batch = undefined;
    this.#keys = undefined;
  }
}
