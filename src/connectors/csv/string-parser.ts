import type { Column } from "../../core/column.ts";
import { columnOf } from "../../core/columns/allocate.ts";
import type { Block } from "../../core/memory/block.ts";
import type { DataType } from "../../core/types.ts";
import type { RecordBlock } from "../files/record-scanner.ts";
import { type FieldParser, type ParseContext, packed } from "./field-parser.ts";

/** The kernel copies short strings in vectors, past their end. */
const SLACK_BYTES = 16;
const BAD = 1;

/** utf8 and binary columns: bytes are copied once, from the text to the column. */
export class StringParser implements FieldParser {
  readonly #context: ParseContext;
  readonly #type: DataType;
  readonly #batchRows: number;
  #offsets: Block | undefined;
  #valid: Block | undefined;
  #data: Block | undefined;

  constructor(context: ParseContext, type: DataType, batchRows: number) {
    this.#context = context;
    this.#type = type;
    this.#batchRows = batchRows;
  }

  parse(block: RecordBlock, field: number, start: number): number {
    const { workspace, quote, escape: escapeByte, nulls, bad, scratch } = this.#context;
    const { kernels } = workspace;
    this.#offsets ??= this.#firstOffsets();
    this.#valid ??= workspace.allocate(this.#batchRows);
    const offsets = this.#offsets.address + start * 4;
    const used = workspace.i32[offsets >>> 2];
    const data = this.#reserve(used, used + block.textBytes);
    const valid = this.#valid.address + start;
    const { text, table, stride, rows } = block;
    kernels.csvStrings(
      text,
      table,
      stride,
      field,
      rows,
      quote,
      escapeByte,
      nulls,
      offsets,
      data.address,
      used,
      valid,
      bad,
      scratch,
    );
    const badQuotes = workspace.i32[scratch >>> 2];
    if (this.#type.kind !== "utf8") return badQuotes;
    if (!this.#context.replacesInvalidUtf8) {
      return badQuotes + kernels.csvMarkInvalidUtf8(data.address, offsets, rows, bad);
    }
    this.#replaceInvalid(rows, start);
    return badQuotes;
  }

  finish(rows: number): Column {
    const { workspace } = this.#context;
    const offsets = this.#offsets ?? this.#firstOffsets();
    const validity = packed(workspace, this.#valid, rows);
    const data = this.#data ?? workspace.allocate(0);
    this.#offsets = undefined;
    this.#valid = undefined;
    this.#data = undefined;
    return columnOf(workspace, this.#type, rows, { offsets, data, validity });
  }

  close(): void {
    this.#offsets?.release();
    this.#valid?.release();
    this.#data?.release();
    this.#offsets = undefined;
    this.#valid = undefined;
    this.#data = undefined;
  }

  #firstOffsets(): Block {
    const { workspace } = this.#context;
    const offsets = workspace.allocate((this.#batchRows + 1) * 4);
    workspace.i32[offsets.address >>> 2] = 0;
    return offsets;
  }

  #reserve(used: number, byteLength: number): Block {
    const { workspace } = this.#context;
    const needed = byteLength + SLACK_BYTES;
    if (this.#data === undefined) this.#data = workspace.allocate(needed);
    else if (this.#data.byteLength < needed) {
      const grown = workspace.allocate(Math.max(needed, this.#data.byteLength * 2));
      workspace.kernels.copyBytes(grown.address, this.#data.address, used);
      this.#data.release();
      this.#data = grown;
    }
    return this.#data;
  }

  /** Writes the rows from `start` on anew, with U+FFFD for what is not UTF-8. */
  #replaceInvalid(rows: number, start: number): void {
    if (this.#data === undefined || this.#offsets === undefined) return;
    const { workspace } = this.#context;
    const offsets = this.#offsets.address + start * 4;
    const marks = workspace.allocateZeroed(rows);
    const count = workspace.kernels.csvMarkInvalidUtf8(this.#data.address, offsets, rows, marks.address);
    if (count > 0) {
      const { i32, u8 } = workspace;
      const first = i32[offsets >>> 2];
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      const encoder = new TextEncoder();
      const strings: Uint8Array[] = [];
      for (let row = 0; row < rows; row++) {
        const [from, to] = [i32[(offsets >>> 2) + row], i32[(offsets >>> 2) + row + 1]];
        const bytes = Uint8Array.from(u8.subarray(this.#data.address + from, this.#data.address + to));
        strings.push(u8[marks.address + row] === BAD ? encoder.encode(decoder.decode(bytes)) : bytes);
      }
      const total = strings.reduce((sum, bytes) => sum + bytes.length, 0);
      const data = this.#reserve(first, first + total);
      let end = first;
      for (const [row, bytes] of strings.entries()) {
        workspace.u8.set(bytes, data.address + end);
        end += bytes.length;
        workspace.i32[(offsets >>> 2) + row + 1] = end;
      }
    }
    marks.release();
  }
}
