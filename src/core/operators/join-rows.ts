import type { Batch } from "../batch.ts";
import { assert } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import { createRowWriter, type RowWriter } from "../rows/row-writer.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";
import { type ResultShape, withMarks } from "./map-rows.ts";

/** A side that an outer join did not find is null (the type of the API says where that can be). */
export type JoinFunction = (left: Row, right: Row, context: RuntimeContext) => object;
export type JoinRichFunction = FunctionLife & { join: JoinFunction };

/** Which columns of a joined batch make up one side's row, and under which names the function sees them. */
export interface JoinSide {
  readonly columns: readonly { readonly name: string; readonly column: number }[];
  /** Position of a bool column that is true where an outer join found this side; absent: always found. */
  readonly found?: number;
}

/**
 * Makes one row of each pair of rows that a join put side by side, by a function of both.
 * Input:     the columns of both sides, inserts only, as views: valid during the call. A side not found is null.
 * Output:    the columns of the result shape, one row per row, with its event time.
 * State:     none beyond what the function keeps.
 * Watermark: travels on.
 * Late rows: like any other row.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it returns.
 */
export class JoinRows implements Operator {
  readonly outputSchema: Schema;
  readonly #user: UserFunction<(left: Row | null, right: Row | null, context: RuntimeContext) => object>;
  readonly #inputSchema: Schema;
  readonly #sides: readonly [JoinSide, JoinSide];
  readonly #shape: ResultShape;
  #workspace!: Workspace;
  #left!: RowReader;
  #right!: RowReader;
  #writer: RowWriter | undefined;

  constructor(
    join: JoinFunction | JoinRichFunction,
    inputSchema: Schema,
    left: JoinSide,
    right: JoinSide,
    shape: ResultShape,
    site: FunctionSite,
  ) {
    this.#user = new UserFunction(join as never, "join", site);
    this.#inputSchema = inputSchema;
    this.#sides = [left, right];
    this.#shape = shape;
    this.outputSchema = shape.schema;
  }

  open(context: OperatorContext): void {
    const { workspace } = context;
    const [left, right] = this.#sides;
    this.#workspace = workspace;
    this.#left = createRowReader(workspace, this.#inputSchema, { columns: left.columns });
    this.#right = createRowReader(workspace, this.#inputSchema, { columns: right.columns });
    this.#writer = createRowWriter(workspace, this.outputSchema, { ...this.#shape, where: this.#user.where });
    this.#user.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    assert(batch.rowKinds === undefined, "a join function takes inserts only");
    const writer = this.#writer;
    if (writer === undefined || batch.rowCount === 0) return "done";
    const left = this.#left;
    const right = this.#right;
    const { call, context } = this.#user;
    const isLeftFound = foundTest(this.#workspace, batch, this.#sides[0].found);
    const isRightFound = foundTest(this.#workspace, batch, this.#sides[1].found);
    const write = writer.wantsCheck ? writer.writeChecked : writer.write;
    writer.reserve(batch.rowCount);
    left.bind(batch);
    right.bind(batch);
    let row = 0;
    try {
      for (; row < batch.rowCount; row++) {
        const leftRow = isLeftFound(row) ? left.viewAt(row) : null;
        const rightRow = isRightFound(row) ? right.viewAt(row) : null;
        write(call(leftRow, rightRow, context));
        if (leftRow !== null) left.retire(leftRow);
        if (rightRow !== null) right.retire(rightRow);
      }
    } catch (thrown) {
      throw this.#user.wrap(thrown, row);
    } finally {
      left.unbind();
      right.unbind();
    }
    output.emit(withMarks(writer.take(), batch));
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#writer?.close();
    this.#writer = undefined;
    this.#user.close();
  }
}

function foundTest(workspace: Workspace, batch: Batch, found: number | undefined): (row: number) => boolean {
  if (found === undefined) return () => true;
  const { data, validity, type } = batch.columns[found];
  assert(type.kind === "bool", "a column that tells whether a side was found is bool");
  const { u8 } = workspace;
  const bit = (bits: number, row: number) => ((u8[bits + (row >>> 3)] >>> (row & 7)) & 1) === 1;
  return (row) => bit(data, row) && (validity === 0 || bit(validity, row));
}
