import type { Batch } from "../batch.ts";
import type { Operator, Output, Progress } from "../operator.ts";
import type { Schema } from "../schema.ts";

/**
 * Passes rows as they are: the head of a stream that begins at a side output.
 * Input, output: any columns. State: none. Watermark: travels on. Late rows: like any other row.
 */
export class PassOperator implements Operator {
  readonly outputSchema: Schema;

  constructor(inputSchema: Schema) {
    this.outputSchema = inputSchema;
  }

  open(): void {}

  processBatch(batch: Batch, output: Output): Progress {
    output.emit(batch.retain());
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {}
}
