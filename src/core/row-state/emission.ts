import type { Batch } from "../batch.ts";
import { concatBatches, haveSameMarks } from "../columns/concat.ts";
import type { Output, Progress } from "../operator.ts";
import type { Workspace } from "../workspace.ts";

/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;

/** Results that leave a few batches per call: what `processBatch` and `processWatermark` of an operator started. */
export class Emission {
  #rows: Generator<Batch, void, void> | undefined;
  #then: ((output: Output) => void) | undefined;
  #isStarted = false;

  /** Emits what the generator gives, which owns all that it needs, and then calls `then`, also where nobody wants more. */
  start(rows: Generator<Batch, void, void>, output: Output, then?: (output: Output) => void): Progress {
    this.#rows = rows;
    this.#then = then;
    this.#isStarted = false;
    return this.resume(output);
  }

  resume(output: Output): Progress {
    for (let emitted = 0; emitted < BATCHES_PER_CALL; emitted++) {
      const next = output.isClosed ? undefined : this.#rows?.next();
      this.#isStarted ||= next !== undefined;
      if (next === undefined || next.done) {
        const then = this.#then;
        this.close();
        then?.(output);
        return "done";
      }
      output.emit(next.value);
    }
    return "more";
  }

  close(): void {
    // A generator that has not begun would let go of nothing.
    if (!this.#isStarted) this.#rows?.next().value?.release();
    this.#rows?.return();
    this.#rows = undefined;
    this.#then = undefined;
  }
}

/** The same rows in batches of about `batchRows`: small ones are put together, and empty ones dropped. */
export function* packBatches(
  workspace: Workspace,
  batches: Generator<Batch, void, void>,
  batchRows: number,
): Generator<Batch, void, void> {
  let held: Batch[] = [];
  let count = 0;
  const flush = (): Batch => {
    const whole = concatBatches(workspace, held);
    for (const batch of held) batch.release();
    held = [];
    count = 0;
    return whole;
  };
  try {
    for (const batch of batches) {
      if (batch.rowCount === 0) {
        batch.release();
        continue;
      }
      if (count > 0 && (count + batch.rowCount > batchRows || !haveSameMarks(held[0], batch))) yield flush();
      held.push(batch);
      count += batch.rowCount;
      if (count >= batchRows) yield flush();
    }
    if (count > 0) yield flush();
  } finally {
    for (const batch of held) batch.release();
  }
}
