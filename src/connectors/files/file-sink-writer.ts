import type { Batch } from "../../core/batch.ts";
import { gatherBatch } from "../../core/columns/gather.ts";
import { PlanError } from "../../core/errors.ts";
import type { HostFiles, WritableFile } from "../../core/host.ts";
import { Schema } from "../../core/schema.ts";
import type { Committable, SinkContext, SinkWriter } from "../../core/sink.ts";
import type { FileFormat, FormatWriter } from "./file-format.ts";
import { asCommittable, type FileTarget, type FinishedFile, safeId } from "./file-target.ts";
import { partitionDirectory } from "./partition-values.ts";
import { columnText } from "./value-text.ts";

/** Each open file holds buffers: rows that keep changing their partition close the one that waited longest. */
const MAX_OPEN_FILES = 64;

interface OpenFile {
  readonly file: WritableFile;
  readonly writer: FormatWriter;
  readonly finished: FinishedFile;
}

/** Writes what one subtask gets: one file, or one per partition (more where too many partitions take turns). */
export class FileSinkWriter implements SinkWriter {
  readonly #context: SinkContext;
  readonly #files: HostFiles;
  readonly #format: FileFormat;
  readonly #partitionBy: readonly string[];
  readonly #directory: string;
  readonly #baseName: string;
  readonly #fileColumns: readonly number[];
  readonly #fileSchema: Schema;
  /** By partition directory ("" without partitions), the least recently used first. */
  readonly #open = new Map<string, OpenFile>();
  readonly #finished: FinishedFile[] = [];
  #count = 0;
  #isPrepared = false;

  constructor(
    context: SinkContext,
    files: HostFiles,
    target: FileTarget,
    format: FileFormat,
    partitionBy: readonly string[],
  ) {
    const { schema, subtask, jobId } = context;
    this.#context = context;
    this.#files = files;
    this.#format = format;
    this.#partitionBy = partitionBy;
    for (const name of partitionBy) schema.indexOf(name);
    this.#fileColumns = schema.fields.flatMap((field, i) => (partitionBy.includes(field.name) ? [] : [i]));
    if (partitionBy.length > 0 && this.#fileColumns.length === 0) {
      throw new PlanError(
        "PARTITION_INVALID",
        "partitionBy names every column, which leaves none for the files.",
        "Leave a column out of it, or add one, such as a count.",
      );
    }
    this.#fileSchema = new Schema(this.#fileColumns.map((i) => schema.fields[i]));
    this.#directory = `${target.hiddenDirectory(jobId)}/subtask-${subtask}`;
    const unique = target.overwrite === "append" ? `${safeId(jobId)}-` : "";
    this.#baseName = `part-${unique}${String(subtask).padStart(5, "0")}`;
    files.makeDirectory(this.#directory);
  }

  async write(batch: Batch): Promise<void> {
    if (batch.rowCount === 0) return;
    if (this.#partitionBy.length === 0) {
      await this.#fileOf("").writer.write(batch);
      return;
    }
    for (const [directory, part] of this.#partitions(batch)) {
      try {
        const file = this.#fileOf(directory);
        await file.writer.write(part);
        if (this.#open.size > MAX_OPEN_FILES) await this.#finishOldest();
      } finally {
        part.release();
      }
    }
  }

  async prepareCommit(): Promise<Committable> {
    // Somebody has to write the schema of an empty result, so that it can be read again.
    const isEmpty = this.#finished.length === 0 && this.#open.size === 0;
    if (isEmpty && this.#context.subtask === 0 && this.#partitionBy.length === 0) this.#fileOf("");
    while (this.#open.size > 0) await this.#finishOldest();
    this.#isPrepared = true;
    return asCommittable(this.#finished);
  }

  close(): void {
    for (const { file, writer } of this.#open.values()) {
      writer.close();
      file.close();
    }
    this.#open.clear();
    if (!this.#isPrepared) this.#files.remove(this.#directory);
  }

  #fileOf(directory: string): OpenFile {
    const known = this.#open.get(directory);
    if (known !== undefined) {
      this.#open.delete(directory);
      this.#open.set(directory, known);
      return known;
    }
    const number = this.#count++;
    const { extension } = this.#format;
    const name = `file-${number}${extension}`;
    // A partition that is opened again gets a further file.
    const again = this.#finished.some(({ to }) => to.startsWith(`${directory}/${this.#baseName}`));
    const visible = `${this.#baseName}${again ? `-${number}` : ""}${extension}`;
    const file = this.#files.openWrite(`${this.#directory}/${name}`);
    let writer: FormatWriter;
    try {
      writer = this.#format.open(file, this.#context, this.#fileSchema);
    } catch (error) {
      file.close();
      throw error;
    }
    const from = `subtask-${this.#context.subtask}/${name}`;
    const opened = { file, writer, finished: { from, to: directory === "" ? visible : `${directory}/${visible}` } };
    this.#open.set(directory, opened);
    return opened;
  }

  async #finishOldest(): Promise<void> {
    for (const [directory, { file, writer, finished }] of this.#open) {
      await writer.finish();
      this.#open.delete(directory);
      writer.close();
      try {
        file.sync();
      } finally {
        file.close();
      }
      this.#finished.push(finished);
      return;
    }
  }

  /** The batch's rows by partition, each part without the partition columns. Parts belong to the caller. */
  #partitions(batch: Batch): [directory: string, part: Batch][] {
    const { workspace } = this.#context;
    const texts = this.#partitionBy.map((name) => columnText(workspace, batch.column(name)));
    const rowsByDirectory = new Map<string, number[]>();
    for (let row = 0; row < batch.rowCount; row++) {
      const directory = this.#partitionBy.map((name, i) => partitionDirectory(name, texts[i](row))).join("/");
      const rows = rowsByDirectory.get(directory);
      if (rows === undefined) rowsByDirectory.set(directory, [row]);
      else rows.push(row);
    }
    const narrow = batch.project(this.#fileSchema, this.#fileColumns);
    const indices = workspace.allocate(batch.rowCount * 4);
    const parts: [string, Batch][] = [];
    try {
      for (const [directory, rows] of rowsByDirectory) {
        workspace.u32.set(rows, indices.address >>> 2);
        parts.push([directory, gatherBatch(workspace, narrow, indices.address, rows.length)]);
      }
    } finally {
      indices.release();
      narrow.release();
    }
    return parts;
  }
}
