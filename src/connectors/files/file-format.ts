import type { Batch } from "../../core/batch.ts";
import type { WritableFile } from "../../core/host.ts";
import type { Schema } from "../../core/schema.ts";
import type { SinkContext } from "../../core/sink.ts";

/** How one format writes a file. */
export interface FileFormat {
  readonly name: string;
  /** Of the files that it writes, ".csv"; a target that ends with one of `singleFileExtensions` is one file. */
  readonly extension: string;
  readonly singleFileExtensions: readonly string[];
  /** Called once per file; the schema is without partition columns. Refuses types that the format cannot hold. */
  open(file: WritableFile, context: SinkContext, schema: Schema): FormatWriter;
}

/** Writes one file. Memory stays bounded by a few batches or one row group, however long the file becomes. */
export interface FormatWriter {
  /** Borrows the batch. */
  write(batch: Batch): void | Promise<void>;
  /** Writes what is left; the file is synced and closed by the caller. */
  finish(): void | Promise<void>;
  /** Gives up what it holds; called after `finish` as well. */
  close(): void;
}
