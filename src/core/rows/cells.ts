import type { Column } from "../column.ts";
import { columnReader } from "../columns/read.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { decodeText } from "./text.ts";

/** How generated code reads the values of a type, once nulls are dealt with; see `bindCell`. */
export type CellForm = "number" | "bigint" | "milliseconds" | "bool" | "text" | "other";

export function cellForm(type: DataType): CellForm {
  switch (type.kind) {
    case "int8":
    case "int16":
    case "int32":
    case "uint8":
    case "uint16":
    case "uint32":
    case "float32":
    case "float64":
    case "date":
      return "number";
    case "int64":
    case "uint64":
      return "bigint";
    case "time":
      return type.unit === "s" || type.unit === "ms" ? "number" : "bigint";
    case "timestamp":
      return type.unit === "s" || type.unit === "ms" ? "milliseconds" : "bigint";
    case "bool":
      return "bool";
    case "utf8":
      return "text";
    default:
      return "other";
  }
}

/** What generated code reads a column through; made anew for each batch. */
export interface CellBinding {
  /** Values, bits of bools, int32 pairs of milliseconds, offsets of plain text, or indices into `texts`. */
  values: ArrayLike<number | bigint> | null;
  /** Validity bitmap, or null where no row is null or `read` is set. */
  validity: Uint8Array | null;
  /** Reads values that have no faster way (nested, decimal, dictionaries of numbers); gives null for null rows. */
  read: ((row: number) => unknown) | null;
  /** Decodes a plain text by row or, where `texts` is set, by entry of the dictionary. */
  decode: ((index: number) => string) | null;
  /** Decoded entries of a dictionary, filled as they are read. */
  texts: (string | undefined)[] | null;
}

/** Entries that were decoded of a dictionary, kept while batches share it. */
export class DictionaryTexts {
  #dictionary: Column | undefined;
  #texts: (string | undefined)[] = [];

  of(dictionary: Column): (string | undefined)[] {
    if (dictionary !== this.#dictionary) {
      this.#dictionary = dictionary;
      this.#texts = [];
    }
    return this.#texts;
  }
}

/** Valid while the caller holds the column; growing the memory does not hurt, since it is shared memory. */
export function bindCell(workspace: Workspace, column: Column, known: DictionaryTexts): CellBinding {
  const binding: CellBinding = { values: null, validity: null, read: null, decode: null, texts: null };
  const form = cellForm(column.type);
  const { buffer } = workspace.memory;
  const { length, dictionary } = column;
  if (form === "other" || column.length === 0 || (dictionary !== undefined && form !== "text")) {
    binding.read = columnReader(workspace, column);
    return binding;
  }
  if (column.validity !== 0) binding.validity = new Uint8Array(buffer, column.validity, (length + 7) >>> 3);
  if (form !== "text") {
    binding.values = valuesOf(buffer, column, form);
    return binding;
  }
  const { u8 } = workspace;
  const texts = dictionary ?? column;
  const offsets = new Int32Array(buffer, texts.offsets, texts.length + 1);
  const { data } = texts;
  binding.decode = (index) => decodeText(u8, data + offsets[index], offsets[index + 1] - offsets[index]);
  binding.values = offsets;
  if (dictionary !== undefined) {
    const decoded = known.of(dictionary);
    const decode = binding.decode;
    binding.texts = decoded;
    binding.values = new Int32Array(buffer, column.data, length);
    binding.decode = (entry) => {
      const text = decode(entry);
      decoded[entry] = text;
      return text;
    };
  }
  return binding;
}

function valuesOf(buffer: ArrayBufferLike, { type, data, length }: Column, form: CellForm): CellBinding["values"] {
  if (form === "bool") return new Uint8Array(buffer, data, (length + 7) >>> 3);
  if (form === "milliseconds") return new Int32Array(buffer, data, length * 2);
  switch (type.kind) {
    case "int8":
      return new Int8Array(buffer, data, length);
    case "uint8":
      return new Uint8Array(buffer, data, length);
    case "int16":
      return new Int16Array(buffer, data, length);
    case "uint16":
      return new Uint16Array(buffer, data, length);
    case "uint32":
      return new Uint32Array(buffer, data, length);
    case "float32":
      return new Float32Array(buffer, data, length);
    case "float64":
      return new Float64Array(buffer, data, length);
    case "uint64":
      return new BigUint64Array(buffer, data, length);
    default:
      return form === "bigint" ? new BigInt64Array(buffer, data, length) : new Int32Array(buffer, data, length);
  }
}

/**
 * Source of an expression for row `i` of the column whose bindings are `values<k>`, `validity<k>`, ...
 * Null comes from a call, `none()`: while it was never made, V8 takes the value for a number and keeps it unboxed.
 */
export function cellSource(form: CellForm, k: number): string {
  const isNull = `validity${k} !== null && ((validity${k}[i >>> 3] >>> (i & 7)) & 1) === 0`;
  return `read${k} !== null ? read${k}(i) : ${isNull} ? none() : ${valueSource(form, k)}`;
}

function valueSource(form: CellForm, k: number): string {
  switch (form) {
    case "number":
    case "bigint":
      return `values${k}[i]`;
    case "milliseconds":
      // Exact to 2^53 and rounded once beyond, as Number(bigint) is.
      return `values${k}[2 * i + 1] * 4294967296 + (values${k}[2 * i] >>> 0)`;
    case "bool":
      return `((values${k}[i >>> 3] >>> (i & 7)) & 1) === 1`;
    case "text":
      return `texts${k} === null ? decode${k}(i) : texts${k}[values${k}[i]] ?? decode${k}(values${k}[i])`;
    case "other":
      return "none()";
  }
}
