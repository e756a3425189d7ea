import type { Batch } from "../core/batch.ts";
import { readRows as readAll } from "../core/columns/read.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { createRowWriter } from "../core/rows/row-writer.ts";
import { type RowOf, Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import type { Workspace } from "../core/workspace.ts";

// For sources and sinks of one's own: batches are made of rows, and read as rows.

/** A row to be put into a batch: a value, or null, for each column; dates and timestamps also as Date. */
export type RowGiven<F extends Fields> = { readonly [N in keyof F]: RowOf<F>[N] | ValueGiven<F[N]> | undefined };

type ValueGiven<T> = T extends { readonly kind: "date" | "timestamp" }
  ? Date
  : T extends { readonly kind: "int64" | "uint64" | "decimal" }
    ? number | bigint
    : never;

/**
 * A batch of rows, for the reader of a source of one's own to give. The caller owns it.
 * @param workspace - That of the reader's `SourceContext`: the memory in which the batch lies.
 * @throws {EvaluationError} ROW_INVALID, ROW_PROPERTY_UNKNOWN, VALUE_INVALID
 * @throws {PlanError} ARGUMENT_INVALID
 * @example buildBatch(context.workspace, Schema.of({ id: types.int64 }), [{ id: 1n }, { id: 2n }])
 */
export function buildBatch<F extends Fields>(
  workspace: Workspace,
  schema: Schema<F>,
  rows: Iterable<RowGiven<F>>,
): Batch<F> {
  checkWorkspace("buildBatch", workspace);
  const given = rows as Iterable<unknown> | null | undefined;
  if (!(schema instanceof Schema) || typeof given?.[Symbol.iterator] !== "function") {
    throw new PlanError(
      "ARGUMENT_INVALID",
      `buildBatch was given ${describeValue(schema)} as schema and ${describeValue(given)} as rows.`,
      "Give the schema of the source, and an array of objects with its columns.",
    );
  }
  // The code that stores rows is made once per schema, and kept under this text.
  const writer = createRowWriter(workspace, schema, { where: "buildBatch", functionText: "buildBatch" });
  try {
    for (const row of given) writer.writeChecked(row);
    return writer.take() as unknown as Batch<F>;
  } finally {
    writer.close();
  }
}

/**
 * The rows of a batch as objects of their own, for the writer of a sink of one's own.
 * @param workspace - That of the writer's `SinkContext`.
 * @throws {PlanError} ARGUMENT_INVALID
 */
export function readRows<F extends Fields>(workspace: Workspace, batch: Batch<F>): RowOf<F>[] {
  checkWorkspace("readRows", workspace);
  if (Array.isArray((batch as Partial<Batch> | null)?.columns)) return readAll(workspace, batch as Batch) as RowOf<F>[];
  throw new PlanError(
    "ARGUMENT_INVALID",
    `readRows was given ${describeValue(batch)} as batch.`,
    "Give the batch that the writer was given.",
  );
}

function checkWorkspace(method: string, given: Partial<Workspace> | null | undefined): void {
  if (typeof given?.allocate === "function") return;
  throw new PlanError(
    "ARGUMENT_INVALID",
    `${method} was given ${describeValue(given)} as workspace.`,
    "Give context.workspace, of the context that the source or sink was given.",
  );
}
