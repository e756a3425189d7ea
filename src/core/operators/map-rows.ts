import { Batch } from "../batch.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import { createRowWriter, type RowWriter } from "../rows/row-writer.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";

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
 * Output:    the columns of the result shape, one row per row; row kinds travel with their rows.
 * State:     none beyond what the function keeps.
 * Watermark: travels on.
 * Late rows: like any other row.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it returns.
 */
export class MapRows implements Operator {
  readonly outputSchema: Schema;
  readonly #inputSchema: Schema;
  readonly #shape: ResultShape;
  readonly #user: UserFunction<MapFunction>;
  #reader: RowReader | undefined;
  #writer: RowWriter | undefined;

  constructor(map: MapFunction | MapRichFunction, inputSchema: Schema, shape: ResultShape, site: FunctionSite) {
    this.#user = new UserFunction<MapFunction>(map, "map", site);
    this.#inputSchema = inputSchema;
    this.#shape = shape;
    this.outputSchema = shape.schema;
  }

  open(context: OperatorContext): void {
    const { workspace } = context;
    this.#reader = createRowReader(workspace, this.#inputSchema, { functionText: this.#user.text });
    this.#writer = createRowWriter(workspace, this.outputSchema, {
      ...this.#shape,
      where: this.#user.where,
      functionText: this.#user.text,
    });
    this.#user.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    const [reader, writer] = [this.#reader, this.#writer];
    if (reader === undefined || writer === undefined || batch.rowCount === 0) return "done";
    const { call, context } = this.#user;
    reader.bind(batch);
    writer.reserve(batch.rowCount);
    try {
      if (writer.wantsCheck) reader.eachToo(call, context, 0, batch.rowCount, writer.writeChecked);
      else reader.each(call, context, 0, batch.rowCount, writer.write);
    } catch (thrown) {
      throw this.#user.wrap(thrown, reader.row);
    } finally {
      reader.unbind();
    }
    const rows = writer.take();
    output.emit(batch.rowKinds === undefined ? rows : withKinds(rows, batch));
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#writer?.close();
    this.#writer = undefined;
    this.#reader?.close();
    this.#reader = undefined;
    this.#user.close();
  }
}

function withKinds(rows: Batch, { rowKinds }: Batch): Batch {
  const columns = rows.columns.map((column) => column.retain());
  rows.release();
  return new Batch(rows.schema, rows.rowCount, columns, rowKinds?.retain());
}
