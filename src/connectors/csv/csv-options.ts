import { PlanError } from "../../core/errors.ts";
import type { Field } from "../../core/schema.ts";
import type { Compression } from "../files/byte-input.ts";
import type { RecordFormat } from "../files/record-format.ts";

/** What to do with a line that cannot be read: fail the job, or leave it out and count it in the metric `badLines`. */
export type BadLines = "fail" | "drop";

/** How CSV is written; plain JSON. */
export interface CsvOptions {
  /** One ASCII character; default ",". */
  readonly delimiter?: string;
  /** One ASCII character around fields that hold delimiters, quotes or newlines; null for none. Default '"'. */
  readonly quote?: string | null;
  /** Makes the next character of a quoted field plain text. Default: none, a quote inside quotes is doubled. */
  readonly escape?: string | null;
  /** Lines that start with it are skipped; default none. */
  readonly comment?: string | null;
  /** Whether the first line of each file names the columns; default true. */
  readonly header?: boolean;
  /** Unquoted texts that mean null; default the empty text. */
  readonly nulls?: readonly string[];
  /** Columns and types; default: found in the first lines of the first file. */
  readonly schema?: readonly Field[];
  readonly badLines?: BadLines;
  /** Text that is not UTF-8 makes a bad line, or its wrong bytes become U+FFFD. Default "fail". */
  readonly invalidUtf8?: "fail" | "replace";
  readonly compression?: Compression | "auto";
  /** False promises that quoted fields hold no newlines. Default true. */
  readonly multiline?: boolean;
  /** Default 2 MiB. */
  readonly maxRecordBytes?: number;
  /** Bytes of one unit of parallel reading; default 32 MiB. */
  readonly splitBytes?: number;
}

export const DEFAULT_MAX_RECORD_BYTES = 2 * 1024 * 1024;

/** The byte form of the options, for records of `fields` fields. */
export function recordFormat(options: CsvOptions, fields: number): RecordFormat {
  const delimiter = byteOf("delimiter", options.delimiter ?? ",");
  const quote = byteOf("quote", options.quote === undefined ? '"' : options.quote);
  const escapeByte = byteOf("escape", options.escape ?? null);
  const comment = byteOf("comment", options.comment ?? null);
  const used = [delimiter, quote, comment].filter((byte) => byte >= 0);
  if (delimiter < 0 || new Set(used).size < used.length || escapeByte === delimiter) {
    throw invalid("delimiter, quote, escape and comment must be different characters, and a delimiter is needed");
  }
  const { maxRecordBytes = DEFAULT_MAX_RECORD_BYTES } = options;
  if (!Number.isInteger(maxRecordBytes) || maxRecordBytes < 1 || maxRecordBytes > 2 ** 30) {
    throw invalid("maxRecordBytes is a whole number from 1 to 1 GiB");
  }
  // An escape that is the quote is RFC 4180's doubling.
  return {
    delimiter,
    quote,
    escape: escapeByte === quote ? -1 : escapeByte,
    comment,
    fields,
    maxRecordBytes,
    hasNewlinesInQuotes: quote >= 0 && options.multiline !== false,
  };
}

/** Checks what plain JavaScript may get wrong. */
export function checkCsvOptions(options: CsvOptions): void {
  recordFormat(options, 1);
  if (!["fail", "drop", undefined].includes(options.badLines)) throw invalid('badLines is "fail" or "drop"');
  if (!["fail", "replace", undefined].includes(options.invalidUtf8)) {
    throw invalid('invalidUtf8 is "fail" or "replace"');
  }
  const nulls = options.nulls ?? [];
  if (!nulls.every((text) => typeof text === "string" && new TextEncoder().encode(text).length < 256)) {
    throw invalid("nulls are texts of at most 255 bytes");
  }
}

function byteOf(name: string, text: string | null): number {
  if (text === null) return -1;
  const code = text.charCodeAt(0);
  if (text.length !== 1 || code > 127 || code === 10 || code === 13 || code === 0) {
    throw invalid(`${name} is ${JSON.stringify(text)}, and has to be one ASCII character other than a newline`);
  }
  return code;
}

const invalid = (what: string): PlanError =>
  new PlanError("OPTION_INVALID", `The options of a CSV file are wrong: ${what}.`, "Correct the option.");
