import type { Batch } from "../../core/batch.ts";
import { buildBatch } from "../../core/columns/build.ts";
import { readRows } from "../../core/columns/read.ts";
import { sliceBatch } from "../../core/columns/slice.ts";
import type { WritableFile } from "../../core/host.ts";
import { Schema } from "../../core/schema.ts";
import type { Committable, SinkContext, SinkWriter } from "../../core/sink.ts";
import type { SnapshotReader, SnapshotWriter } from "../../core/state-snapshot.ts";
import { utf8 } from "../../core/types.ts";
import type { FileFormat, FormatWriter } from "../files/file-format.ts";
import { type BucketSpec, Buckets } from "./buckets.ts";
import { asCommittable, type FinishedPart, type PartFiles } from "./part-files.ts";

/** When a part is closed and the next one begins; parts are also closed at each checkpoint. */
export interface RollOptions {
  /** Bytes that have been written to the file; what a format buffers (a row group) is not counted yet. */
  readonly bytes?: number;
  readonly rows?: number;
  /** Processing time since the first row. */
  readonly ageMs?: number;
  /** Processing time since the last row. */
  readonly inactivityMs?: number;
}

/** Each open part holds buffers: buckets that keep changing close the one that waited longest. */
const MAX_OPEN_PARTS = 64;
const LINEAGE_TABLE = "lineage";
const LINEAGE_SCHEMA = Schema.of({ lineage: utf8 });

interface OpenPart {
  readonly file: CountedFile;
  readonly writer: FormatWriter;
  readonly finished: FinishedPart;
  readonly openedMs: number;
  rows: number;
  lastRowMs: number;
}

/** Writes what one subtask gets into hidden parts, one per bucket at a time. */
export class RollingFileWriter implements SinkWriter {
  readonly #context: SinkContext;
  readonly #files: PartFiles;
  readonly #format: FileFormat;
  readonly #roll: RollOptions;
  readonly #buckets: Buckets;
  readonly #attempt: string;
  #lineage: string;
  /** By bucket, the least recently used first. */
  readonly #open = new Map<string, OpenPart>();
  /** Closed, and not told to anybody. */
  #finished: FinishedPart[] = [];
  #partCount = 0;
  #isPrepared = false;

  constructor(
    context: SinkContext,
    files: PartFiles,
    format: FileFormat,
    options: { readonly roll?: RollOptions; readonly bucketBy?: BucketSpec },
  ) {
    this.#context = context;
    this.#files = files;
    this.#format = format;
    this.#roll = options.roll ?? {};
    this.#buckets = new Buckets(context.workspace, context.schema, options.bucketBy);
    this.#attempt = files.attempt(context.jobId);
    this.#lineage = this.#attempt;
  }

