import { Batch } from "../../core/batch.ts";
import { type ColumnBuilder, columnBuilder } from "../../core/columns/builder.ts";
import { DataError } from "../../core/errors.ts";
import type { Schema } from "../../core/schema.ts";
import type { Json, SourceContext, SplitReader, Unread } from "../../core/source.ts";
import { formatType } from "../../core/types.ts";
import { lineFormat } from "../files/record-format.ts";
import { type RecordBlock, RecordScanner } from "../files/record-scanner.ts";
import { bytesBehind, type TextSplit } from "../files/text-splits.ts";
import { shown } from "../files/utf8-text.ts";
import { hasManyDigits, NumberText, parseExactJson } from "./exact-json.ts";
import { isObject, type JsonConversion, jsonConversion, NO_VALUE, ownValue } from "./json-values.ts";

const BLOCK_ROWS = 1024;

export interface JsonReading {
  readonly schema: Schema;
  readonly dropsBadLines: boolean;
  readonly replacesInvalidUtf8: boolean;
  readonly maxRecordBytes: number;
}

/** Reads one split of JSON lines as batches: lines are cut by kernels, parsed by JSON.parse, built column by column. */
export class JsonReader implements SplitReader {
  readonly #context: SourceContext;
  readonly #split: TextSplit;
  readonly #reading: JsonReading;
  readonly #scanner: RecordScanner;
  readonly #decode: (bytes: Uint8Array) => string;
  readonly #columns: { name: string; convert: JsonConversion; builder: ColumnBuilder }[];
  readonly #values: unknown[];
  #rows = 0;
  #isStarted = false;
  readonly #isFileStart: boolean;
  readonly offset?: () => Json;
  readonly unread?: () => Unread;
  #isOpen = true;

  /** `position`: the offset that an earlier reader of the split gave. */
  constructor(context: SourceContext, split: TextSplit, reading: JsonReading, position?: Json) {
    const { workspace, host, batchRows } = context;
    this.#context = context;
    this.#split = split;
    this.#reading = reading;
    const decoder = new TextDecoder("utf-8", { fatal: !reading.replacesInvalidUtf8, ignoreBOM: true });
    this.#decode = (bytes) => decoder.decode(bytes);
    const from = typeof position === "number" ? position : undefined;
    this.#isFileStart = split.start === 0 && from === undefined;
    const format = lineFormat(reading.maxRecordBytes);
    this.#scanner = new RecordScanner(workspace, host.files, split, format, BLOCK_ROWS, from);
    // Compressed files are read from their start, and rows are counted.
    if (split.compression === "none") {
      this.offset = () => this.#scanner.position;
      this.unread = () => ({ bytes: bytesBehind(split, this.#scanner.position) });
    }
    this.#columns = reading.schema.fields.map(({ name, type }) => ({
      name,
      convert: jsonConversion(type),
      builder: columnBuilder(workspace, type, batchRows),
    }));
    this.#values = this.#columns.map(() => null);
  }

  next(): Batch | undefined | Promise<Batch | undefined> {
    if (!this.#isOpen) return undefined;
    for (;;) {
      const wanted = Math.min(BLOCK_ROWS, this.#context.batchRows - this.#rows);
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
    for (const { builder } of this.#columns) builder.close();
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
    const columns = this.#columns.map(({ builder }) => builder.finish());
    return new Batch(this.#reading.schema, rows, columns);
  }

  #add(block: RecordBlock): void {
    const { workspace } = this.#context;
    // A line is one record: the table has its start and end.
    const ends = workspace.i32.slice(block.table >>> 2, (block.table >>> 2) + block.rows * 2);
    const lines = this.#lines(block);
    for (let row = 0; row < block.rows; row++) {
      const start = ends[row * 2] + 1;
      const text = lines?.texts[row] ?? this.#decodeLine(block.text + start, block.text + ends[row * 2 + 1]);
      const fault = typeof text === "string" ? this.#convert(text, lines?.areSimple === true) : text;
      if (fault === undefined) {
        for (const [i, { builder }] of this.#columns.entries()) builder.append(this.#values[i]);
        this.#rows++;
      } else if (fault === "blank") continue;
      else if (this.#reading.dropsBadLines) this.#context.count("badLines", 1);
      else throw this.#error(block, start, fault);
    }
  }

  /** The lines of a block, decoded at once; undefined where one of them is not UTF-8. */
  #lines({ text, textBytes }: RecordBlock): { texts: string[]; areSimple: boolean } | undefined {
    const { u8 } = this.#context.workspace;
    try {
      const all = this.#decode(u8.subarray(text, text + textBytes));
      return { texts: all.split("\n"), areSimple: !hasManyDigits(all) };
    } catch {
      return undefined;
    }
  }

  #decodeLine(from: number, to: number): string | Fault {
    const bytes = this.#context.workspace.u8.subarray(from, to);
    try {
      return this.#decode(bytes);
    } catch {
      const decoded = new TextDecoder().decode(bytes);
      return { code: "JSON_UTF8_INVALID", what: `${shown(decoded)} is not UTF-8 text` };
    }
  }

  /** Fills `#values` from the line; returns what is wrong with it. */
  #convert(text: string, isSimple: boolean): undefined | "blank" | Fault {
    let row: unknown;
    try {
      row = isSimple ? JSON.parse(text) : parseExactJson(text);
    } catch (cause) {
      if (text.trim() === "") return "blank";
      const reason = cause instanceof Error ? cause.message : String(cause);
      return { code: "JSON_INVALID", what: `${shown(text)} is no JSON (${reason.slice(0, 120)})` };
    }
    if (!isObject(row)) return { code: "JSON_INVALID", what: `${shown(text)} is no JSON object` };
    try {
      return this.#convertValues(row);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      // The stack is not deep enough for a text column that takes such a value.
      return { code: "JSON_INVALID", what: `${shown(text)} is nested too deeply` };
    }
  }

  #convertValues(row: object): undefined | Fault {
    for (const [i, { name, convert }] of this.#columns.entries()) {
      const value = ownValue(row, name);
      const converted = convert(value);
      if (converted === NO_VALUE) {
        const type = formatType(this.#reading.schema.fields[i].type);
        const found = value instanceof NumberText ? value.text : (JSON.stringify(value, plainNumbers) ?? "nothing");
        return { code: "JSON_VALUE_INVALID", what: `column "${name}": ${shown(found)} is no ${type}` };
      }
      this.#values[i] = converted;
    }
    return undefined;
  }

  #error(block: RecordBlock, offset: number, { code, what }: Fault): DataError {
    return new DataError(
      code,
      `"${this.#split.file.path}", line ${this.#scanner.lineOf(block, offset)}: ${what}.`,
      'Correct the line or the schema, or set badLines: "drop" to leave such lines out.',
    );
  }
}

interface Fault {
  readonly code: "JSON_UTF8_INVALID" | "JSON_INVALID" | "JSON_VALUE_INVALID";
  readonly what: string;
}

const plainNumbers = (_: string, value: unknown): unknown => (value instanceof NumberText ? Number(value.text) : value);
