import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";

/** Gives the JavaScript value (see `ValueOf`) of a row, or null. */
export type ColumnReader = (row: number) => unknown;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A reader of one column's values; valid while the caller holds the column. */
export function columnReader(workspace: Workspace, column: Column): ColumnReader {
  const read = valueReader(workspace, column);
  if (column.nullCount === 0) return read;
  if (column.validity === 0) return () => null;
  const { u8 } = workspace;
  const { validity } = column;
  return (row) => ((u8[validity + (row >>> 3)] >>> (row & 7)) & 1 ? read(row) : null);
}

/** All rows of a batch as objects; for results, tests and small data. */
export function readRows(workspace: Workspace, batch: Batch): Record<string, unknown>[] {
  const readers = batch.columns.map((column) => columnReader(workspace, column));
  const names = batch.schema.names;
  const rows: Record<string, unknown>[] = [];
  for (let row = 0; row < batch.rowCount; row++) {
    rows.push(rowObject(names, (i) => readers[i](row)));
  }
  return rows;
}

/** A column named __proto__ is data like any other. */
export function rowObject(names: readonly string[], valueAt: (index: number) => unknown): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let i = 0; i < names.length; i++) {
    if (names[i] === "__proto__") {
      Object.defineProperty(object, "__proto__", {
        value: valueAt(i),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    } else object[names[i]] = valueAt(i);
  }
  return object;
}

function valueReader(workspace: Workspace, column: Column): ColumnReader {
  const { type, data, dictionary } = column;
  if (dictionary !== undefined) {
    const values = columnReader(workspace, dictionary);
    const { u32 } = workspace;
    const cache: unknown[] = [];
    return (row) => {
      const index = u32[(data >>> 2) + row];
      cache[index] ??= values(index);
      return cache[index];
    };
  }
  const { u8, u32, i32, i64 } = workspace;
  switch (type.kind) {
    case "null":
      return () => null;
    case "bool":
      return (row) => ((u8[data + (row >>> 3)] >>> (row & 7)) & 1) === 1;
    case "int8":
      return from(workspace.i8, data);
    case "uint8":
      return from(u8, data);
    case "int16":
      return from(workspace.i16, data >>> 1);
    case "uint16":
      return from(workspace.u16, data >>> 1);
    case "int32":
    case "date":
      return from(i32, data >>> 2);
    case "uint32":
      return from(u32, data >>> 2);
    case "float32":
      return from(workspace.f32, data >>> 2);
    case "float64":
      return from(workspace.f64, fraction(data, 8));
    case "int64":
      return from(i64, fraction(data, 8));
    case "uint64":
      return from(workspace.u64, fraction(data, 8));
    case "time":
      return type.unit === "s" || type.unit === "ms" ? from(i32, data >>> 2) : from(i64, fraction(data, 8));
    case "timestamp": {
      const base = fraction(data, 8);
      return type.unit === "s" || type.unit === "ms" ? (row) => Number(i64[base + row]) : from(i64, base);
    }
    case "decimal": {
      const base = fraction(data, 8);
      const { u64 } = workspace;
      return (row) => formatDecimal((i64[base + row * 2 + 1] << 64n) | u64[base + row * 2], type.scale);
    }
    case "interval": {
      const base = fraction(data, 8);
      return (row) => ({
        months: i32[(base + row * 2) * 2],
        days: i32[(base + row * 2) * 2 + 1],
        nanoseconds: i64[base + row * 2 + 1],
      });
    }
    case "utf8": {
      const offsets = column.offsets >>> 2;
      return (row) => decoder.decode(u8.subarray(data + i32[offsets + row], data + i32[offsets + row + 1]));
    }
    case "binary": {
      const offsets = column.offsets >>> 2;
      return (row) => Uint8Array.from(u8.subarray(data + i32[offsets + row], data + i32[offsets + row + 1]));
    }
    case "list":
    case "map": {
      const offsets = column.offsets >>> 2;
      const [entries] = column.children;
      const element = type.kind === "list" ? columnReader(workspace, entries) : entryReader(workspace, entries);
      return (row) => {
        const values: unknown[] = [];
        for (let i = i32[offsets + row]; i < i32[offsets + row + 1]; i++) values.push(element(i));
        return values;
      };
    }
    case "struct": {
      const names = Object.keys(type.fields);
      const readers = column.children.map((child) => columnReader(workspace, child));
      return (row) => rowObject(names, (i) => readers[i](row));
    }
  }
}

const from =
  (values: { readonly [index: number]: unknown }, base: number): ColumnReader =>
  (row) =>
    values[base + row];

/** Addresses may pass 2^31, where shifts turn negative for wide elements. */
const fraction = (address: number, width: number): number => address / width;

function entryReader(workspace: Workspace, entries: Column): ColumnReader {
  const key = columnReader(workspace, entries.children[0]);
  const value = columnReader(workspace, entries.children[1]);
  return (row) => [key(row), value(row)];
}

/** Exact text of an unscaled decimal: formatDecimal(-1205n, 2) = "-12.05". */
export function formatDecimal(unscaled: bigint, scale: number): string {
  const negative = unscaled < 0n;
  const digits = (negative ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return `${negative ? "-" : ""}${whole}${scale > 0 ? `.${digits.slice(digits.length - scale)}` : ""}`;
}

/** The struct type of a map's entries column. */
export const mapEntriesType = (key: DataType, value: DataType): DataType => ({
  kind: "struct",
  fields: { key, value },
});
