import type { Column } from "../column.ts";
import { assert, EvaluationError } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth, type DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { allocateBitmap, bitmapBytes, columnOf } from "./allocate.ts";
import { mapEntriesType } from "./read.ts";
import { invalidValue, nullKey, unknownField } from "./value-errors.ts";
import { dateDays, parseDecimal, timestampUnits } from "./values.ts";

/**
 * Grows one column from JavaScript values, in the forms of `ValueOf` (and Date for dates and timestamps,
 * number or bigint for integers and decimals, where the value fits exactly).
 * A value of another shape throws VALUE_INVALID; the builder can then only be closed.
 */
export interface ColumnBuilder {
  /** Values taken so far; after a value that was refused, its place. */
  readonly length: number;
  append(value: unknown): void;
  /** The column so far, owned by the caller; the builder starts anew. */
  finish(): Column;
  /** Gives up what was appended. */
  close(): void;
}

export function columnBuilder(workspace: Workspace, type: DataType, capacity = 64): ColumnBuilder {
  switch (type.kind) {
    case "utf8":
    case "binary":
      return new BytesBuilder(workspace, type, capacity);
    case "list":
    case "map":
      return new ListBuilder(workspace, type, capacity);
    case "struct":
      return new StructBuilder(workspace, type, capacity);
    default:
      return new FixedBuilder(workspace, type, capacity);
  }
}

/** A column of the given values; null and undefined are null. */
export function buildColumn(workspace: Workspace, type: DataType, values: readonly unknown[]): Column {
  const builder = columnBuilder(workspace, type, values.length);
  try {
    for (const value of values) builder.append(value);
    return builder.finish();
  } finally {
    builder.close();
  }
}

/** A block that grows by copying; `view*` are taken anew after each growth. */
class GrowingBlock {
  readonly #workspace: Workspace;
  #block: Block;

  constructor(workspace: Workspace, byteLength: number) {
    this.#workspace = workspace;
    this.#block = workspace.allocate(byteLength);
  }

  get address(): number {
    return this.#block.address;
  }

