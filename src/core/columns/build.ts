import { Batch } from "../batch.ts";
import type { Schema } from "../schema.ts";
import type { Fields } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { buildColumn } from "./builder.ts";

/** A batch of row objects; a column that a row lacks is null there. */
export function buildBatch<F extends Fields>(
  workspace: Workspace,
  schema: Schema<F>,
  rows: readonly object[],
): Batch<F> {
  const columns = schema.fields.map(({ name, type }) =>
    buildColumn(
      workspace,
      type,
      rows.map((row) => (Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : null)),
    ),
  );
  return new Batch(schema, rows.length, columns);
}
