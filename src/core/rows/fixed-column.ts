import type { Column } from "../column.ts";
import { bitmapBytes, columnOf } from "../columns/allocate.ts";
import { dateDays, timestampUnits } from "../columns/values.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth, type DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";

/** How generated code stores the values of a type. */
export type StoreForm =
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "float"
  | "bigint"
  | "bool"
  | "text"
  | "other";

export function storeForm(type: DataType): StoreForm {
  switch (type.kind) {
    case "int8":
    case "uint8":
    case "int16":
    case "uint16":
    case "int32":
    case "uint32":
    case "bool":
      return type.kind;
    case "float32":
    case "float64":
      return "float";
    case "date":
      return "int32";
    case "time":
      return byteWidth(type) === 4 ? "int32" : "bigint";
    case "int64":
    case "timestamp":
      return "bigint";
    case "utf8":
      return "text";
    default:
      return "other";
  }
}

/** A value that is not in its column's usual form, in the form in which it is stored; undefined where it does not fit. */
export function convertValue(type: DataType, value: unknown): number | bigint | undefined {
  switch (type.kind) {
    case "date":
      return dateDays(value);
    case "timestamp":
      return int64(timestampUnits(value, type.unit));
    case "int64":
      return typeof value === "bigint" ? int64(value) : undefined;
    case "time":
      if (byteWidth(type) === 8) return typeof value === "bigint" ? int64(value) : undefined;
      return undefined;
    case "float32":
    case "float64":
      return undefined;
    default:
      return typeof value === "bigint" ? narrowInteger(type, value) : undefined;
  }
}

const int64 = (value: bigint | undefined): bigint | undefined =>
  value === undefined || BigInt.asIntN(64, value) !== value ? undefined : value;

function narrowInteger(type: DataType, value: bigint): number | undefined {
  const bits = byteWidth(type) * 8;
  const wrapped = type.kind.startsWith("u") ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value);
  return wrapped === value ? Number(value) : undefined;
}

/** One fixed-width or bool column that is being filled through typed arrays. Views change with `reserve`. */
export class FixedColumn {
  readonly #workspace: Workspace;
  readonly #type: DataType;
  #data: Block | undefined;
  #validity: Block | undefined;
  #capacity = 0;
  values: { [row: number]: number | bigint } = [];
  /** The same memory as int32, for 64-bit integers that are written as two halves. */
  halves: Int32Array | null = null;
  /** Validity bits, null until there is a null. */
  nulls: Uint8Array | null = null;

  constructor(workspace: Workspace, type: DataType) {
    this.#workspace = workspace;
    this.#type = type;
  }

  /** Room for `capacity` rows, of which the first `used` are kept. */
  reserve(capacity: number, used: number): void {
    const { kernels, memory } = this.#workspace;
    const isBool = this.#type.kind === "bool";
    const width = byteWidth(this.#type);
    const bytesOf = (rows: number) => (isBool ? bitmapBytes(rows) : width * rows);
    // Bits are only ever set, so they start at zero.
    const data = isBool
      ? this.#workspace.allocateZeroed(bytesOf(capacity))
      : this.#workspace.allocate(bytesOf(capacity));
    if (this.#data !== undefined) {
      kernels.copyBytes(data.address, this.#data.address, bytesOf(used));
      this.#data.release();
    }
    this.#data = data;
    this.#capacity = capacity;
    this.values = this.#view(memory.buffer, data.address, capacity);
    this.halves = width === 8 ? new Int32Array(memory.buffer, data.address, capacity * 2) : null;
    if (this.#validity !== undefined) this.addNulls();
  }

  /** The validity bits, all set for the rows that had none. */
  addNulls(): Uint8Array {
    const { kernels } = this.#workspace;
    const byteLength = bitmapBytes(this.#capacity);
    const validity = this.#workspace.allocate(byteLength);
    kernels.fillBytes(validity.address, 0xff, byteLength);
    if (this.#validity !== undefined) {
      kernels.copyBytes(validity.address, this.#validity.address, Math.min(byteLength, this.nulls?.length ?? 0));
      this.#validity.release();
    }
    this.#validity = validity;
    this.nulls = this.#workspace.bytes(validity.address, byteLength);
    return this.nulls;
  }

  take(length: number): Column {
    const data = this.#data;
    const validity = this.#validity;
    this.#data = undefined;
    this.#validity = undefined;
    this.nulls = null;
    return columnOf(this.#workspace, this.#type, length, {
      ...(data === undefined ? {} : { data }),
      ...(validity === undefined ? {} : { validity }),
    });
  }

  close(): void {
    this.#data?.release();
    this.#validity?.release();
    this.#data = undefined;
    this.#validity = undefined;
  }

  #view(buffer: ArrayBufferLike, address: number, length: number): { [row: number]: number | bigint } {
    switch (this.#type.kind) {
      case "bool":
        return new Uint8Array(buffer, address, bitmapBytes(length));
      case "int8":
        return new Int8Array(buffer, address, length);
      case "uint8":
        return new Uint8Array(buffer, address, length);
      case "int16":
        return new Int16Array(buffer, address, length);
      case "uint16":
        return new Uint16Array(buffer, address, length);
      case "uint32":
        return new Uint32Array(buffer, address, length);
      case "float32":
        return new Float32Array(buffer, address, length);
      case "float64":
        return new Float64Array(buffer, address, length);
      default:
        return byteWidth(this.#type) === 8
          ? new BigInt64Array(buffer, address, length)
          : new Int32Array(buffer, address, length);
    }
  }
}
