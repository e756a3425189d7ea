import { Batch, type RowMarks } from "../batch.ts";
import { Column } from "../column.ts";
import type { Block } from "../memory/block.ts";
import type { Schema } from "../schema.ts";
import { byteWidth, type DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { bitmapBytes } from "./allocate.ts";
import { mapEntriesType } from "./read.ts";

/** A column's addresses as plain data, so that another thread can copy it out of this thread's memory. */
export interface ColumnDescriptor {
  length: number;
  nullCount: number;
  validity: number;
  data: number;
  /** Bytes of `data` that the rows refer to, from `data` + first offset. */
  dataStart: number;
  dataBytes: number;
  offsets: number;
  /** `data` are the column's `words`, with this bound. */
  wordBits?: number;
  children: ColumnDescriptor[];
  dictionary?: ColumnDescriptor;
}

export interface BatchDescriptor {
  rowCount: number;
  columns: ColumnDescriptor[];
  rowKinds?: ColumnDescriptor;
  rowTimes?: ColumnDescriptor;
}

export function describeBatch(workspace: Workspace, batch: Batch): BatchDescriptor {
  const columns = batch.columns.map((column) => describeColumn(workspace, column));
  return {
    rowCount: batch.rowCount,
    columns,
    ...(batch.rowKinds === undefined ? {} : { rowKinds: describeColumn(workspace, batch.rowKinds) }),
    ...(batch.rowTimes === undefined ? {} : { rowTimes: describeColumn(workspace, batch.rowTimes) }),
  };
}

export function describeColumn(workspace: Workspace, column: Column): ColumnDescriptor {
  const { length, nullCount, validity, words, offsets, dictionary, type } = column;
  const data = words?.address ?? column.data;
  let dataStart = 0;
  let dataBytes = 0;
  if (dictionary !== undefined) dataBytes = length * 4;
  else if (type.kind === "bool") dataBytes = bitmapBytes(length);
  else if (type.kind === "utf8" || type.kind === "binary") {
    dataStart = workspace.i32[offsets >>> 2];
    dataBytes = workspace.i32[(offsets >>> 2) + length] - dataStart;
  } else dataBytes = (words === undefined ? byteWidth(type) : 8) * length;
  return {
    length,
    nullCount,
    validity,
    data,
    dataStart,
    dataBytes,
    offsets,
    ...(words === undefined ? {} : { wordBits: words.bits }),
    children: column.children.map((child) => describeColumn(workspace, child)),
    ...(dictionary === undefined ? {} : { dictionary: describeColumn(workspace, dictionary) }),
  };
}

/**
 * Copies a described batch into `target`. `source` is the whole memory that the descriptor's addresses mean
 * (another thread's, or the target's own); the owner keeps the batch alive until the copy is made.
 */
export function copyBatch(target: Workspace, source: Uint8Array, schema: Schema, described: BatchDescriptor): Batch {
  const columns = described.columns.map((column, i) => copyColumn(target, source, schema.fields[i].type, column));
  return new Batch(schema, described.rowCount, columns, copyMarks(target, source, described));
}

/** The marks of a described batch, as `copyBatch` copies them. */
export function copyMarks(target: Workspace, source: Uint8Array, { rowKinds, rowTimes }: BatchDescriptor): RowMarks {
  return {
    ...(rowKinds === undefined ? {} : { kinds: copyColumn(target, source, { kind: "int8" }, rowKinds) }),
    ...(rowTimes === undefined ? {} : { times: copyColumn(target, source, { kind: "int64" }, rowTimes) }),
  };
}

/** Like `copyBatch`, for one column; with `dictionary`, that one (of `target`) is shared instead of copied. */
export function copyColumn(
  target: Workspace,
  source: Uint8Array,
  type: DataType,
  described: ColumnDescriptor,
  dictionary?: Column,
): Column {
  const { length, nullCount } = described;
  const blocks: Block[] = [];
  const copyBytes = (address: number, byteLength: number, slack = 0): number => {
    const block = target.allocate(byteLength + slack);
    blocks.push(block);
    target.u8.set(source.subarray(address, address + byteLength), block.address);
    return block.address;
  };
  const validity = nullCount > 0 && described.validity !== 0 ? copyBytes(described.validity, bitmapBytes(length)) : 0;
  const hasData = described.data !== 0 || described.dataBytes > 0;
  const data = hasData ? copyBytes(described.data + described.dataStart, described.dataBytes, 16) : 0;
  let offsets = 0;
  if (described.offsets !== 0) {
    offsets = copyBytes(described.offsets, (length + 1) * 4);
    // The copied bytes start at the first row's, so its offset becomes 0; list children are copied whole.
    if (described.dataStart !== 0) target.kernels.rebaseOffsets(offsets, length, 0, offsets);
  }
  const children = described.children.map((child, i) => copyColumn(target, source, childType(type, i), child));
  const shared =
    dictionary?.retain() ??
    (described.dictionary === undefined ? undefined : copyColumn(target, source, type, described.dictionary));
  return new Column(
    type,
    length,
    {
      nullCount,
      validity,
      offsets,
      children,
      ...(described.wordBits === undefined
        ? { data }
        : { words: { address: data, bits: described.wordBits, workspace: target } }),
      ...(shared === undefined ? {} : { dictionary: shared }),
    },
    blocks,
  );
}

/** The type of the i-th child of a nested type. */
export function childType(type: DataType, index: number): DataType {
  switch (type.kind) {
    case "list":
      return type.element;
    case "map":
      return mapEntriesType(type.key, type.value);
    case "struct":
      return Object.values(type.fields)[index];
    default:
      throw new RangeError(`${type.kind} has no children`);
  }
}