  /** Room for `byteLength` bytes in all; the first `usedBytes` are kept. */
  reserve(byteLength: number, usedBytes: number): void {
    if (byteLength <= this.#block.byteLength) return;
    const grown = this.#workspace.allocate(Math.max(byteLength, this.#block.byteLength * 2));
    this.#workspace.kernels.copyBytes(grown.address, this.#block.address, usedBytes);
    this.#block.release();
    this.#block = grown;
  }

  /** The block goes to the caller; a new small one takes its place. */
  take(): Block {
    const block = this.#block;
    this.#block = this.#workspace.allocate(64);
    return block;
  }

  close(): void {
    this.#block.release();
  }
}

/** Validity bits, kept only once there is a null. */
class ValidityBuilder {
  readonly #workspace: Workspace;
  #bits: Block | undefined;
  #capacity = 0;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  setNull(row: number): void {
    if (this.#bits === undefined || row >= this.#capacity) this.#grow(row);
    assert(this.#bits !== undefined, "bits after growth");
    const { u8 } = this.#workspace;
    u8[this.#bits.address + (row >>> 3)] &= ~(1 << (row & 7));
  }

  /** The bitmap for `length` rows, or nothing where no row was null. */
  take(length: number): { validity?: Block } {
    if (this.#bits === undefined) return {};
    if (length > this.#capacity) this.#grow(length);
    const validity = this.#bits;
    this.#bits = undefined;
    this.#capacity = 0;
    return { validity };
  }

  close(): void {
    this.#bits?.release();
    this.#bits = undefined;
  }

  #grow(row: number): void {
    const capacity = Math.max(64, this.#capacity * 2, row + 1);
    const grown = this.#workspace.allocate(bitmapBytes(capacity));
    const { kernels } = this.#workspace;
    kernels.fillBytes(grown.address, 0xff, bitmapBytes(capacity));
    if (this.#bits !== undefined) {
      kernels.copyBytes(grown.address, this.#bits.address, bitmapBytes(this.#capacity));
      this.#bits.release();
    }
    this.#bits = grown;
    this.#capacity = bitmapBytes(capacity) * 8;
  }
}

/** bool, numbers, dates, times, decimals, intervals and null. */
class FixedBuilder implements ColumnBuilder {
  readonly #workspace: Workspace;
  readonly #type: DataType;
  readonly #width: number;
  readonly #write: (value: unknown, row: number, address: number) => void;
  readonly #values: GrowingBlock;
  readonly #validity: ValidityBuilder;
  #capacity = 0;
  length = 0;

  constructor(workspace: Workspace, type: DataType, capacity: number) {
    this.#workspace = workspace;
    this.#type = type;
    // Bits are collected as bytes and packed at the end.
    this.#width = type.kind === "bool" ? 1 : byteWidth(type);
    this.#write = fixedWriter(workspace, type);
    this.#capacity = capacity;
    this.#values = new GrowingBlock(workspace, capacity * this.#width);
    this.#validity = new ValidityBuilder(workspace);
  }

  append(value: unknown): void {
    if (this.length === this.#capacity) {
      this.#capacity = Math.max(64, this.#capacity * 2);
      this.#values.reserve(this.#capacity * this.#width, this.length * this.#width);
    }
    const row = this.length;
    if (value === null || value === undefined) {
      this.#validity.setNull(row);
      this.#workspace.kernels.fillBytes(this.#values.address + row * this.#width, 0, this.#width);
    } else this.#write(value, row, this.#values.address);
    this.length++;
  }

  finish(): Column {
    const { length } = this;
    this.length = 0;
    this.#capacity = 0;
    const validity = this.#validity.take(length);
    const values = this.#values.take();
    if (this.#type.kind !== "bool") {
      return columnOf(this.#workspace, this.#type, length, { data: values, ...validity });
    }
    const bits = allocateBitmap(this.#workspace, length);
    const { u8 } = this.#workspace;
    for (let row = 0; row < length; row++) {
      if (u8[values.address + row] !== 0) u8[bits.address + (row >>> 3)] |= 1 << (row & 7);
    }
    values.release();
    return columnOf(this.#workspace, this.#type, length, { data: bits, ...validity });
  }

  close(): void {
    this.#values.close();
    this.#validity.close();
  }
}

const encoder = new TextEncoder();

class BytesBuilder implements ColumnBuilder {
  readonly #workspace: Workspace;
  readonly #type: DataType;
  readonly #offsets: GrowingBlock;
  readonly #data: GrowingBlock;
  readonly #validity: ValidityBuilder;
  #used = 0;
  #dataCapacity = 0;
  length = 0;

  constructor(workspace: Workspace, type: DataType, capacity: number) {
    this.#workspace = workspace;
    this.#type = type;
    this.#offsets = new GrowingBlock(workspace, (capacity + 1) * 4);
    this.#data = new GrowingBlock(workspace, 64);
    this.#validity = new ValidityBuilder(workspace);
    workspace.i32[this.#offsets.address >>> 2] = 0;
  }

  append(value: unknown): void {
    const row = this.length;
    this.#offsets.reserve((row + 2) * 4, (row + 1) * 4);
    if (value === null || value === undefined) this.#validity.setNull(row);
    else if (typeof value === "string" && this.#type.kind === "utf8") {
      // Lone surrogates become U+FFFD: UTF-8 has no form for them.
      this.#reserve(value.length * 3);
      const room = this.#workspace.bytes(this.#data.address + this.#used, value.length * 3);
      this.#used += encoder.encodeInto(value, room).written;
    } else if (value instanceof Uint8Array && this.#type.kind === "binary") {
      this.#reserve(value.length);
      this.#workspace.u8.set(value, this.#data.address + this.#used);
      this.#used += value.length;
    } else throw invalidValue(value, this.#type);
    this.length++;
    this.#workspace.i32[(this.#offsets.address >>> 2) + row + 1] = this.#used;
  }

  finish(): Column {
    const { length } = this;
    const column = columnOf(this.#workspace, this.#type, length, {
      offsets: this.#offsets.take(),
      data: this.#data.take(),
      ...this.#validity.take(length),
    });
    this.length = 0;
    this.#used = 0;
    this.#dataCapacity = 0;
    this.#workspace.i32[this.#offsets.address >>> 2] = 0;
    return column;
  }

  close(): void {
    this.#offsets.close();
    this.#data.close();
    this.#validity.close();
  }

  #reserve(byteLength: number): void {
    const needed = this.#used + byteLength;
    if (needed <= this.#dataCapacity) return;
    if (needed > 0x7fffffff) {
      throw new EvaluationError(
        "COLUMN_TOO_LONG",
        `A ${this.#type.kind} column would pass 2 GiB in one batch.`,
        "Use a smaller batchRows.",
      );
    }
    this.#data.reserve(needed, this.#used);
    this.#dataCapacity = needed;
  }
}

class ListBuilder implements ColumnBuilder {
  readonly #workspace: Workspace;
  readonly #type: DataType;
  readonly #offsets: GrowingBlock;
  readonly #elements: ColumnBuilder;
  readonly #validity: ValidityBuilder;
  length = 0;

  constructor(workspace: Workspace, type: DataType & { kind: "list" | "map" }, capacity: number) {
    this.#workspace = workspace;
    this.#type = type;
    this.#offsets = new GrowingBlock(workspace, (capacity + 1) * 4);
    const elementType = type.kind === "list" ? type.element : mapEntriesType(type.key, type.value);
    this.#elements = columnBuilder(workspace, elementType, capacity);
    this.#validity = new ValidityBuilder(workspace);
    workspace.i32[this.#offsets.address >>> 2] = 0;
  }

  append(value: unknown): void {
    const row = this.length;
    this.#offsets.reserve((row + 2) * 4, (row + 1) * 4);
    if (value === null || value === undefined) this.#validity.setNull(row);
    else if (this.#type.kind === "map") {
      for (const [key, entry] of mapEntries(value, this.#type)) {
        if (key === null || key === undefined) throw nullKey(this.#type);
        this.#elements.append({ key, value: entry });
      }
    } else {
      if (!Array.isArray(value) && !ArrayBuffer.isView(value)) throw invalidValue(value, this.#type);
      for (const element of value as Iterable<unknown>) this.#elements.append(element);
    }
    this.length++;
    this.#workspace.i32[(this.#offsets.address >>> 2) + row + 1] = this.#elements.length;
  }

  finish(): Column {
    const { length } = this;
    this.length = 0;
    const column = columnOf(this.#workspace, this.#type, length, {
      offsets: this.#offsets.take(),
      ...this.#validity.take(length),
      children: [this.#elements.finish()],
    });
    this.#workspace.i32[this.#offsets.address >>> 2] = 0;
    return column;
  }

  close(): void {
    this.#offsets.close();
    this.#validity.close();
    this.#elements.close();
  }
}

class StructBuilder implements ColumnBuilder {
  readonly #workspace: Workspace;
  readonly #type: DataType;
  readonly #names: string[];
  readonly #children: ColumnBuilder[];
  readonly #validity: ValidityBuilder;
  length = 0;

  constructor(workspace: Workspace, type: DataType & { kind: "struct" }, capacity: number) {
    this.#workspace = workspace;
    this.#type = type;
    this.#names = Object.keys(type.fields);
    this.#children = Object.values(type.fields).map((field) => columnBuilder(workspace, field, capacity));
    this.#validity = new ValidityBuilder(workspace);
  }

  append(value: unknown): void {
    const isNull = value === null || value === undefined;
    if (!isNull && !isStructValue(value)) throw invalidValue(value, this.#type);
    if (isNull) this.#validity.setNull(this.length);
    const fields = value as Record<string, unknown>;
    let known = 0;
    for (const [i, child] of this.#children.entries()) {
      const name = this.#names[i];
      const isThere = !isNull && Object.hasOwn(fields, name);
      if (isThere) known++;
      child.append(isThere ? fields[name] : null);
    }
    if (!isNull && known < Object.keys(fields).length) throw unknownField(fields, this.#names, this.#type);
    this.length++;
  }

  finish(): Column {
    const { length } = this;
    this.length = 0;
    const children = this.#children.map((child) => child.finish());
    return columnOf(this.#workspace, this.#type, length, { ...this.#validity.take(length), children });
  }

  close(): void {
    this.#validity.close();
    for (const child of this.#children) child.close();
  }
}

const INT_RANGES: Record<string, readonly [number, number]> = {
  int8: [-128, 127],
  int16: [-32_768, 32_767],
  int32: [-2_147_483_648, 2_147_483_647],
  uint8: [0, 255],
  uint16: [0, 65_535],
  uint32: [0, 4_294_967_295],
};

function fixedWriter(workspace: Workspace, type: DataType): (value: unknown, row: number, address: number) => void {
  const invalid = (value: unknown): never => {
    throw invalidValue(value, type);
  };
  const int64At = (address: number, row: number, value: bigint) => {
    if (BigInt.asIntN(64, value) !== value) invalid(value);
    workspace.i64[address / 8 + row] = value;
  };
  switch (type.kind) {
    case "null":
      return invalid;
    case "bool":
      return (value, row, address) => {
        if (typeof value !== "boolean") invalid(value);
        workspace.u8[address + row] = value ? 1 : 0;
      };
    case "float32":
      return (value, row, address) => {
        workspace.f32[(address >>> 2) + row] = typeof value === "number" ? value : invalid(value);
      };
    case "float64":
      return (value, row, address) => {
        workspace.f64[address / 8 + row] = typeof value === "number" ? value : invalid(value);
      };
    case "int64":
      return (value, row, address) => int64At(address, row, asBigint(value, type));
    case "uint64":
      return (value, row, address) => {
        const integer = asBigint(value, type);
        if (BigInt.asUintN(64, integer) !== integer) invalid(value);
        workspace.u64[address / 8 + row] = integer;
      };
    case "date":
      return (value, row, address) => {
        workspace.i32[(address >>> 2) + row] = dateDays(value) ?? invalid(value);
      };
    case "timestamp":
      return (value, row, address) => int64At(address, row, timestampUnits(value, type.unit) ?? invalid(value));
    case "time":
      return byteWidth(type) === 8
        ? (value, row, address) => int64At(address, row, asBigint(value, type))
        : (value, row, address) => {
            workspace.i32[(address >>> 2) + row] = Number.isInteger(value) ? (value as number) : invalid(value);
          };
    case "decimal":
      return (value, row, address) => {
        const unscaled = parseDecimal(value, type) ?? invalid(value);
        workspace.i64[address / 8 + row * 2] = BigInt.asIntN(64, unscaled);
        workspace.i64[address / 8 + row * 2 + 1] = unscaled >> 64n;
      };
    case "interval":
      return (value, row, address) => {
        const { months, days, nanoseconds } = value as { months: number; days: number; nanoseconds: bigint };
        if (!Number.isInteger(months) || !Number.isInteger(days) || typeof nanoseconds !== "bigint") invalid(value);
        workspace.i32[(address >>> 2) + row * 4] = months;
        workspace.i32[(address >>> 2) + row * 4 + 1] = days;
        workspace.i64[address / 8 + row * 2 + 1] = nanoseconds;
      };
    default: {
      const [low, high] = INT_RANGES[type.kind];
      const shift = Math.log2(byteWidth(type));
      const viewOf = () => integerView(workspace, type.kind);
      return (value, row, address) => {
        const integer = typeof value === "bigint" ? Number(value) : value;
        if (!Number.isInteger(integer) || (integer as number) < low || (integer as number) > high) invalid(value);
        viewOf()[(address >>> shift) + row] = integer as number;
      };
    }
  }
}

function integerView(workspace: Workspace, kind: string): { [index: number]: number } {
  switch (kind) {
    case "int8":
      return workspace.i8;
    case "uint8":
      return workspace.u8;
    case "int16":
      return workspace.i16;
    case "uint16":
      return workspace.u16;
    case "uint32":
      return workspace.u32;
    default:
      return workspace.i32;
  }
}

function asBigint(value: unknown, type: DataType): bigint {
  if (typeof value === "bigint") return value;
  if (Number.isSafeInteger(value)) return BigInt(value as number);
  throw invalidValue(value, type);
}

/** Values of other types are no structs, though they are objects: their content would be lost without a word. */
const isStructValue = (value: unknown): value is object =>
  typeof value === "object" &&
  !Array.isArray(value) &&
  !ArrayBuffer.isView(value) &&
  !(value instanceof Date || value instanceof Map || value instanceof Set || value instanceof Promise);

function mapEntries(value: unknown, type: DataType): Iterable<[unknown, unknown]> {
  if (value instanceof Map) return value.entries();
  if (Array.isArray(value) && value.every((entry) => Array.isArray(entry) && entry.length === 2)) return value;
  throw invalidValue(value, type);
}
