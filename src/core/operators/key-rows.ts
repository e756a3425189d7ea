import type { Batch } from "../batch.ts";
import { type ColumnBuilder, columnBuilder } from "../columns/builder.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import { Schema } from "../schema.ts";
import type { DataType } from "../types.ts";

/** The key of a row: a value of the key column's type, or null. */
export type KeyFunction = (row: Row, context: RuntimeContext) => unknown;
export type KeyRichFunction = FunctionLife & { key: KeyFunction };

/**
 * Adds a column of keys that a function gives.
 * Input:     any columns, as row views: valid during the call.
 * Output:    the same rows with the key column behind them; row kinds travel with their rows.
 * State:     none.
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class KeyRows implements Operator {
  readonly outputSchema: Schema;
  readonly #user: UserFunction<KeyFunction>;
  readonly #inputSchema: Schema;
  readonly #keyType: DataType;
  #reader!: RowReader;
  #keys: ColumnBuilder | undefined;

  /** @throws {PlanError} COLUMN_DUPLICATE */
  constructor(
    key: KeyFunction | KeyRichFunction,
    inputSchema: Schema,
    column: { name: string; type: DataType },
    site: FunctionSite,
  ) {
    this.#user = new UserFunction<KeyFunction>(key, "key", site);
    this.#inputSchema = inputSchema;
    this.#keyType = column.type;
    this.outputSchema = new Schema([...inputSchema.fields, column]);
  }

  open(context: OperatorContext): void {
    this.#reader = createRowReader(context.workspace, this.#inputSchema);
    this.#keys = columnBuilder(context.workspace, this.#keyType, context.batchRows);
    this.#user.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    const keys = this.#keys;
    if (keys === undefined) return "done";
    this.#reader.bind(batch);
    try {
      this.#user.guard(() =>
        this.#reader.each(this.#user.call, this.#user.context, 0, batch.rowCount, (key) => keys.append(key)),
      );
    } finally {
      this.#reader.unbind();
    }
    const columns = [...batch.columns.map((column) => column.retain()), keys.finish()];
    output.emit(batch.withColumns(this.outputSchema, columns));
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#keys?.close();
    this.#keys = undefined;
    this.#user.close();
  }
}
