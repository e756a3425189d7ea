import type { Batch } from "../batch.ts";
import { RowLimit } from "../columns/row-limit.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import type { Schema } from "../schema.ts";

export interface LimitSpec {
  readonly kind: "limit";
  /** Rows that pass, and rows before them that do not. */
  readonly count: number;
  readonly offset: number;
}

/**
 * Lets the first rows pass that arrive, after an offset.
 * Input:     any schema.
 * Output:    the same schema; at most `count` rows, in order of arrival.
 * State:     two counters. Satisfied once the rows have passed, so that sources stop.
 * Watermark: travels on.
 * Late rows: like any other row.
 */
export class LimitOperator implements Operator {
  readonly outputSchema: Schema;
  readonly #limit: RowLimit;
  #context!: OperatorContext;

  constructor(spec: LimitSpec, inputSchema: Schema) {
    this.outputSchema = inputSchema;
    this.#limit = new RowLimit(spec.count, spec.offset);
  }

  get isSatisfied(): boolean {
    return this.#limit.isReached;
  }

  open(context: OperatorContext): void {
    this.#context = context;
  }

  processBatch(batch: Batch, output: Output): Progress {
    const passing = this.#limit.take(this.#context.workspace, batch);
    if (passing !== undefined) output.emit(passing);
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {}
}
