import type { Batch } from "../batch.ts";
import { Column } from "../column.ts";
import { columnReader } from "../columns/read.ts";
import { describeValue } from "../describe-value.ts";
import { EvaluationError } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { type FunctionSite, UserFunction } from "../rows/user-function.ts";
import { Schema } from "../schema.ts";
import { int32 } from "../types.ts";

/** The partition, 0..partitionCount-1, of the rows with a key. */
export type PartitionFunction = (key: unknown, partitionCount: number) => number;

/**
 * Adds the partition number that a function gives for the value of one column.
 * Input:     any columns, among them the key.
 * Output:    the same rows, with an int32 column of partition numbers.
 * State:     none.
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class NumberRows implements Operator {
  readonly outputSchema: Schema;
  readonly #user: UserFunction<PartitionFunction>;
  readonly #key: number;
  readonly #partitionCount: number;
  #context!: OperatorContext;

  constructor(
    partition: PartitionFunction,
    inputSchema: Schema,
    options: { key: string; column: string; partitionCount: number },
    site: FunctionSite,
  ) {
    this.#user = new UserFunction<PartitionFunction>(partition, "partition", site);
    this.#key = inputSchema.indexOf(options.key);
    this.#partitionCount = options.partitionCount;
    this.outputSchema = new Schema([...inputSchema.fields, { name: options.column, type: int32 }]);
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#user.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    const { workspace } = this.#context;
    const read = columnReader(workspace, batch.columns[this.#key]);
    const numbers: number[] = [];
    for (let row = 0; row < batch.rowCount; row++) numbers.push(this.#numberOf(read(row)));
    const block = workspace.allocate(batch.rowCount * 4);
    workspace.i32.set(numbers, block.address >>> 2);
    const column = new Column(int32, batch.rowCount, { data: block.address }, [block]);
    const columns = [...batch.columns.map((each) => each.retain()), column];
    output.emit(batch.withColumns(this.outputSchema, columns));
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#user.close();
  }

  #numberOf(key: unknown): number {
    const number = this.#user.guard(() => this.#user.call(key, this.#partitionCount));
    if (Number.isInteger(number) && number >= 0 && number < this.#partitionCount) return number;
    throw new EvaluationError(
      "PARTITION_INVALID",
      `${this.#user.where} gave ${describeValue(number)} for the key ${describeValue(key)}, where there are ${this.#partitionCount} partitions.`,
      `Return a whole number from 0 to ${this.#partitionCount - 1}.`,
    );
  }
}
