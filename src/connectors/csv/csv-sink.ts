import type { Batch } from "../../core/batch.ts";
import { PlanError } from "../../core/errors.ts";
import type { WritableFile } from "../../core/host.ts";
import type { Schema } from "../../core/schema.ts";
import type { SinkContext, SinkFactory, SinkSpec } from "../../core/sink.ts";
import { formatType } from "../../core/types.ts";
import type { FileFormat, FormatWriter } from "../files/file-format.ts";
import { FileSink, type FileSinkOptions } from "../files/file-sink.ts";
import { type OutputCompression, outputCompression, TextOutput } from "../files/text-output.ts";
import { columnText } from "../files/value-text.ts";

export interface CsvSinkSpec extends SinkSpec, FileSinkOptions {
  readonly kind: "csv";
  /** Default ",". */
  readonly delimiter?: string;
  /** Default true. */
  readonly header?: boolean;
  /** What a null is written as; default the empty text. A text that is the same is quoted. */
  readonly null?: string;
  readonly compression?: OutputCompression | "auto";
}

/**
 * Comma-separated values by RFC 4180 with LF line ends: a text is quoted where it holds the delimiter, a quote, a newline or
 * blanks at its ends, where it is empty, and where it reads like a null. What this writes, CsvSource reads back.
 */
export const csvSink: SinkFactory = (given, host) => new FileSink(given as CsvSinkSpec, csvFormat(given), host);

/** How the sink writes a file. @throws {PlanError} OPTION_INVALID */
export function csvFormat(given: SinkSpec): FileFormat {
  const spec = given as CsvSinkSpec;
  const { delimiter = ",", header = true, path } = spec;
  if (delimiter.length !== 1 || '"\n\r'.includes(delimiter) || delimiter.charCodeAt(0) > 127) {
    throw new PlanError(
      "OPTION_INVALID",
      `The delimiter is ${JSON.stringify(delimiter)}.`,
      "It is one ASCII character other than a quote or newline.",
    );
  }
  const compression = outputCompression(path, spec.compression);
  return {
    name: "csv",
    extension: compression === "gzip" ? ".csv.gz" : ".csv",
    singleFileExtensions: [".csv", ".tsv", ".csv.gz", ".tsv.gz"],
    open: (file, context, schema) =>
      new CsvWriter(file, context, schema, { delimiter, header, nullText: spec.null ?? "", compression }),
  };
}

interface CsvWriting {
  readonly delimiter: string;
  readonly header: boolean;
  readonly nullText: string;
  readonly compression: OutputCompression;
}

class CsvWriter implements FormatWriter {
  readonly #context: SinkContext;
  readonly #writing: CsvWriting;
  readonly #output: TextOutput;
  readonly #needsQuotes: RegExp;

  constructor(file: WritableFile, context: SinkContext, schema: Schema, writing: CsvWriting) {
    for (const { name, type } of schema.fields) {
      if (!["binary", "list", "struct", "map", "interval", "null"].includes(type.kind)) continue;
      throw new PlanError(
        "CSV_TYPE_UNSUPPORTED",
        `Column "${name}" has the type ${formatType(type)}, which CSV cannot hold.`,
        "Convert it to utf8 with an expression, leave it out, or write Parquet or JSON lines.",
      );
    }
    this.#context = context;
    this.#writing = writing;
    this.#output = new TextOutput(file, writing.compression);
    const { delimiter } = writing;
    this.#needsQuotes = new RegExp(`^$|^[ \\t]|[ \\t]$|["\\n\\r${delimiter.replace(/[\\\]^-]/g, "\\$&")}]`);
    if (writing.header) {
      this.#output.append(`${schema.names.map((name) => this.#field(name, true)).join(delimiter)}\n`);
    }
  }

  write(batch: Batch): void {
    const { delimiter } = this.#writing;
    const texts = batch.columns.map((column) => columnText(this.#context.workspace, column));
    const areStrings = batch.columns.map((column) => column.type.kind === "utf8");
    for (let row = 0; row < batch.rowCount; row++) {
      let line = "";
      for (let i = 0; i < texts.length; i++) {
        if (i > 0) line += delimiter;
        line += this.#field(texts[i](row), areStrings[i]);
      }
      this.#output.append(`${line}\n`);
    }
  }

  finish(): void {
    this.#output.flush();
  }

  close(): void {}

  #field(text: string | null, isString: boolean): string {
    const { nullText, delimiter } = this.#writing;
    if (text === null) return nullText;
    const mustQuote = isString ? this.#needsQuotes.test(text) || text === nullText : text.includes(delimiter);
    return mustQuote ? `"${text.replaceAll('"', '""')}"` : text;
  }
}
