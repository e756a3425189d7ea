import * as arrow from "apache-arrow";
import { arrowType, schemaFromArrow } from "./arrow-types.ts";
import { Batch } from "./batch.ts";
import type { Column } from "./column.ts";
import { allocateBitmap, allocateValues, bitmapBytes, columnOf } from "./columns/allocate.ts";
import { buildColumn } from "./columns/builder.ts";
import { concatColumns } from "./columns/concat.ts";
import { decodeDictionary } from "./columns/dictionary.ts";
import { gatherColumn, NO_ROW } from "./columns/gather.ts";
import { mapEntriesType } from "./columns/read.ts";
import { sliceColumn } from "./columns/slice.ts";
import { InternalError } from "./errors.ts";
import type { Block } from "./memory/block.ts";
import type { Schema } from "./schema.ts";
import { byteWidth, type DataType } from "./types.ts";
import type { Workspace } from "./workspace.ts";

/**
 * An apache-arrow RecordBatch over a batch's memory.
 * "view" shares the linear memory, so it is valid only while the caller holds the batch; "copy" is ordinary memory that
 * outlives the engine. Dictionary columns arrive as Arrow dictionaries.
 */
export function toArrow(workspace: Workspace, batch: Batch, memory: "view" | "copy"): arrow.RecordBatch {
  const { names } = batch.schema;
  const children = batch.columns.map((column) => toArrowData(workspace, column, memory));
  const fields = children.map((child, i) => new arrow.Field(names[i], child.type, true));
  const data = arrow.makeData({
    type: new arrow.Struct(fields),
    length: batch.rowCount,
    nullCount: 0,
    children,
  });
  return new arrow.RecordBatch(new arrow.Schema(fields), data);
}

function toArrowData(workspace: Workspace, column: Column, memory: "view" | "copy"): arrow.Data {
  const { type, length, nullCount, dictionary } = column;
  const bytes = (address: number, byteLength: number): Uint8Array => {
    const view = workspace.bytes(address, byteLength);
    return memory === "copy" ? Uint8Array.from(view) : view;
  };
  const nullBitmap = column.validity === 0 ? null : bytes(column.validity, bitmapBytes(length));
  const base = { length, nullCount, nullBitmap };
  // makeData is typed per Arrow type; the layouts are the same, so one untyped call serves them all.
  const make = (props: object): arrow.Data => arrow.makeData({ ...base, ...props } as never);

  if (dictionary !== undefined) {
    const indices = toArray(bytes(column.data, length * 4), Int32Array);
    const values = new arrow.Vector([toArrowData(workspace, dictionary, memory)]);
    const encoded = new arrow.Dictionary(values.type, new arrow.Int32());
    return make({ type: encoded, data: indices, dictionary: values });
  }
  const target = arrowType(type);
  switch (type.kind) {
    case "null":
      return make({ type: target });
    case "bool":
      return make({ type: target, data: bytes(column.data, bitmapBytes(length)) });
    case "utf8":
    case "binary": {
      const first = workspace.i32[column.offsets >>> 2];
      const end = workspace.i32[(column.offsets >>> 2) + length];
      const valueOffsets = toArray(bytes(column.offsets, (length + 1) * 4), Int32Array);
      if (memory === "view") return make({ type: target, valueOffsets, data: bytes(column.data, end) });
      return make({ type: target, valueOffsets: rebased(valueOffsets), data: bytes(column.data + first, end - first) });
    }
    case "list":
    case "map": {
      const valueOffsets = toArray(bytes(column.offsets, (length + 1) * 4), Int32Array);
      const [start, end] = [valueOffsets[0], valueOffsets[length]];
      const elements = sliceColumn(workspace, column.children[0], start, end - start);
      const child = toArrowData(workspace, elements, "copy");
      elements.release();
      return make({ type: target, valueOffsets: rebased(valueOffsets), child });
    }
    case "struct":
      return make({ type: target, children: column.children.map((each) => toArrowData(workspace, each, memory)) });
    default: {
      const raw = bytes(column.data, length * byteWidth(type));
      return make({ type: target, data: toArray(raw, target.ArrayType) });
    }
  }
}

