import type { Batch } from "../batch.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { createRowMapper, type RowMapper } from "../rows/row-mapper.ts";
import type { Row } from "../rows/row-view.ts";
import type { RowWriterOptions } from "../rows/row-writer.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";

/** How the rows that a function returns become columns. */
export interface ResultShape {
  readonly schema: Schema;
  /** True where the schema was guessed from sample rows: every row is held to it. */
  readonly isInferred?: boolean;
  /** True: properties that are no columns are dropped. */
  readonly allowsExtra?: boolean;
}

export type MapFunction = (row: Row, context: RuntimeContext) => object;
export type MapRichFunction = FunctionLife & { map: MapFunction };

/**
 * Replaces each row by the object that a function returns for it.
 * Input:     any columns, as row views: valid during the call, `{...row}` is a copy to keep.
 * Output:    the columns of the result shape, one row per row; row kinds and times travel with their rows.
 * State:     none beyond what the function keeps.
 * Watermark: travels on.
 * Late rows: like any other row.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it returns.
 */
export class MapRows implements Operator {
  readonly outputSchema: Schema;
  readonly inputSchema: Schema;
  readonly shape: ResultShape;
  readonly user: UserFunction<MapFunction>;
  #workspace!: Workspace;
  #mapper: RowMapper<RuntimeContext> | undefined;

  constructor(map: MapFunction | MapRichFunction, inputSchema: Schema, shape: ResultShape, site: FunctionSite) {
    this.user = new UserFunction<MapFunction>(map, "map", site);
    this.inputSchema = inputSchema;
    this.shape = shape;
    this.outputSchema = shape.schema;
  }

  open(context: OperatorContext): void {
    this.#workspace = context.workspace;
    this.user.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    if (batch.rowCount === 0) return "done";
    this.#mapper ??= createRowMapper(
      this.#workspace,
      { schema: this.inputSchema, sample: batch },
      this.outputSchema,
      mapperOptions(this),
    );
    const mapper = this.#mapper;
    let rows: Batch;
    try {
      rows = mapper.map(batch, this.user.call, this.user.context);
    } catch (thrown) {
      throw this.user.wrap(thrown, mapper.row);
    }
    output.emit(withMarks(rows, batch));
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#mapper?.close();
    this.#mapper = undefined;
    this.user.close();
  }
}

/** How the results of a map are written. */
export const mapperOptions = ({ shape, user }: MapRows): RowWriterOptions => ({
  ...shape,
  where: user.where,
  functionText: user.text,
});

/** The rows, which it takes over, with the marks of the batch that they were made of. */
export function withMarks(rows: Batch, batch: Batch): Batch {
  if (batch.rowKinds === undefined && batch.rowTimes === undefined) return rows;
  const columns = rows.columns.map((column) => column.retain());
  rows.release();
  return batch.withColumns(rows.schema, columns);
}
