import type { Batch } from "../../core/batch.ts";
import type { Column } from "../../core/column.ts";
import { columnReader } from "../../core/columns/read.ts";
import { DataError } from "../../core/errors.ts";
import type { DataType } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";
import { valuesOf, valueText } from "../files/value-text.ts";
import { valueJson } from "../json/json-text.ts";
import type { TargetColumn } from "./target-table.ts";

/*
 * The text format of COPY: columns between tabs, rows end with a newline, null is \N, and backslashes keep these apart
 * from what is in a text (https://www.postgresql.org/docs/current/sql-copy.html). The server reads each value as its own
 * column's type does, so that one format serves all types.
 */

/** Pieces in which rows are sent, in characters. */
const PIECE_CHARACTERS = 128 * 1024;
const encoder = new TextEncoder();

/** What is written beside a row, in front of it: complete columns, with their tabs. */
export type RowPrefix = (row: number) => string;

/**
 * The rows of a batch as pieces of bytes. `isLeftOut` says of rows that they are not written.
 * @throws {DataError} POSTGRES_VALUE_INVALID for a text with the character NUL, which PostgreSQL does not hold
 */
export function* copyText(
  workspace: Workspace,
  batch: Batch,
  columns: readonly TargetColumn[],
  options: { readonly firstRow: number; readonly prefix?: RowPrefix; readonly isLeftOut?: (row: number) => boolean },
): Generator<Uint8Array, void, void> {
  const { prefix, isLeftOut } = options;
  const fields = batch.columns.map((column, i) => fieldText(workspace, column, columns[i], options.firstRow));
  const [first, ...others] = fields;
  let text = "";
  for (let row = 0; row < batch.rowCount; row++) {
    if (isLeftOut?.(row) === true) continue;
    if (prefix !== undefined) text += prefix(row);
    if (first !== undefined) text += first(row);
    for (let i = 0; i < others.length; i++) text += `\t${others[i](row)}`;
    text += "\n";
    if (text.length < PIECE_CHARACTERS) continue;
    yield encoder.encode(text);
    text = "";
  }
  if (text !== "") yield encoder.encode(text);
}

function fieldText(
  workspace: Workspace,
  column: Column,
  { source, form }: TargetColumn,
  firstRow: number,
): (row: number) => string {
  const { type } = column;
  const checked = (text: string, row: number): string => {
    if (!SPECIAL.test(text)) return text;
    if (text.includes("\0")) throw hasNul(source, firstRow + row);
    return text.replace(SPECIALS, (character) => ESCAPES[character]);
  };
  if (form === "json") {
    const read = columnReader(workspace, column);
    const format = valueJson(type);
    return (row) => {
      const value = read(row);
      // In JSON the character NUL is an escape, which jsonb refuses and json keeps.
      return value === null ? "\\N" : checked(format(value), row);
    };
  }
  const read = valuesOf(workspace, column);
  const format = serverText(type);
  if (isNeverSpecial(type)) {
    return (row) => {
      const value = read(row);
      return value === null ? "\\N" : format(value);
    };
  }
  return (row) => {
    const value = read(row);
    return value === null ? "\\N" : checked(format(value), row);
  };
}

const SPECIAL = /[\\\t\n\r\0]/;
const SPECIALS = /[\\\t\n\r]/g;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

const isNeverSpecial = ({ kind }: DataType): boolean => !["utf8", "binary", "list"].includes(kind);

/** The text of a value as the server's type of the same meaning reads it. */
function serverText(type: DataType): (value: unknown) => string {
  switch (type.kind) {
    case "binary":
      return (value) => `\\x${Buffer.from(value as Uint8Array).toString("hex")}`;
    case "date":
    case "timestamp": {
      const format = valueText(type);
      return (value) => serverYear(format(value));
    }
    case "interval":
      return (value) => {
        const { months, days, nanoseconds } = value as { months: number; days: number; nanoseconds: bigint };
        // The server keeps microseconds, and rounds what is finer.
        const size = absolute(nanoseconds);
        const micros = `${nanoseconds < 0n ? "-" : ""}${size / 1000n}.${String(size % 1000n).padStart(3, "0")}`;
        return `${months} months ${days} days ${micros} microseconds`;
      };
    case "list": {
      const format = serverText(type.element);
      return (value) =>
        `{${(value as unknown[]).map((each) => (each === null ? "NULL" : arrayElement(format(each)))).join(",")}}`;
    }
    default:
      return valueText(type);
  }
}

const absolute = (value: bigint): bigint => (value < 0n ? -value : value);

const arrayElement = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** ISO 8601 has signs and a year 0; the server counts years before 1 with BC, and takes as many digits as there are. */
function serverYear(text: string): string {
  const found = /^(?:([+-])(\d{6})|(0000))(-.*)$/.exec(text);
  if (found === null) return text;
  const [, sign, digits = "0", , rest] = found;
  if (sign === "+") return `${Number(digits)}${rest}`;
  return `${String(Number(digits) + 1).padStart(4, "0")}${rest} BC`;
}

const hasNul = (column: string, row: number): DataError =>
  new DataError(
    "POSTGRES_VALUE_INVALID",
    `The column "${column}" has a text with the character NUL (U+0000) in row ${row + 1} of what this subtask writes, which PostgreSQL cannot hold.`,
    "Remove it with an expression before the sink.",
  );
