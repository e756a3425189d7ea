import { Batch, type RowMarks } from "../batch.ts";
import type { Column } from "../column.ts";
import { assert, EvaluationError } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { allocateBitmap, columnOf } from "./allocate.ts";
import { decodeDictionary } from "./dictionary.ts";
import { sliceColumn } from "./slice.ts";

/** All rows of the given columns (of one type, at least one column) in order. The caller owns the result. */
export function concatColumns(workspace: Workspace, columns: readonly Column[]): Column {
  assert(columns.length > 0, "something to concatenate");
  if (columns.length === 1) return columns[0].retain();
  if (columns.some((column) => column.dictionary !== undefined)) return concatEncoded(workspace, columns);
  const { kernels } = workspace;
  const { type } = columns[0];
  const length = totalLength(columns);
  const validity = concatValidity(workspace, columns, length);
  switch (type.kind) {
    case "null":
      validity.validity?.release();
      return columns[0].view(length, { nullCount: length });
    case "bool":
      return columnOf(workspace, type, length, {
        data: concatBits(workspace, columns, length, (column) => column.data),
        ...validity,
      });
    case "utf8":
    case "binary": {
      const { offsets, total, starts } = concatOffsets(workspace, columns, length);
      const data = workspace.allocate(total + 16);
      let at = data.address;
      for (const [i, column] of columns.entries()) {
        const byteLength = workspace.i32[(column.offsets >>> 2) + column.length] - starts[i];
        kernels.copyBytes(at, column.data + starts[i], byteLength);
        at += byteLength;
      }
      return columnOf(workspace, type, length, { data, offsets, ...validity });
    }
    case "list":
    case "map": {
      const { offsets, starts } = concatOffsets(workspace, columns, length);
      const elements = columns.map((column, i) => sliceElements(workspace, column, starts[i]));
      const children = [concatColumns(workspace, elements)];
      for (const element of elements) element.release();
      return columnOf(workspace, type, length, { offsets, ...validity, children });
    }
    case "struct": {
      const children = columns[0].children.map((_, i) =>
        concatColumns(
          workspace,
          columns.map((column) => column.children[i]),
        ),
      );
      return columnOf(workspace, type, length, { ...validity, children });
    }
    default: {
      const words = columns.flatMap((column) => (column.words === undefined ? [] : [column.words]));
      if (words.length === columns.length) {
        const block = workspace.allocate(length * 8);
        let at = block.address;
        for (const [i, { address }] of words.entries()) {
          kernels.copyBytes(at, address, columns[i].length * 8);
          at += columns[i].length * 8;
        }
        const bits = Math.max(...words.map((part) => part.bits));
        return columnOf(workspace, type, length, { words: { block, bits }, ...validity });
      }
      const width = byteWidth(type);
      const data = workspace.allocate(length * width);
      let at = data.address;
      for (const column of columns) {
        kernels.copyBytes(at, column.data, column.length * width);
        at += column.length * width;
      }
      return columnOf(workspace, type, length, { data, ...validity });
    }
  }
}

/** All rows of the given batches (of one schema, at least one) in order. The caller owns the result. */
export function concatBatches(workspace: Workspace, batches: readonly Batch[]): Batch {
  const [first] = batches;
  if (batches.length === 1) return first.retain();
  const columns = first.columns.map((_, i) =>
    concatColumns(
      workspace,
      batches.map((batch) => batch.columns[i]),
    ),
  );
  const rowCount = batches.reduce((sum, batch) => sum + batch.rowCount, 0);
  return new Batch(first.schema, rowCount, columns, concatMarks(workspace, batches));
}

/** The marks of batches behind each other; all of them have the same marks. */
export function concatMarks(workspace: Workspace, batches: readonly Batch[]): RowMarks {
  const [first] = batches;
  assert(
    batches.every((batch) => haveSameMarks(batch, first)),
    "row kinds and times in all batches or in none",
  );
  const of = (mark: keyof RowMarks): Column =>
    concatColumns(
      workspace,
      batches.flatMap(({ marks }) => marks[mark] ?? []),
    );
  return {
    ...(first.rowKinds === undefined ? {} : { kinds: of("kinds") }),
    ...(first.rowTimes === undefined ? {} : { times: of("times") }),
  };
}

