import type { Batch } from "../batch.ts";
import { gatherBatch } from "../columns/gather.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";

export type FilterFunction = (row: Row, context: RuntimeContext) => boolean;
export type FilterRichFunction = FunctionLife & { filter: FilterFunction };

/**
 * Keeps the rows for which a function returns true (or anything truthy).
 * Input:     any columns, as row views: valid during the call.
 * Output:    the same columns; row kinds travel with their rows. A batch that is kept whole passes uncopied.
 * State:     none beyond what the function keeps.
 * Watermark: travels on.
 * Late rows: like any other row.
 * Errors:    UserFunctionError for what the function throws.
 */
export class FilterRows implements Operator {
  readonly outputSchema: Schema;
  readonly user: UserFunction<FilterFunction>;
  #workspace!: Workspace;
  #reader: RowReader | undefined;

  constructor(filter: FilterFunction | FilterRichFunction, inputSchema: Schema, site: FunctionSite) {
    this.user = new UserFunction<FilterFunction>(filter, "filter", site);
    this.outputSchema = inputSchema;
  }

  open(context: OperatorContext): void {
    this.#workspace = context.workspace;
    this.user.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    const workspace = this.#workspace;
    const { rowCount } = batch;
    if (rowCount === 0) return "done";
    this.#reader ??= createRowReader(workspace, this.outputSchema, { functionText: this.user.text, sample: batch });
    const reader = this.#reader;
    const indices = workspace.allocate(rowCount * 4);
    try {
      reader.bind(batch);
      const out = new Uint32Array(workspace.memory.buffer, indices.address, rowCount);
      const count = reader.select(this.user.call, this.user.context, rowCount, out);
      if (count === rowCount) output.emit(batch.retain());
      else if (count > 0) output.emit(gatherBatch(workspace, batch, indices.address, count));
    } catch (thrown) {
      throw this.user.wrap(thrown, reader.row);
    } finally {
      reader.unbind();
      indices.release();
    }
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
    this.user.close();
  }
}
