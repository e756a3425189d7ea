import { dateDays } from "../../core/columns/values.ts";
import { assert, PlanError } from "../../core/errors.ts";
import type { Field } from "../../core/schema.ts";
import { bool, type DataType, date, float64, int64, timestamp, utf8 } from "../../core/types.ts";
import type { TextSample } from "../files/sample.ts";
import type { CsvOptions } from "./csv-options.ts";

const SAMPLE_RECORDS = 10_000;

/** The columns of a file in its own order, as far as its first lines tell. */
export interface CsvShape {
  readonly fields: readonly Field[];
}

/**
 * Names and types of the columns from the starts of files: the first one has the names, and as many more are asked for as
 * it takes to have enough records.
 * A type is the narrowest that holds all sampled values: bool, int64, float64, date, timestamp, else utf8. Whole numbers
 * with leading zeros (postal codes) or beyond int64 stay utf8, so that nothing is lost; so do columns without a value.
 * Without a header columns are called column0, column1, ...; a repeated name gets a number.
 */
export function inferShape(samples: Iterable<TextSample>, options: CsvOptions): CsvShape {
  const hasHeader = options.header !== false;
  let names: readonly string[] | undefined;
  const rows: (readonly SampleField[])[] = [];
  for (const sample of samples) {
    const records = parseRecords(sample, options, SAMPLE_RECORDS - rows.length);
    names ??= namesIn(sample, records[0], hasHeader);
    const width = names.length;
    // Records of another width, and files of another header, are the reader's to judge.
    for (const record of hasHeader ? records.slice(1) : records) if (record.length === width) rows.push(record);
    if (rows.length >= SAMPLE_RECORDS / 2) break;
  }
  assert(names !== undefined, "a source of files has at least one");
  const nulls = new Set(options.nulls ?? [""]);
  const fields = names.map((name, i) => {
    const texts = rows.map((row) => row[i].text.trim()).filter((text) => !nulls.has(text) && text !== "");
    return { name, type: typeOfTexts(texts) };
  });
  return { fields };
}

/** @throws {PlanError} CSV_EMPTY, CSV_NEWLINES */
function namesIn(sample: TextSample, first: readonly SampleField[] | undefined, hasHeader: boolean): string[] {
  checkNewlines(sample, first);
  if (first !== undefined) {
    return hasHeader ? columnNames(first.map((field) => field.text)) : first.map((_, i) => `column${i}`);
  }
  throw new PlanError(
    "CSV_EMPTY",
    `"${sample.path}" has no line to find its columns in.`,
    "Give a schema, or leave the file out.",
  );
}

/**
 * Lines are found by their newlines: a file without any would be one header and no row.
 * @throws {PlanError} CSV_NEWLINES
 */
export function checkNewlines(sample: TextSample, first: readonly SampleField[] | undefined): void {
  const hasReturns = first === undefined ? sample.text.includes("\r") : first.some(hasReturn);
  if (!hasReturns) return;
  throw new PlanError(
    "CSV_NEWLINES",
    `The lines of "${sample.path}" end with a carriage return alone.`,
    "Convert it, for example with tr '\\r' '\\n'.",
  );
}

const hasReturn = ({ text, isQuoted }: SampleField): boolean => !isQuoted && text.includes("\r");

export function columnNames(texts: readonly string[]): string[] {
  const used = new Set<string>();
  return texts.map((text, i) => {
    const base = text.trim() === "" ? `column${i}` : text.trim();
    let name = base;
    for (let n = 1; used.has(name); n++) name = `${base}_${n}`;
    used.add(name);
    return name;
  });
}

const INTEGER = /^[+-]?(0|[1-9]\d*)$/;
const NUMBER = /^[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const WORD = /^[+-]?(nan|inf|infinity)$/i;
const DATE = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const TIMESTAMP =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,](\d{1,9}))?)?(Z|[+-]\d\d(:?\d\d)?)?)?$/i;

/** The narrowest type of all the texts, none of which is null. */
export function typeOfTexts(texts: readonly string[]): DataType {
  const all = (test: (text: string) => boolean) => texts.every(test);
  if (texts.length === 0) return utf8;
  if (all((text) => /^(true|false)$/i.test(text))) return bool;
  if (all((text) => INTEGER.test(text))) return all(isInt64) ? int64 : utf8;
  // 20 digits without a point are an identifier rather than a measurement: a double would lose digits.
  if (all((text) => (NUMBER.test(text) && (!INTEGER.test(text) || isInt64(text))) || WORD.test(text))) {
    return texts.some((text) => NUMBER.test(text)) ? float64 : utf8;
  }
  if (all((text) => DATE.test(text) && isDay(text))) return date;
  if (all((text) => TIMESTAMP.test(text) && isDay(text))) return timestampType(texts);
  return utf8;
}

/** Not 30 February. */
const isDay = (text: string): boolean => dateDays(text.slice(0, 10)) !== undefined;

function isInt64(text: string): boolean {
  const value = BigInt(text.replace(/^\+/, ""));
  return BigInt.asIntN(64, value) === value;
}

/** Milliseconds where they hold all sampled fractions; UTC where every text has an offset. */
function timestampType(texts: readonly string[]): DataType {
  const matches = texts.map((text) => TIMESTAMP.exec(text));
  const digits = matches.reduce((most, match) => Math.max(most, match?.[7]?.length ?? 0), 0);
  const unit = digits <= 3 ? "ms" : digits <= 6 ? "us" : "ns";
  return matches.every((match) => match?.[8] !== undefined) ? timestamp(unit, "UTC") : timestamp(unit);
}

export interface SampleField {
  readonly text: string;
  readonly isQuoted: boolean;
}

/** Records of a sample by the rules of csvScan (kernels/csv.ts); a last one that the sample cuts off is left out. */
export function parseRecords(sample: TextSample, options: CsvOptions, limit = SAMPLE_RECORDS): SampleField[][] {
  const { delimiter = ",", quote = '"', escape: escapeWith = null, comment = null } = options;
  const text = sample.text.replace(/^\ufeff/, "");
  const records: SampleField[][] = [];
  let record: SampleField[] = [];
  let field = "";
  let isQuoted = false;
  let isInside = false;
  let at = 0;
  const endField = () => {
    record.push({ text: field, isQuoted });
    field = "";
    isQuoted = false;
  };
  const endRecord = () => {
    if (!isQuoted && field.endsWith("\r")) field = field.slice(0, -1);
    const isBlank = record.length === 0 && field === "" && !isQuoted;
    endField();
    if (!isBlank) records.push(record);
    record = [];
  };
  for (; at < text.length && records.length < limit; at++) {
    const character = text[at];
    if (isInside) {
      if (character === escapeWith && escapeWith !== quote) field += text[++at] ?? "";
      else if (character !== quote) field += character;
      else if (text[at + 1] === quote) field += text[++at];
      else isInside = false;
    } else if (character === quote && field === "" && !isQuoted) {
      isInside = true;
      isQuoted = true;
    } else if (character === comment && record.length === 0 && field === "" && !isQuoted) {
      while (at + 1 < text.length && text[at + 1] !== "\n") at++;
      at++;
    } else if (character === delimiter) endField();
    else if (character === "\n") endRecord();
    else if (!(isQuoted && character === "\r")) field += character;
  }
  if (sample.isWhole && !isInside && records.length < limit && (field !== "" || record.length > 0 || isQuoted)) {
    endRecord();
  }
  return records;
}
