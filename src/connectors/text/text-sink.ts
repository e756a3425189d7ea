import type { Batch } from "../../core/batch.ts";
import { PlanError } from "../../core/errors.ts";
import type { WritableFile } from "../../core/host.ts";
import type { SinkContext, SinkFactory, SinkSpec } from "../../core/sink.ts";
import type { FileFormat, FormatWriter } from "../files/file-format.ts";
import { FileSink, type FileSinkOptions } from "../files/file-sink.ts";
import { type OutputCompression, outputCompression, TextOutput } from "../files/text-output.ts";
import { columnText } from "../files/value-text.ts";

export interface TextSinkSpec extends SinkSpec, FileSinkOptions {
  readonly kind: "text";
  readonly compression?: OutputCompression | "auto";
}

/** The only column, one line per row; a null is an empty line. A text with a newline in it becomes several lines. */
export const textSink: SinkFactory = (given, host) => new FileSink(given as TextSinkSpec, textFormat(given), host);

/** How the sink writes a file. @throws {PlanError} OPTION_INVALID */
export function textFormat(given: SinkSpec): FileFormat {
  const spec = given as TextSinkSpec;
  const compression = outputCompression(spec.path, spec.compression);
  return {
    name: "text",
    extension: compression === "gzip" ? ".txt.gz" : ".txt",
    singleFileExtensions: [".txt", ".log", ".txt.gz", ".log.gz"],
    open: (file, context, schema) => {
      if (schema.fields.length !== 1 || ["binary", "list", "struct", "map"].includes(schema.fields[0].type.kind)) {
        throw new PlanError(
          "TEXT_COLUMNS",
          `Text lines are written from one column, but the columns are: ${schema}.`,
          "Select one column of a simple type, or write CSV.",
        );
      }
      return new TextWriter(file, context, compression);
    },
  };
}

class TextWriter implements FormatWriter {
  readonly #context: SinkContext;
  readonly #output: TextOutput;

  constructor(file: WritableFile, context: SinkContext, compression: OutputCompression) {
    this.#context = context;
    this.#output = new TextOutput(file, compression);
  }

  write(batch: Batch): void {
    const text = columnText(this.#context.workspace, batch.columns[0]);
    for (let row = 0; row < batch.rowCount; row++) this.#output.append(`${text(row) ?? ""}\n`);
  }

  finish(): void {
    this.#output.flush();
  }

  close(): void {}
}
