import type { Batch } from "../../core/batch.ts";
import type { WritableFile } from "../../core/host.ts";
import type { SinkContext, SinkFactory, SinkSpec } from "../../core/sink.ts";
import type { FileFormat, FormatWriter } from "../files/file-format.ts";
import { FileSink, type FileSinkOptions } from "../files/file-sink.ts";
import { type OutputCompression, outputCompression, TextOutput } from "../files/text-output.ts";
import { columnJson } from "./json-text.ts";

export interface JsonSinkSpec extends SinkSpec, FileSinkOptions {
  readonly kind: "json";
  readonly compression?: OutputCompression | "auto";
}

/** JSON lines: one object per row and line, with every column, null where a row has no value. See json-text.ts for values. */
export const jsonSink: SinkFactory = (given, host) => new FileSink(given as JsonSinkSpec, jsonFormat(given), host);

/** How the sink writes a file. @throws {PlanError} OPTION_INVALID */
export function jsonFormat(given: SinkSpec): FileFormat {
  const spec = given as JsonSinkSpec;
  const compression = outputCompression(spec.path, spec.compression);
  return {
    name: "json",
    extension: compression === "gzip" ? ".jsonl.gz" : ".jsonl",
    singleFileExtensions: [".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz"],
    open: (file, context) => new JsonWriter(file, context, compression),
  };
}

class JsonWriter implements FormatWriter {
  readonly #context: SinkContext;
  readonly #output: TextOutput;

  constructor(file: WritableFile, context: SinkContext, compression: OutputCompression) {
    this.#context = context;
    this.#output = new TextOutput(file, compression);
  }

  write(batch: Batch): void {
    const labels = batch.schema.names.map((name, i) => `${i === 0 ? "{" : ","}${JSON.stringify(name)}:`);
    const values = batch.columns.map((column) => columnJson(this.#context.workspace, column));
    for (let row = 0; row < batch.rowCount; row++) {
      let line = labels.length === 0 ? "{" : "";
      for (let i = 0; i < values.length; i++) line += labels[i] + values[i](row);
      this.#output.append(`${line}}\n`);
    }
  }

  finish(): void {
    this.#output.flush();
  }

  close(): void {}
}
