import { eastAsianWidth } from "get-east-asian-width";
import { escapeControls } from "../core/escape-controls.ts";
import type { Schema } from "../core/schema.ts";
import { type DataType, formatType, isNumeric } from "../core/types.ts";
import { formatValue } from "./format-value.ts";

export interface TableOptions {
  /** Rows of the whole result where it is known; default: those given. */
  readonly rowCount?: number;
  /** False where there are more rows than those given, and nobody counted them. */
  readonly isComplete?: boolean;
  /** Rows to print at most, default 20; of more rows, the first and the last are printed. */
  readonly limit?: number;
  /** Terminal columns to stay within, default 120. */
  readonly width?: number;
}

/** Columns narrower than this are not cut to make room for others. */
const LEAST_CUT_WIDTH = 12;
const ELLIPSIS = "…";

interface ShownColumn {
  readonly name: string;
  readonly type: string;
  readonly alignsRight: boolean;
  readonly cells: readonly string[];
  width: number;
}

/**
 * Rows as an aligned table with names, types and the number of rows, in the manner of DuckDB's shell:
 * numbers to the right, null as NULL, control characters escaped. Where the table is too wide, long cells are cut,
 * then columns in the middle are left out; the last line tells how many.
 */
export function formatTable(
  schema: Schema,
  rows: readonly Readonly<Record<string, unknown>>[],
  options: TableOptions = {},
): string {
  const { limit = 20, width = 120, isComplete = true } = options;
  const rowCount = Math.max(options.rowCount ?? 0, rows.length);
  const tailRows = rows.length > limit ? Math.floor(limit / 2) : 0;
  const head = rows.slice(0, Math.min(rows.length, limit) - tailRows);
  const tail = rows.slice(rows.length - tailRows);
  const hasGap = head.length + tail.length < rowCount || !isComplete;
  const cellsOf = (name: string, type: DataType, part: typeof rows) =>
    part.map((row) => cellText(Object.hasOwn(row, name) ? row[name] : null, type));
  const all = schema.fields.map(({ name, type }): ShownColumn => {
    const gap = hasGap ? ["·"] : [];
    const column = {
      name: escapeControls(name),
      type: escapeControls(formatType(type)),
      alignsRight: isNumeric(type),
      cells: [...cellsOf(name, type, head), ...gap, ...cellsOf(name, type, tail)],
      width: 0,
    };
    column.width = Math.max(...[column.name, column.type, ...column.cells].map(textWidth));
    return column;
  });
  const columns = fitColumns(all, width);
  const lines = columns.length > 0 ? drawTable(columns) : [];
  lines.push(footer(rowCount, head.length + tail.length, all.length, columns, options));
  return lines.join("\n");
}

function footer(
  rowCount: number,
  shownRows: number,
  columnCount: number,
  columns: readonly ShownColumn[],
  { isComplete = true, rowCount: counted }: TableOptions,
): string {
  const counts =
    !isComplete && counted === undefined
      ? `first ${shownRows} rows, there are more`
      : `${rowCount.toLocaleString("en-US")} ${rowCount === 1 ? "row" : "rows"}${shownRows < rowCount ? ` (${shownRows} shown)` : ""}`;
  const shownColumns = columns.filter((column) => column !== GAP_COLUMN).length;
  const hidden = shownColumns < columnCount ? `, ${columnCount} columns (${shownColumns} shown)` : "";
  return `${counts}${hidden}`;
}

/** Stands for the columns that are left out. */
const GAP_COLUMN: ShownColumn = { name: ELLIPSIS, type: "", alignsRight: false, cells: [], width: 1 };

/** Borders and spaces beside the cells: `│ a │ b │`. */
const tableWidth = (columns: readonly ShownColumn[]): number =>
  columns.reduce((sum, column) => sum + column.width + 3, 1);

function fitColumns(columns: ShownColumn[], width: number): ShownColumn[] {
  for (let excess = tableWidth(columns) - width; excess > 0; excess = tableWidth(columns) - width) {
    // The widest column gives way until it is as wide as the next one.
    const widths = columns.map((column) => column.width).sort((a, b) => b - a);
    const widest = columns.find((column) => column.width === widths[0]);
    if (widest === undefined || widest.width <= LEAST_CUT_WIDTH) break;
    const next = widths.find((other) => other < widths[0]) ?? LEAST_CUT_WIDTH;
    widest.width = Math.max(LEAST_CUT_WIDTH, Math.min(widest.width - 1, Math.max(next, widest.width - excess)));
  }
  const kept = [...columns];
  let left = [...columns];
  while (left.length > 1 && tableWidth(left) > width) {
    kept.splice(Math.floor(kept.length / 2), 1);
    left = [...kept.slice(0, Math.ceil(kept.length / 2)), GAP_COLUMN, ...kept.slice(Math.ceil(kept.length / 2))];
    if (kept.length === 1) break;
  }
  return left;
}

function drawTable(columns: readonly ShownColumn[]): string[] {
  const rule = (start: string, between: string, end: string) =>
    start + columns.map((column) => "─".repeat(column.width + 2)).join(between) + end;
  const line = (textOf: (column: ShownColumn) => string, alignOf: (column: ShownColumn) => Alignment) =>
    `│${columns.map((column) => ` ${pad(textOf(column), column.width, alignOf(column))} `).join("│")}│`;
  const lines = [
    rule("┌", "┬", "┐"),
    line(
      (column) => column.name,
      () => "center",
    ),
    line(
      (column) => column.type,
      () => "center",
    ),
    rule("├", "┼", "┤"),
  ];
  const height = Math.max(0, ...columns.map((column) => column.cells.length));
  for (let row = 0; row < height; row++) {
    lines.push(
      line(
        (column) => column.cells[row] ?? ELLIPSIS,
        (column) => (column.cells[row] === "·" ? "center" : column.alignsRight ? "right" : "left"),
      ),
    );
  }
  lines.push(rule("└", "┴", "┘"));
  return lines;
}

type Alignment = "left" | "right" | "center";

function pad(text: string, width: number, alignment: Alignment): string {
  const shown = cut(text, width);
  const space = Math.max(0, width - textWidth(shown));
  const before = alignment === "left" ? 0 : alignment === "right" ? space : Math.floor(space / 2);
  return " ".repeat(before) + shown + " ".repeat(space - before);
}

/** Longer texts than any terminal line are not measured to their end. */
const MAXIMUM_CHARACTERS = 400;

const cellText = (value: unknown, type: DataType): string => {
  const text = value === null || value === undefined ? "NULL" : formatValue(value, type);
  const start = text.length > MAXIMUM_CHARACTERS ? `${text.slice(0, MAXIMUM_CHARACTERS)}${ELLIPSIS}` : text;
  return escapeControls(start);
};

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Terminal columns of a text. */
export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  // Emoji presentation, as asked for by the selector or by a flag's pair of letters.
  if (/\ufe0f|\p{Regional_Indicator}{2}/u.test(grapheme)) return 2;
  let width = 0;
  for (const character of grapheme) {
    if (!/[\p{M}\p{Cf}]/u.test(character)) width = Math.max(width, eastAsianWidth(character.codePointAt(0) ?? 0));
  }
  return width;
}

function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let shown = "";
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    used += graphemeWidth(segment);
    if (used > width - 1) break;
    shown += segment;
  }
  return shown + ELLIPSIS;
}