type ArrayConstructor<T> = { new (buffer: ArrayBufferLike, byteOffset: number, length: number): T };

function toArray<T>(bytes: Uint8Array, type: ArrayConstructor<T> & { BYTES_PER_ELEMENT?: number }): T {
  const width = type.BYTES_PER_ELEMENT ?? 1;
  return new type(bytes.buffer, bytes.byteOffset, bytes.byteLength / width);
}

const rebased = (offsets: Int32Array): Int32Array => (offsets[0] === 0 ? offsets : offsets.map((o) => o - offsets[0]));

/** Copies a RecordBatch into the workspace; the caller owns the batch. Sliced and dictionary columns are understood. */
export function fromArrow(workspace: Workspace, recordBatch: arrow.RecordBatch, schema?: Schema): Batch {
  const target = schema ?? schemaFromArrow(recordBatch.schema);
  const columns = recordBatch.data.children.map((data, i) => {
    const { name, type } = target.fields[i];
    return fromArrowData(workspace, data, type, name);
  });
  return new Batch(target, recordBatch.numRows, columns);
}

function fromArrowData(workspace: Workspace, data: arrow.Data, type: DataType, where: string): Column {
  const { length, offset } = data;
  const validity = importBits(workspace, data.nullCount > 0 ? data.nullBitmap : undefined, offset, length);
  const valid = validity === undefined ? {} : { validity };
  if (arrow.DataType.isDictionary(data.type)) return importDictionary(workspace, data, type, where, valid);
  switch (type.kind) {
    case "null":
      return columnOf(workspace, type, length, { validity: allocateBitmap(workspace, length) });
    case "bool": {
      const bits = importBits(workspace, data.values, offset, length) ?? allocateBitmap(workspace, length);
      return columnOf(workspace, type, length, { data: bits, ...valid });
    }
    case "utf8":
    case "binary":
      if (arrow.DataType.isFixedSizeBinary(data.type))
        return importFixedBinary(workspace, data, data.type.byteWidth, type, valid);
      return importBytes(workspace, data, type, valid);
    case "list":
    case "map": {
      const [childData] = data.children;
      const elementType = type.kind === "list" ? type.element : mapEntriesType(type.key, type.value);
      const child = fromArrowData(workspace, childData, elementType, where);
      const offsets = workspace.allocate((length + 1) * 4);
      const stride = arrow.DataType.isFixedSizeList(data.type) ? data.type.listSize : 0;
      for (let row = 0; row <= length; row++) {
        workspace.i32[(offsets.address >>> 2) + row] = stride > 0 ? row * stride : Number(data.valueOffsets[row]);
      }
      return columnOf(workspace, type, length, { offsets, ...valid, children: [child] });
    }
    case "struct": {
      const fields = Object.entries(type.fields);
      const children = data.children.map((child, i) =>
        fromArrowData(workspace, child, fields[i][1], `${where}.${fields[i][0]}`),
      );
      return columnOf(workspace, type, length, { ...valid, children });
    }
    default: {
      const block = allocateValues(workspace, type, length);
      const width = byteWidth(type);
      if (arrow.DataType.isFloat(data.type) && data.type.precision === arrow.Precision.HALF) {
        for (let row = 0; row < length; row++) {
          workspace.f32[(block.address >>> 2) + row] = halfToNumber(data.values[row]);
        }
      } else workspace.u8.set(bytesOf(data.values, length * width), block.address);
      return columnOf(workspace, type, length, { data: block, ...valid });
    }
  }
}

