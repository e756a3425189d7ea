import type { Column } from "../../core/column.ts";
import { allocateBitmap } from "../../core/columns/allocate.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Workspace } from "../../core/workspace.ts";
import type { RecordBlock } from "../files/record-scanner.ts";

/** What parsers share of one reader: bytes as numbers, and addresses that live as long as the reader. */
export interface ParseContext {
  readonly workspace: Workspace;
  readonly quote: number;
  readonly escape: number;
  /** Texts that mean null, as kernels/csv-field.ts wants them. */
  readonly nulls: Address;
  /** 16 bytes for results of kernels. */
  readonly scratch: Address;
  /** u8 per row of a block: not 0 where a field of the row is no value of its column. */
  readonly bad: Address;
  readonly replacesInvalidUtf8: boolean;
}

/** Builds one column of a batch from fields, block by block. */
export interface FieldParser {
  /**
   * Converts a field of each row of the block to rows `start`... of the batch, and may be called again for the same rows.
   * Rows without a value are marked in `context.bad`; returns how many there are.
   */
  parse(block: RecordBlock, field: number, start: number): number;
  /** The first `rows` rows, which the caller owns; the parser starts a new batch. */
  finish(rows: number): Column;
  close(): void;
}

/** Bytes of 0 and 1 as a bitmap; gives the bytes back. */
export function packed(workspace: Workspace, flags: Block | undefined, rows: number): Block {
  const bits = allocateBitmap(workspace, rows);
  if (flags === undefined) return bits;
  workspace.kernels.csvPackBits(flags.address, rows, bits.address);
  flags.release();
  return bits;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A field as it stands in the file, without the quotes around it. */
export function fieldText(
  context: Pick<ParseContext, "workspace" | "quote">,
  block: RecordBlock,
  row: number,
  field: number,
): string {
  const { i32, u8 } = context.workspace;
  const entry = (block.table + row * block.stride + field * 4) >>> 2;
  const text = decoder.decode(u8.subarray(block.text + i32[entry] + 1, block.text + i32[entry + 1]));
  const quote = context.quote < 0 ? undefined : String.fromCharCode(context.quote);
  const inner = text.trim();
  const isQuoted = quote !== undefined && inner.length >= 2 && inner.startsWith(quote) && inner.endsWith(quote);
  return isQuoted ? inner.slice(1, -1) : text;
}