  async write(batch: Batch): Promise<void> {
    if (batch.rowCount === 0) return;
    const cut = this.#buckets.cut(batch);
    try {
      for (const { directory, rows } of cut) await this.#writeRows(directory, rows);
    } finally {
      for (const { rows } of cut) rows.release();
    }
    while (this.#open.size > MAX_OPEN_PARTS) await this.#finishOldest();
  }

  get deadlineMs(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const part of this.#open.values()) earliest = Math.min(earliest, this.#dueMs(part));
    return earliest;
  }

  async onTime(nowMs: number): Promise<void> {
    for (const [bucket, part] of [...this.#open]) if (this.#dueMs(part) <= nowMs) await this.#finish(bucket, part);
  }

  async prepareCheckpoint(): Promise<readonly Committable[]> {
    while (this.#open.size > 0) await this.#finishOldest();
    if (this.#finished.length === 0) return [];
    return [this.#takeFinished()];
  }

  snapshotState(writer: SnapshotWriter): void {
    const row = buildBatch(this.#context.workspace, LINEAGE_SCHEMA, [{ lineage: this.#lineage }]);
    writer.write(LINEAGE_TABLE, "union", row);
  }

  restoreState(reader: SnapshotReader): void {
    // What the lineage has left unfinished may belong to the job that the savepoint was taken of.
    if (this.#context.isBranch === true) return;
    for (const batch of reader.read(LINEAGE_TABLE)) {
      const [row] = readRows(this.#context.workspace, batch);
      batch.release();
      if (row !== undefined) this.#lineage = row.lineage as string;
    }
    if (this.#context.subtask === 0) this.#files.removeLeftovers(this.#lineage);
  }

  async prepareCommit(): Promise<Committable> {
    while (this.#open.size > 0) await this.#finishOldest();
    const committable = this.#takeFinished();
    this.#isPrepared = true;
    this.#buckets.close();
    return committable;
  }

  close(): void {
    for (const { file, writer } of this.#open.values()) {
      writer.close();
      file.close();
    }
    this.#open.clear();
    // The parts themselves stay for `abort`, which knows what a checkpoint holds.
    if (!this.#isPrepared) this.#buckets.close();
  }

  get #directory(): string {
    return this.#files.hiddenDirectory(this.#lineage, this.#attempt);
  }

  async #writeRows(bucket: string, rows: Batch): Promise<void> {
    const { rows: rowLimit = Number.POSITIVE_INFINITY, bytes: byteLimit = Number.POSITIVE_INFINITY } = this.#roll;
    for (let start = 0; start < rows.rowCount; ) {
      const part = this.#partOf(bucket);
      const count = Math.min(rows.rowCount - start, Math.max(1, rowLimit - part.rows));
      const piece = count === rows.rowCount ? rows.retain() : sliceBatch(this.#context.workspace, rows, start, count);
      try {
        await part.writer.write(piece);
      } finally {
        piece.release();
      }
      start += count;
      part.rows += count;
      part.lastRowMs = this.#context.host.clock.nowMs();
      if (part.rows >= rowLimit || part.file.bytesWritten >= byteLimit) await this.#finish(bucket, part);
    }
  }

  #dueMs({ openedMs, lastRowMs }: OpenPart): number {
    const { ageMs = Number.POSITIVE_INFINITY, inactivityMs = Number.POSITIVE_INFINITY } = this.#roll;
    return Math.min(openedMs + ageMs, lastRowMs + inactivityMs);
  }

  #partOf(bucket: string): OpenPart {
    const known = this.#open.get(bucket);
    this.#open.delete(bucket);
    const part = known ?? this.#openPart(bucket);
    this.#open.set(bucket, part);
    return part;
  }

  #openPart(bucket: string): OpenPart {
    const { host, subtask, schema } = this.#context;
    const { path, prefix } = this.#files;
    this.#files.makeDirectory(this.#directory);
    const name = `${prefix}-${this.#attempt}-${subtask}-${this.#partCount++}${this.#format.extension}`;
    const from = `${this.#directory}/${name}`;
    const file = new CountedFile(host.files.openWrite(`${path}/${from}`));
    try {
      const writer = this.#format.open(file, this.#context, schema);
      const nowMs = host.clock.nowMs();
      const finished = { from, to: bucket === "" ? name : `${bucket}/${name}` };
      return { file, writer, finished, openedMs: nowMs, lastRowMs: nowMs, rows: 0 };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  async #finishOldest(): Promise<void> {
    for (const [bucket, part] of this.#open) {
      await this.#finish(bucket, part);
      return;
    }
  }

  async #finish(bucket: string, { file, writer, finished }: OpenPart): Promise<void> {
    await writer.finish();
    this.#open.delete(bucket);
    writer.close();
    try {
      file.sync();
    } finally {
      file.close();
    }
    this.#context.count("filesFinished", 1);
    this.#finished.push(finished);
    // Nobody holds the rows back where there are no checkpoints.
    if (this.#context.hasCheckpoints !== true) {
      this.#files.commit(this.#finished);
      this.#finished = [];
    }
  }

  /** Names of parts last too before anybody hears of them. */
  #takeFinished(): Committable {
    const parts = this.#finished;
    this.#finished = [];
    if (parts.length > 0) this.#context.host.files.syncDirectory(`${this.#files.path}/${this.#directory}`);
    return asCommittable({ target: this.#files.path, directory: this.#directory, parts });
  }
}

/** Counts what a format has written. */
class CountedFile implements WritableFile {
  readonly path: string;
  readonly #file: WritableFile;
  bytesWritten = 0;

  constructor(file: WritableFile) {
    this.path = file.path;
    this.#file = file;
  }

  write(bytes: Uint8Array): void {
    this.#file.write(bytes);
    this.bytesWritten += bytes.length;
  }

  sync(): void {
    this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }
}
