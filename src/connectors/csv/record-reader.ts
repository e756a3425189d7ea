import { Batch } from "../../core/batch.ts";
import { DataError } from "../../core/errors.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Schema } from "../../core/schema.ts";
import type { Json, SourceContext, SplitReader, Unread } from "../../core/source.ts";
import { formatType } from "../../core/types.ts";
import type { RecordFormat } from "../files/record-format.ts";
import { type BadRecord, type RecordBlock, RecordScanner } from "../files/record-scanner.ts";
import { bytesBehind, type TextSplit } from "../files/text-splits.ts";
import { shown } from "../files/utf8-text.ts";
import { columnNames } from "./csv-sample.ts";
import { type FieldParser, fieldText, type ParseContext } from "./field-parser.ts";
import { fieldParser } from "./field-parsers.ts";

/** What to read of delimited text. */
export interface RecordReading {
  readonly format: RecordFormat;
  /** The columns to give; `fieldIndices` says which field of a record holds each. */
  readonly schema: Schema;
  readonly fieldIndices: readonly number[];
  /** Names that the first line of a file must have, in order; undefined where files have no header. */
  readonly header: readonly string[] | undefined;
  readonly nulls: readonly string[];
  readonly dropsBadLines: boolean;
  readonly replacesInvalidUtf8: boolean;
  /** "CSV" or "TEXT", the start of error codes. */
  readonly codePrefix: string;
}

/** Rows are cut and converted in blocks that stay in the processor's cache between the two. */
const BLOCK_ROWS = 1024;

/** Reads one split of delimited text as batches. */
export class RecordReader implements SplitReader {
  readonly #context: SourceContext;
  readonly #reading: RecordReading;
  readonly #split: TextSplit;
  readonly #scanner: RecordScanner;
  readonly #parsers: FieldParser[];
  readonly #parse: ParseContext;
  readonly #blocks: Block[];
  #rows = 0;
  #isStarted = false;
  #awaitsHeader: boolean;
  readonly #isFileStart: boolean;
  readonly offset?: () => Json;
  readonly unread?: () => Unread;
  #isOpen = true;