function importDictionary(
  workspace: Workspace,
  data: arrow.Data,
  type: DataType,
  where: string,
  valid: { validity?: Block },
): Column {
  const { length, dictionary: values } = data;
  if (values === undefined) throw new InternalError(`The dictionary column "${where}" has no dictionary`);
  const indices = workspace.allocate(length * 4);
  const at = indices.address >>> 2;
  for (let row = 0; row < length; row++) workspace.i32[at + row] = Number(data.values[row]);
  if (valid.validity !== undefined) {
    workspace.kernels.zeroNulls32(indices.address, valid.validity.address, length);
  }
  const chunks = values.data.map((chunk) => {
    const imported = fromArrowData(workspace, chunk, type, where);
    const plain = decodeDictionary(workspace, imported);
    imported.release();
    return plain;
  });
  const entries = chunks.length === 0 ? buildColumn(workspace, type, []) : concatColumns(workspace, chunks);
  for (const chunk of chunks) chunk.release();
  // Our dictionaries hold bytes, have an entry and no nulls: any other is decoded.
  if ((type.kind === "utf8" || type.kind === "binary") && entries.length > 0 && entries.nullCount === 0) {
    return columnOf(workspace, type, length, { data: indices, ...valid, dictionary: entries });
  }
  if (valid.validity !== undefined) {
    const { u8, u32 } = workspace;
    for (let row = 0; row < length; row++) {
      if (((u8[valid.validity.address + (row >>> 3)] >>> (row & 7)) & 1) === 0) u32[at + row] = NO_ROW;
    }
  }
  const plain = gatherColumn(workspace, entries, indices.address, length, valid.validity !== undefined);
  valid.validity?.release();
  entries.release();
  indices.release();
  return plain;
}

function importBits(
  workspace: Workspace,
  bits: Uint8Array | null | undefined,
  offset: number,
  length: number,
): Block | undefined {
  if (bits === null || bits === undefined || bits.length === 0 || length === 0) return undefined;
  const first = offset >>> 3;
  const source = bits.subarray(first, first + bitmapBytes((offset & 7) + length));
  const raw = workspace.allocate(source.length + 8);
  workspace.u8.set(source, raw.address);
  if ((offset & 7) === 0) return raw;
  const aligned = workspace.allocate(bitmapBytes(length));
  workspace.kernels.bitmapSlice(raw.address, offset & 7, length, aligned.address);
  raw.release();
  return aligned;
}

function importBytes(workspace: Workspace, data: arrow.Data, type: DataType, valid: { validity?: Block }): Column {
  const { length, valueOffsets, values } = data;
  const first = length === 0 ? 0 : Number(valueOffsets[0]);
  const end = length === 0 ? 0 : Number(valueOffsets[length]);
  const offsets = workspace.allocate((length + 1) * 4);
  const block = workspace.allocate(end - first + 16);
  workspace.u8.set(bytesOf(values, end).subarray(first), block.address);
  const at = offsets.address >>> 2;
  workspace.i32[at] = 0;
  for (let row = 1; row <= length; row++) workspace.i32[at + row] = Number(valueOffsets[row]) - first;
  return columnOf(workspace, type, length, { data: block, offsets, ...valid });
}

function importFixedBinary(
  workspace: Workspace,
  data: arrow.Data,
  width: number,
  type: DataType,
  valid: { validity?: Block },
): Column {
  const { length } = data;
  const offsets = workspace.allocate((length + 1) * 4);
  const block = workspace.allocate(length * width + 16);
  workspace.u8.set(bytesOf(data.values, length * width), block.address);
  for (let row = 0; row <= length; row++) workspace.i32[(offsets.address >>> 2) + row] = row * width;
  return columnOf(workspace, type, length, { data: block, offsets, ...valid });
}

const bytesOf = (values: ArrayBufferView | undefined, byteLength: number): Uint8Array =>
  values === undefined
    ? new Uint8Array(byteLength)
    : new Uint8Array(values.buffer, values.byteOffset, Math.min(byteLength, values.byteLength));

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}
