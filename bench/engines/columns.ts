/** Answers of the JavaScript-facing engines, adapted for the check. */
import { DataType, type Table } from "apache-arrow";
import type { AnswerTable } from "../harness/summary.ts";

/** An apache-arrow table; decimals are scaled to numbers. */
export function arrowAnswer(table: Table): AnswerTable {
  return {
    rowCount: table.numRows,
    column: (name) => {
      const vector = table.getChild(name);
      if (vector === null) throw missing(name, table.schema.names.map(String));
      if (DataType.isDecimal(vector.type)) {
        const divisor = 10 ** vector.type.scale;
        return (row) => {
          const words = vector.get(row) as Uint32Array | null;
          return words === null ? null : signedOf(words) / divisor;
        };
      }
      const one = vector.data.length === 1 ? vector.data[0] : undefined;
      // Totals of large answers read every value: a plain typed array is ten times faster than Vector.get.
      if (one !== undefined && one.nullCount === 0 && (DataType.isInt(one.type) || DataType.isFloat(one.type))) {
        const values = one.values as ArrayLike<number | bigint>;
        return (row) => values[row];
      }
      return (row) => vector.get(row);
    },
  };
}

/** Little-endian two's complement words of an Arrow decimal. */
function signedOf(words: Uint32Array): number {
  let value = 0n;
  for (let index = words.length - 1; index >= 0; index--) value = (value << 32n) | BigInt(words[index] ?? 0);
  return Number(BigInt.asIntN(words.length * 32, value));
}

/** Row objects. */
export function rowsAnswer(rows: readonly Readonly<Record<string, unknown>>[]): AnswerTable {
  return {
    rowCount: rows.length,
    column: (name) => {
      const first = rows[0];
      if (first !== undefined && !(name in first)) throw missing(name, Object.keys(first));
      return (row) => rows[row]?.[name];
    },
  };
}

/** Plain columns of equal length. */
export function columnsAnswer(columns: Readonly<Record<string, ArrayLike<unknown>>>): AnswerTable {
  return {
    rowCount: Object.values(columns)[0]?.length ?? 0,
    column: (name) => {
      const values = columns[name];
      if (values === undefined) throw missing(name, Object.keys(columns));
      return (row) => values[row];
    },
  };
}

function missing(name: string, present: readonly string[]): Error {
  return new Error(`the answer has no column ${name}, only ${present.join(", ")}`);
}
