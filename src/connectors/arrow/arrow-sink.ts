import * as arrow from "apache-arrow";
import { toArrow } from "../../core/arrow.ts";
import { arrowSchema } from "../../core/arrow-types.ts";
import type { Batch } from "../../core/batch.ts";
import { decodeDictionaries } from "../../core/columns/dictionary.ts";
import type { WritableFile } from "../../core/host.ts";
import type { Schema } from "../../core/schema.ts";
import type { SinkContext, SinkFactory, SinkSpec } from "../../core/sink.ts";
import type { FileFormat, FormatWriter } from "../files/file-format.ts";
import { FileSink, type FileSinkOptions } from "../files/file-sink.ts";

export interface ArrowSinkSpec extends SinkSpec, FileSinkOptions {
  readonly kind: "arrow";
  /** The IPC file format, or the stream format, which has no footer. Default: by the extension (.arrows: stream). */
  readonly format?: "file" | "stream";
}

/** Arrow IPC: a record batch per batch. Dictionary columns are written plain, since their dictionaries differ by batch. */
export const arrowSink: SinkFactory = (given, host) => new FileSink(given as ArrowSinkSpec, arrowFormat(given), host);

/** How the sink writes a file. @throws {PlanError} OPTION_INVALID */
export function arrowFormat(given: SinkSpec): FileFormat {
  const spec = given as ArrowSinkSpec;
  const isStream = (spec.format ?? (spec.path.endsWith(".arrows") ? "stream" : "file")) === "stream";
  return {
    name: isStream ? "arrow stream" : "arrow",
    extension: isStream ? ".arrows" : ".arrow",
    singleFileExtensions: [".arrow", ".arrows", ".feather", ".ipc"],
    open: (file, context, schema) => new ArrowWriter(file, context, schema, isStream),
  };
}

/** Passes on to a file what apache-arrow would queue. */
class FileQueue extends arrow.AsyncByteQueue {
  readonly #file: WritableFile;

  constructor(file: WritableFile) {
    super();
    this.#file = file;
  }

  override write(chunk: Uint8Array): void {
    this.#file.write(chunk);
  }
}

/** Writes the schema message too, which the format wants before the batches and apache-arrow leaves to the footer. */
class ArrowFileWriter extends arrow.RecordBatchFileWriter {
  protected override _writeSchema(schema: arrow.Schema): this {
    super._writeSchema(schema);
    return this._writeMessage(arrow.Message.from(schema));
  }
}

class ArrowWriter implements FormatWriter {
  readonly #context: SinkContext;
  readonly #schema: arrow.Schema;
  readonly #writer: arrow.RecordBatchWriter;

  constructor(file: WritableFile, context: SinkContext, schema: Schema, isStream: boolean) {
    this.#context = context;
    this.#schema = arrowSchema(schema);
    const options = { autoDestroy: false };
    this.#writer = isStream ? new arrow.RecordBatchStreamWriter(options) : new ArrowFileWriter(options);
    this.#writer.reset(new FileQueue(file), this.#schema);
  }

  write(batch: Batch): void {
    const { workspace } = this.#context;
    const plain = decodeDictionaries(workspace, batch);
    try {
      // The view is read before write returns, while the batch is held.
      const { data } = toArrow(workspace, plain, "view");
      this.#writer.write(new arrow.RecordBatch(this.#schema, data));
    } finally {
      plain.release();
    }
  }

  finish(): void {
    this.#writer.finish();
  }

  close(): void {}
}