  /** `position`: the offset that an earlier reader of the split gave. */
  constructor(context: SourceContext, split: TextSplit, reading: RecordReading, position?: Json) {
    const { workspace, host, batchRows } = context;
    this.#context = context;
    this.#reading = reading;
    this.#split = split;
    const from = typeof position === "number" ? position : undefined;
    this.#isFileStart = split.start === 0 && from === undefined;
    this.#awaitsHeader = reading.header !== undefined && this.#isFileStart;
    this.#scanner = new RecordScanner(workspace, host.files, split, reading.format, BLOCK_ROWS, from);
    // Compressed files are read from their start, and rows are counted.
    if (split.compression === "none") {
      this.offset = () => this.#scanner.position;
      this.unread = () => ({ bytes: bytesBehind(split, this.#scanner.position) });
    }
    const nulls = packNulls(context, reading.nulls);
    const scratch = workspace.allocate(16);
    const bad = workspace.allocateZeroed(BLOCK_ROWS);
    this.#blocks = [nulls, scratch, bad];
    const { quote, escape: escapeByte } = reading.format;
    this.#parse = {
      workspace,
      quote,
      escape: escapeByte,
      nulls: nulls.address,
      scratch: scratch.address,
      bad: bad.address,
      replacesInvalidUtf8: reading.replacesInvalidUtf8,
    };
    this.#parsers = reading.schema.fields.map(({ type }) => fieldParser(this.#parse, type, batchRows));
  }

  next(): Batch | undefined | Promise<Batch | undefined> {
    if (!this.#isOpen) return undefined;
    for (;;) {
      const wanted = this.#awaitsHeader ? 1 : Math.min(BLOCK_ROWS, this.#context.batchRows - this.#rows);
      const block = this.#isStarted ? this.#scanner.scan(wanted) : "input";
      if (block === "input") {
        const filled = this.#scanner.fill();
        if (filled instanceof Promise) return filled.then(() => this.#continue());
        this.#start();
      } else if (block === "end") {
        const batch = this.#finish();
        this.close();
        return batch;
      } else {
        this.#add(block);
        if (this.#rows >= this.#context.batchRows) return this.#finish();
      }
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#scanner.close();
    for (const parser of this.#parsers) parser.close();
    for (const block of this.#blocks) block.release();
  }

  #continue(): Batch | undefined | Promise<Batch | undefined> {
    if (!this.#isOpen) return undefined; // closed while the read was under way
    this.#start();
    return this.next();
  }

  #start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    if (this.#isFileStart) this.#scanner.skipByteOrderMark();
  }

  #finish(): Batch | undefined {
    const rows = this.#rows;
    if (rows === 0) return undefined;
    this.#rows = 0;
    return new Batch(
      this.#reading.schema,
      rows,
      this.#parsers.map((parser) => parser.finish(rows)),
    );
  }

  #add(block: RecordBlock): void {
    if (this.#awaitsHeader) {
      if (block.rows + block.bad.length === 0) return;
      this.#awaitsHeader = false;
      this.#checkHeader(block);
      return;
    }
    if (block.bad.length > 0) this.#badRecords(block);
    if (block.rows === 0) return;
    if (this.#convert(block) > 0) {
      const good = this.#withoutBadRows(block);
      this.#convert(good);
      this.#rows += good.rows;
    } else this.#rows += block.rows;
  }

  /** Converts every column; returns how many fields are bad. */
  #convert(block: RecordBlock): number {
    let badFields = 0;
    for (const [i, parser] of this.#parsers.entries()) {
      badFields += parser.parse(block, this.#reading.fieldIndices[i], this.#rows);
      if (badFields > 0 && !this.#reading.dropsBadLines) this.#failAtField(block, i);
    }
    return badFields;
  }

  /** The block with its good rows moved together in the table. */
  #withoutBadRows(block: RecordBlock): RecordBlock {
    const { u8 } = this.#context.workspace;
    const { bad } = this.#parse;
    let kept = 0;
    for (let row = 0; row < block.rows; row++) {
      if (u8[bad + row] === 0) {
        const from = block.table + row * block.stride;
        if (kept !== row) this.#moveRecord(from, block.table + kept * block.stride, block.stride);
        kept++;
      }
    }
    u8.fill(0, bad, bad + block.rows);
    this.#context.count("badLines", block.rows - kept);
    return { ...block, rows: kept };
  }

  #moveRecord(from: number, to: number, byteLength: number): void {
    const { u8 } = this.#context.workspace;
    u8.copyWithin(to, from, from + byteLength);
  }

  #badRecords(block: RecordBlock): void {
    if (!this.#reading.dropsBadLines) throw this.#badRecordError(block, block.bad[0]);
    this.#context.count("badLines", block.bad.length);
  }

  #badRecordError(block: RecordBlock, bad: BadRecord): DataError {
    const { format, codePrefix } = this.#reading;
    const where = this.#where(block, bad.start);
    const { u8 } = this.#context.workspace;
    const bytes = u8.slice(block.text + bad.start, block.text + Math.min(bad.end, bad.start + 200));
    const text = shown(new TextDecoder().decode(bytes));
    if (bad.fields === 0) {
      return new DataError(
        `${codePrefix}_QUOTE_UNCLOSED`,
        `${where}: a quote is never closed in the record that starts with ${text}.`,
        'Correct the file, set quote: null if quotes have no meaning, or badLines: "drop" to leave such lines out.',
      );
    }
    return new DataError(
      `${codePrefix}_FIELD_COUNT`,
      `${where} has ${bad.fields} fields, but ${format.fields} are expected: ${text}.`,
      'Correct the line, check delimiter and quote, or set badLines: "drop" to leave such lines out.',
    );
  }

  #failAtField(block: RecordBlock, column: number): never {
    const { u8, i32 } = this.#context.workspace;
    const { schema, fieldIndices, codePrefix } = this.#reading;
    let row = 0;
    while (u8[this.#parse.bad + row] === 0) row++;
    const { name, type } = schema.fields[column];
    const start = i32[(block.table + row * block.stride) >>> 2] + 1;
    const where = `${this.#where(block, start)}, column "${name}"`;
    const text = shown(fieldText(this.#parse, block, row, fieldIndices[column]));
    if (type.kind === "utf8" && text.includes("\ufffd")) {
      throw new DataError(
        `${codePrefix}_UTF8_INVALID`,
        `${where}: ${text} is not UTF-8 text.`,
        'Convert the file to UTF-8, set invalidUtf8: "replace", or badLines: "drop" to leave such lines out.',
      );
    }
    if (type.kind === "utf8" || type.kind === "binary") {
      throw new DataError(
        `${codePrefix}_QUOTE_INVALID`,
        `${where}: ${text} goes on after its closing quote.`,
        'Double the quotes inside the field, or set badLines: "drop" to leave such lines out.',
      );
    }
    throw new DataError(
      `${codePrefix}_VALUE_INVALID`,
      `${where}: ${text} is no ${formatType(type)}.`,
      'Correct the value, declare another type in the schema, list it in nulls, or set badLines: "drop".',
    );
  }

  #checkHeader(block: RecordBlock): void {
    const { header = [], codePrefix } = this.#reading;
    const names = block.rows > 0 ? this.#headerNames(block, header.length) : [];
    const other = header.findIndex((name, i) => names[i] !== name);
    if (other < 0) return;
    const what =
      block.rows > 0
        ? `names column ${other + 1} ${shown(names[other])} where "${header[other]}" is expected`
        : `has ${block.bad[0]?.fields ?? 0} columns where ${header.length} are expected`;
    throw new DataError(
      `${codePrefix}_HEADER_MISMATCH`,
      `The header of "${this.#split.file.path}" ${what}.`,
      "Files that are read together need the same columns in the same order: read them apart and union them.",
    );
  }

  #headerNames(block: RecordBlock, count: number): string[] {
    const quote = String.fromCharCode(Math.max(0, this.#parse.quote));
    const texts = Array.from({ length: count }, (_, i) => fieldText(this.#parse, block, 0, i));
    return columnNames(texts.map((text) => text.replaceAll(quote + quote, quote)));
  }

  #where(block: RecordBlock, offset: number): string {
    return `"${this.#split.file.path}", line ${this.#scanner.lineOf(block, offset)}`;
  }
}

/** Null texts as kernels/csv-field.ts wants them. */
function packNulls({ workspace }: SourceContext, nulls: readonly string[]): Block {
  const texts = nulls.filter((text) => text !== "").map((text) => new TextEncoder().encode(text));
  const block = workspace.allocate(8 + texts.reduce((sum, text) => sum + 1 + text.length, 0));
  workspace.u32[block.address >>> 2] = nulls.includes("") ? 1 : 0;
  workspace.u32[(block.address >>> 2) + 1] = texts.length;
  let at = block.address + 8;
  for (const text of texts) {
    workspace.u8[at] = text.length;
    workspace.u8.set(text, at + 1);
    at += 1 + text.length;
  }
  return block;
}
