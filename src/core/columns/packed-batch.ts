import type { BatchDescriptor, ColumnDescriptor } from "./copy.ts";

/**
 * A `BatchDescriptor` as numbers alone: of a message of objects, names and shapes would be written and read again for each
 * column.
 *
 *   rows, columns, marks (1: row kinds, 2: row times), a record of each column, then of each mark
 *   record: length, nullCount, validity, data, dataStart, dataBytes, offsets, wordBits + 1 (0: none),
 *           1 with a dictionary, else 0, how many children; then the record of each child, and that of the dictionary
 */
export type PackedBatch = readonly number[];

const ROW_KINDS = 1;
const ROW_TIMES = 2;

export function packBatch({ rowCount, columns, rowKinds, rowTimes }: BatchDescriptor): PackedBatch {
  const marks = (rowKinds === undefined ? 0 : ROW_KINDS) + (rowTimes === undefined ? 0 : ROW_TIMES);
  const packed = [rowCount, columns.length, marks];
  for (const column of columns) packColumn(packed, column);
  if (rowKinds !== undefined) packColumn(packed, rowKinds);
  if (rowTimes !== undefined) packColumn(packed, rowTimes);
  return packed;
}

function packColumn(packed: number[], column: ColumnDescriptor): void {
  const { length, nullCount, validity, data, dataStart, dataBytes, offsets, wordBits, children, dictionary } = column;
  packed.push(length, nullCount, validity, data, dataStart, dataBytes, offsets);
  packed.push(wordBits === undefined ? 0 : wordBits + 1, dictionary === undefined ? 0 : 1, children.length);
  for (const child of children) packColumn(packed, child);
  if (dictionary !== undefined) packColumn(packed, dictionary);
}

/** What `packBatch` was given. */
export function unpackBatch(packed: PackedBatch): BatchDescriptor {
  let at = 0;
  const next = (): number => packed[at++];
  const column = (): ColumnDescriptor => {
    const described: ColumnDescriptor = {
      length: next(),
      nullCount: next(),
      validity: next(),
      data: next(),
      dataStart: next(),
      dataBytes: next(),
      offsets: next(),
      children: [],
    };
    const [wordBits, dictionaries, children] = [next(), next(), next()];
    if (wordBits > 0) described.wordBits = wordBits - 1;
    for (let i = 0; i < children; i++) described.children.push(column());
    if (dictionaries > 0) described.dictionary = column();
    return described;
  };
  const [rowCount, columnCount, marks] = [next(), next(), next()];
  const columns = Array.from({ length: columnCount }, column);
  return {
    rowCount,
    columns,
    ...((marks & ROW_KINDS) === 0 ? {} : { rowKinds: column() }),
    ...((marks & ROW_TIMES) === 0 ? {} : { rowTimes: column() }),
  };
}
