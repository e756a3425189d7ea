import type { Column } from "../../column.ts";
import { columnBuilder } from "../../columns/builder.ts";
import { columnReader } from "../../columns/read.ts";
import type * as types from "../../types.ts";
import { type DataType, formatType, isFloat, isInteger, isNested } from "../../types.ts";
import type { Routine } from "../bound.ts";
import { castFailed } from "../errors.ts";
import type { Frame } from "../frame.ts";
import { fitsInteger, literalValue, parseText } from "../literal.ts";
import { formatDate, formatTime, formatTimestamp } from "../temporal.ts";

/** Values to text and back; text is trimmed before it is read. */
export function textCast(from: DataType, to: DataType, isSafe: boolean): Routine | undefined {
  if (from.kind === "utf8" && to.kind === "binary") return reread(to);
  if (from.kind === "binary" && to.kind === "utf8") return mapValues(from, to, isSafe, true, readUtf8);
  if (to.kind === "utf8") {
    const format = formatterOf(from);
    return format === undefined ? undefined : mapValues(from, to, isSafe, false, format);
  }
  if (from.kind !== "utf8") return undefined;
  const parse = parserOf(to);
  return parse === undefined
    ? undefined
    : mapValues(from, to, isSafe, true, (value) => parse((value as string).trim()));
}

/** The bytes of text, as they are. */
const reread = (to: DataType): Routine => ({
  key: "cast:utf8:binary",
  nulls: "strict",
  isFallible: false,
  run: (_frame, [{ column }]) => column.viewAs(to, column.length, column.layout),
});

/** Converts value by value in JavaScript; `undefined` says that a value cannot be converted. */
function mapValues(
  from: DataType,
  to: DataType,
  isSafe: boolean,
  canFail: boolean,
  convert: (value: unknown) => unknown,
): Routine {
  return {
    key: `cast:${isSafe}:${formatType(from)}:${formatType(to)}`,
    nulls: "strict",
    isFallible: canFail && !isSafe,
    isCostly: true,
    run(frame, [{ column }]) {
      const read = columnReader(frame.workspace, column);
      const converted: unknown[] = [];
      for (let row = 0; row < column.length; row++) {
        const value = read(row);
        const result = value === null ? null : convert(value);
        if (result === undefined && !isSafe) throw castFailed(frame, row, shown(value), formatType(to));
        converted.push(result ?? null);
      }
      return build(frame, to, converted);
    },
  };
}

function build(frame: Frame, type: DataType, values: readonly unknown[]): Column {
  const builder = columnBuilder(frame.workspace, type, values.length);
  try {
    for (const value of values) builder.append(value);
    return builder.finish();
  } finally {
    builder.close();
  }
}

const shown = (value: unknown): string =>
  typeof value === "string"
    ? JSON.stringify(value.slice(0, 80))
    : value instanceof Uint8Array
      ? "(binary)"
      : String(value);

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readUtf8(value: unknown): string | undefined {
  try {
    return strictDecoder.decode(value as Uint8Array);
  } catch {
    return undefined; // TypeError: the bytes are no UTF-8
  }
}

/** How values of a type are written; the same text casts back to the same value. */
export function formatterOf(type: DataType): ((value: unknown) => string) | undefined {
  if (isNested(type) || type.kind === "interval" || type.kind === "null") return undefined;
  switch (type.kind) {
    case "date":
      return (value) => formatDate(value as number);
    case "time":
      return (value) => formatTime(BigInt(value as number | bigint), type.unit);
    case "timestamp":
      return (value) => formatTimestamp(BigInt(value as number | bigint), type.unit, type.timezone);
    default:
      return String;
  }
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const SPECIAL_NUMBERS: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  infinity: Number.POSITIVE_INFINITY,
  inf: Number.POSITIVE_INFINITY,
  "+infinity": Number.POSITIVE_INFINITY,
  "+inf": Number.POSITIVE_INFINITY,
  "-infinity": Number.NEGATIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
};

/** Reads trimmed text as a value of a type (in the form of `ValueOf`); undefined where it is none. */
function parserOf(type: DataType): ((text: string) => unknown) | undefined {
  if (type.kind === "bool") {
    return (text) => (/^(true|t|1)$/i.test(text) ? true : /^(false|f|0)$/i.test(text) ? false : undefined);
  }
  if (isInteger(type)) {
    return (text) => {
      if (!/^[+-]?\d+$/.test(text)) return undefined;
      const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
      return fitsInteger(value, type) ? value : undefined;
    };
  }
  if (isFloat(type)) {
    return (text) => SPECIAL_NUMBERS[text.toLowerCase()] ?? (NUMBER.test(text) ? Number(text) : undefined);
  }
  if (type.kind === "decimal" || type.kind === "date" || type.kind === "time" || type.kind === "timestamp") {
    return (text) => {
      const value = parseText(text, type);
      return value === undefined ? undefined : literalValue({ kind: "literal", type: type as types.DataType, value });
    };
  }
  return undefined;
}
