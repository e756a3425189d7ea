import type { RecordBatch } from "apache-arrow";
import type { Batch } from "../../core/batch.ts";
import { bitmapBytes } from "../../core/columns/allocate.ts";
import { type ColumnDescriptor, describeBatch } from "../../core/columns/copy.ts";
import type { TableFormat } from "../../core/snapshot-tables.ts";
import type { Workspace } from "../../core/workspace.ts";

/** Tables of more bytes are not remembered. */
const MOST_BYTES = 4096;
const MOST_TABLES = 50_000;

/**
 * The format of state tables, remembering small ones: in thousands of runs of one job most tables come again and again,
 * and to encode one costs more than a run should. What it gives is what the format gives, byte for byte.
 */
export function rememberingFormat(format: TableFormat): TableFormat {
  const encoded = new Map<string, Uint8Array>();
  const parsed = new Map<string, readonly RecordBatch[]>();
  const encodeTable: TableFormat["encodeTable"] = (workspace, batches) => {
    if ("next" in batches) return format.encodeTable(workspace, batches);
    const key = keyOf(workspace, batches);
    if (key === undefined) return format.encodeTable(workspace, batches);
    const known = encoded.get(key);
    // A copy: who has it may tell tables apart by it.
    if (known !== undefined) return known.slice();
    const bytes = format.encodeTable(workspace, batches);
    remember(encoded, key, bytes.slice());
    return bytes;
  };
  return {
    ...format,
    encodeTable,
    // What is small is encoded in one turn anyway.
    encodeTableBehind: async (workspace, batches, turn) => {
      if ("next" in batches || batches.some(isLarge)) return format.encodeTableBehind(workspace, batches, turn);
      await turn();
      return encodeTable(workspace, batches);
    },
    decodeTable: (workspace, bytes) => {
      if (bytes.length > MOST_BYTES) return format.decodeTable(workspace, bytes);
      const key = textOf(bytes);
      const known = parsed.get(key) ?? [...format.parseTable(bytes.slice())];
      remember(parsed, key, known);
      return format.batchesOf(workspace, known);
    },
  };
}

const isLarge = ({ rowCount, columns }: Batch): boolean => rowCount * columns.length * 8 > MOST_BYTES;

function remember<T>(tables: Map<string, T>, key: string, table: T): void {
  if (tables.size >= MOST_TABLES) tables.clear();
  tables.set(key, table);
}

/** All that the encoded bytes depend on; undefined for what is large or has a dictionary. */
function keyOf(workspace: Workspace, batches: readonly Batch[]): string | undefined {
  let key = schemaKey(batches[0].schema);
  for (const batch of batches) {
    if (isLarge(batch)) return undefined;
    const { columns } = describeBatch(workspace, batch);
    key += `|${batch.rowCount}`;
    for (const column of columns) {
      const text = columnKey(workspace, column);
      if (text === undefined || key.length + text.length > 2 * MOST_BYTES) return undefined;
      key += text;
    }
  }
  return key;
}

function columnKey(workspace: Workspace, described: ColumnDescriptor): string | undefined {
  const { length, nullCount, validity, data, dataStart, dataBytes, offsets, children, dictionary, wordBits } =
    described;
  if (dictionary !== undefined || dataBytes > MOST_BYTES) return undefined;
  const part = (address: number, bytes: number) =>
    address === 0 ? "-" : textOf(workspace.u8.subarray(address, address + bytes));
  let key = `#${length},${nullCount},${wordBits ?? ""},`;
  key += part(nullCount === 0 ? 0 : validity, bitmapBytes(length)) + part(offsets, (length + 1) * 4);
  key += part(data, dataStart + dataBytes > MOST_BYTES ? 0 : dataStart + dataBytes);
  if (dataStart + dataBytes > MOST_BYTES) return undefined;
  for (const child of children) {
    const text = columnKey(workspace, child);
    if (text === undefined) return undefined;
    key += `(${text})`;
  }
  return key;
}

const schemaKeys = new WeakMap<object, string>();

function schemaKey(schema: Batch["schema"]): string {
  let key = schemaKeys.get(schema);
  if (key === undefined) {
    key = JSON.stringify(schema.fields);
    schemaKeys.set(schema, key);
  }
  return key;
}

const latin1 = new TextDecoder("latin1");

/** Bytes as text, the same for the same bytes alone. `TextDecoder` calls windows-1252 by that name: it is one to one. */
function textOf(bytes: Uint8Array): string {
  if (bytes.length <= 64) return String.fromCharCode(...bytes);
  return latin1.decode(bytes.slice());
}
