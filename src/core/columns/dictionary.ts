import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import type { Workspace } from "../workspace.ts";
import { gatherColumn } from "./gather.ts";

/** The same values without dictionary encoding; a plain column is retained as it is. The caller owns the result. */
export function decodeDictionary(workspace: Workspace, column: Column): Column {
  const { dictionary } = column;
  if (dictionary === undefined) return column.retain();
  // Null rows hold index 0, so every index is inside the dictionary.
  const values = gatherColumn(workspace, dictionary, column.data, column.length);
  if (column.nullCount === 0) return values;
  const decoded = values.view(
    column.length,
    { ...values.layout, nullCount: column.nullCount, validity: column.validity },
    column.retainBlocks(),
  );
  values.release();
  return decoded;
}

/** A batch whose columns are all plain; the caller owns it. */
export function decodeDictionaries(workspace: Workspace, batch: Batch): Batch {
  if (batch.columns.every((column) => column.dictionary === undefined)) return batch.retain();
  const columns = batch.columns.map((column) => decodeDictionary(workspace, column));
  return batch.withColumns(batch.schema, columns);
}

/** The same values without dictionaries at any depth; the caller owns the column. */
export function plainColumn(workspace: Workspace, column: Column): Column {
  if (column.dictionary !== undefined) return decodeDictionary(workspace, column);
  if (column.children.length === 0) return column.retain();
  const children = column.children.map((child) => plainColumn(workspace, child));
  const plain = column.view(column.length, { ...column.layout, children });
  for (const child of children) child.release();
  return plain;
}