/** Whether batches can be put behind each other. */
export const haveSameMarks = (a: Batch, b: Batch): boolean =>
  (a.rowKinds === undefined) === (b.rowKinds === undefined) &&
  (a.rowTimes === undefined) === (b.rowTimes === undefined);

const totalLength = (columns: readonly Column[]): number => columns.reduce((sum, column) => sum + column.length, 0);

/** Indices over one shared dictionary stay as they are; other dictionaries are put behind each other. */
function concatEncoded(workspace: Workspace, columns: readonly Column[]): Column {
  const length = totalLength(columns);
  const dictionaries: Column[] = [];
  for (const { dictionary } of columns) {
    if (dictionary !== undefined && !dictionaries.includes(dictionary)) dictionaries.push(dictionary);
  }
  const allEncoded = columns.every((column) => column.dictionary !== undefined);
  if (!allEncoded || (dictionaries.length > 1 && totalLength(dictionaries) > length)) {
    const plain = columns.map((column) => decodeDictionary(workspace, column));
    const result = concatColumns(workspace, plain);
    for (const column of plain) column.release();
    return result;
  }
  const baseOf = new Map<Column, number>();
  let base = 0;
  for (const dictionary of dictionaries) {
    baseOf.set(dictionary, base);
    base += dictionary.length;
  }
  const data = workspace.allocate(length * 4);
  let at = data.address;
  for (const column of columns) {
    const delta = column.dictionary === undefined ? 0 : (baseOf.get(column.dictionary) ?? 0);
    if (delta === 0) workspace.kernels.copyBytes(at, column.data, column.length * 4);
    else workspace.kernels.addConstant32(column.data, column.length, delta, at);
    at += column.length * 4;
  }
  const validity = concatValidity(workspace, columns, length);
  if (validity.validity !== undefined && dictionaries.length > 1) {
    workspace.kernels.zeroNulls32(data.address, validity.validity.address, length);
  }
  const dictionary = concatColumns(workspace, dictionaries);
  return columnOf(workspace, columns[0].type, length, { data, ...validity, dictionary });
}

function concatValidity(workspace: Workspace, columns: readonly Column[], length: number): { validity?: Block } {
  if (columns.every((column) => column.validity === 0)) return {};
  return { validity: concatBits(workspace, columns, length, (column) => column.validity) };
}

/** Bitmaps behind each other; an address of 0 stands for all ones. */
function concatBits(
  workspace: Workspace,
  columns: readonly Column[],
  length: number,
  bitsOf: (column: Column) => number,
): Block {
  const out = allocateBitmap(workspace, length);
  let bit = 0;
  for (const column of columns) {
    const bits = bitsOf(column);
    if (bits === 0) workspace.kernels.bitmapSetRange(out.address, bit, column.length);
    else workspace.kernels.bitmapPlace(bits, column.length, out.address, bit);
    bit += column.length;
  }
  return out;
}

function concatOffsets(
  workspace: Workspace,
  columns: readonly Column[],
  length: number,
): { offsets: Block; total: number; starts: number[] } {
  const offsets = workspace.allocate((length + 1) * 4);
  workspace.i32[offsets.address >>> 2] = 0;
  const starts: number[] = [];
  let total = 0;
  let row = 0;
  for (const column of columns) {
    const first = workspace.i32[column.offsets >>> 2];
    starts.push(first);
    workspace.kernels.rebaseOffsets(column.offsets, column.length, total, offsets.address + row * 4);
    total += workspace.i32[(column.offsets >>> 2) + column.length] - first;
    row += column.length;
    if (total > 0x7fffffff) {
      offsets.release();
      throw new EvaluationError(
        "COLUMN_TOO_LONG",
        `Concatenated ${column.type.kind} values pass 2 GiB, more than one batch can address.`,
        "Use a smaller batchRows or a smaller memory budget, so that less is kept together.",
      );
    }
  }
  return { offsets, total, starts };
}

/** The elements that a list or map column really refers to. */
function sliceElements(workspace: Workspace, column: Column, start: number): Column {
  const end = workspace.i32[(column.offsets >>> 2) + column.length];
  return sliceColumn(workspace, column.children[0], start, end - start);
}
