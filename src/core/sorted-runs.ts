import type { Batch } from "./batch.ts";
import { RunMerge } from "./columns/run-merge.ts";
import type { SortKey } from "./columns/sort-keys.ts";
import type { SortedRows } from "./columns/sorted-buffer.ts";
import type { Schema } from "./schema.ts";
import type { SpillFile, SpillReader } from "./spill-file.ts";
import type { SpillSpace } from "./spill-space.ts";
import type { Workspace } from "./workspace.ts";

/** Rows in order, batch by batch. */
export interface RowSource {
  /** The next rows, which the caller owns; undefined at the end. */
  next(): Batch | undefined;
  close(): void;
}

/** Sorted rows in memory. */
export class BufferedRun implements RowSource {
  readonly #rows: SortedRows;
  readonly #batchRows: number;

  /** Takes over `rows`. */
  constructor(rows: SortedRows, batchRows: number) {
    this.#rows = rows;
    this.#batchRows = batchRows;
  }

  next(): Batch | undefined {
    return this.#rows.next(this.#batchRows);
  }

  close(): void {
    this.#rows.close();
  }
}

/** Sorted rows in memory that go to disk when somebody else needs the memory while they are read. */
export class SpillableRun implements RowSource {
  readonly #workspace: Workspace;
  #memory: BufferedRun | undefined;
  #disk: SpilledRun | undefined;
  #byteLength: number;

  /** Takes over `rows`, which hold about `byteLength` bytes. */
  constructor(workspace: Workspace, rows: SortedRows, byteLength: number, batchRows: number) {
    this.#workspace = workspace;
    this.#memory = new BufferedRun(rows, batchRows);
    this.#byteLength = byteLength;
  }

  /** Bytes that `spill` would free. */
  get byteLength(): number {
    return this.#byteLength;
  }

  next(): Batch | undefined {
    return (this.#disk ?? this.#memory)?.next();
  }

  /** Moves the rows that are left to a file of `space`. */
  spill(space: SpillSpace, schema: Schema): void {
    if (this.#memory === undefined) return;
    const file = writeRun(this.#workspace, this.#memory, space, schema);
    this.#memory.close();
    this.#memory = undefined;
    this.#byteLength = 0;
    this.#disk = new SpilledRun(this.#workspace, space, file);
  }

  close(): void {
    this.#memory?.close();
    this.#memory = undefined;
    this.#disk?.close();
    this.#byteLength = 0;
  }
}

/** Writes all rows of a run, which stays open, to a file of `space`. */
export function writeRun(workspace: Workspace, run: RowSource, space: SpillSpace, schema: Schema): SpillFile {
  const writer = space.create(schema);
  for (let batch = run.next(); batch !== undefined; batch = run.next()) {
    try {
      writer.write(workspace, batch);
    } finally {
      batch.release();
    }
  }
  return space.finish(writer);
}

/** A sorted spill file, which is removed once it is read. */
export class SpilledRun implements RowSource {
  readonly #workspace: Workspace;
  readonly #space: SpillSpace;
  readonly #file: SpillFile;
  #reader: SpillReader | undefined;

  constructor(workspace: Workspace, space: SpillSpace, file: SpillFile) {
    this.#workspace = workspace;
    this.#space = space;
    this.#file = file;
  }

  next(): Batch | undefined {
    this.#reader ??= this.#file.open();
    return this.#reader.next(this.#workspace);
  }

  close(): void {
    this.#reader?.close();
    this.#space.remove(this.#file);
  }
}

/** Several runs as one; equal rows leave in the order of their runs. */
export class MergedRuns implements RowSource {
  readonly #runs: readonly RowSource[];
  readonly #merge: RunMerge;
  readonly #batchRows: number;

  /** Takes over the runs. */
  constructor(workspace: Workspace, keys: readonly SortKey[], runs: readonly RowSource[], batchRows: number) {
    this.#runs = runs;
    this.#batchRows = batchRows;
    this.#merge = new RunMerge(workspace, keys, runs.length);
  }

  next(): Batch | undefined {
    for (let run = this.#merge.wanted; run !== undefined; run = this.#merge.wanted) {
      const batch = this.#runs[run].next();
      if (batch !== undefined) this.#merge.offer(run, batch);
      else this.#merge.end(run);
    }
    return this.#merge.next(this.#batchRows);
  }

  close(): void {
    this.#merge.close();
    for (const run of this.#runs) run.close();
  }
}
