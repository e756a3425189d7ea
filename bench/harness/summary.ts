/**
 * An answer in a form that can be compared and sent between processes: its rows if there are at most `wholeLimit`,
 * otherwise its row count, the totals of its numeric columns and every row whose sample column is divisible by 997.
 */
export type Kind = "integer" | "float" | "text" | "date" | "timestamp" | "boolean";

export interface KindedColumn {
  readonly name: string;
  readonly kind: Kind;
}

/** How an answer is to be summarised. */
export interface AnswerShape {
  readonly columns: readonly KindedColumn[];
  /** Integer column that selects the compared rows of a large answer. */
  readonly sampleBy: string | null;
}

/** Dates and timestamps are milliseconds since 1970; integers beyond 2^53 are their decimal text. */
export type Cell = number | string | boolean | null;

export interface Summary {
  readonly columns: readonly KindedColumn[];
  readonly rowCount: number;
  /** Null when `rows` holds the whole answer. */
  readonly totals: readonly (number | null)[] | null;
  readonly rows: readonly (readonly Cell[])[];
}

/** Answers up to this many rows are compared whole. */
export const wholeLimit = 200_000;

/** One row in this many is compared in a large answer. */
export const sampleStep = 997;

/** An engine's answer, column by column; `get` is called for few rows of large answers. */
export interface AnswerTable {
  readonly rowCount: number;
  column(name: string): (row: number) => unknown;
}

/** Summarises an answer in the columns and kinds of the expected one. */
export function summarise(answer: AnswerTable, { columns, sampleBy }: AnswerShape): Summary {
  const { rowCount } = answer;
  const readers = columns.map(({ name }) => answer.column(name));
  const rowAt = (row: number): Cell[] =>
    columns.map(({ name, kind }, index) => toCell(readers[index]?.(row), kind, name));
  if (rowCount <= wholeLimit) {
    return { columns, rowCount, totals: null, rows: Array.from({ length: rowCount }, (_, row) => rowAt(row)) };
  }
  const sampleIndex = columns.findIndex(({ name }) => name === sampleBy);
  const sampleOf = readers[sampleIndex];
  if (sampleOf === undefined) throw new Error(`the answer has ${rowCount} rows, so its case needs a sampleBy column`);
  const rows: Cell[][] = [];
  for (let row = 0; row < rowCount; row++) if (Number(sampleOf(row)) % sampleStep === 0) rows.push(rowAt(row));
  const totals = columns.map(({ kind }, index) =>
    kind === "integer" || kind === "float" ? totalOf(readers[index] as (row: number) => unknown, rowCount) : null,
  );
  return { columns, rowCount, totals, rows };
}

function totalOf(reader: (row: number) => unknown, rowCount: number): number {
  let total = 0;
  for (let row = 0; row < rowCount; row++) total += Number(reader(row) ?? 0);
  return total;
}

/** Brings a value of any engine into the form in which answers are compared. */
export function toCell(value: unknown, kind: Kind, name: string): Cell {
  if (value === null || value === undefined) return null;
  switch (kind) {
    case "integer": {
      const whole = typeof value === "bigint" ? value : BigInt(String(value));
      const asNumber = Number(whole);
      return Number.isSafeInteger(asNumber) ? asNumber : String(whole);
    }
    case "float":
      return Number(value);
    case "text":
      return String(value);
    case "boolean":
      return Boolean(value);
    default: {
      const milliseconds =
        value instanceof Date ? value.getTime() : typeof value === "string" ? Date.parse(value) : Number(value);
      if (Number.isNaN(milliseconds)) throw new Error(`column ${name}: ${String(value)} is not a ${kind}`);
      return milliseconds;
    }
  }
}
