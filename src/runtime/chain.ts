import type { Batch } from "../core/batch.ts";
import { asEngineError, assert, type EngineError } from "../core/errors.ts";
import type { Operator, OperatorContext, Output, Progress, Watermark } from "../core/operator.ts";

/** An operator with the name that errors and metrics show. */
export interface NamedOperator {
  readonly name: string;
  readonly operator: Operator;
}

/**
 * Operators that pass batches to each other by direct calls, the last one to `tail`.
 * Only the first may answer "more" to a batch and be resumed when there is room; one further down is resumed at once.
 * At the end of input each operator ends in turn, pausing wherever it answers "more".
 */
export class OperatorChain {
  readonly #links: Link[] = [];
  readonly #tail: Output;
  /** The operator that is ending, while input has ended; its index in the chain. */
  #endingAt = 0;
  #resume: number | undefined;
  #openedCount = 0;

  constructor(operators: readonly NamedOperator[], tail: Output) {
    this.#tail = tail;
    let next = tail;
    for (const named of [...operators].reverse()) {
      const link = new Link(named, next);
      this.#links.unshift(link);
      next = link;
    }
  }

  /** `contextOf` gets an operator's position too: two of one chain may have one name. */
  open(contextOf: (operatorName: string, position: number) => OperatorContext): void {
    for (const [position, link] of this.#links.entries()) {
      this.#openedCount++;
      link.guard(() => link.operator.open(contextOf(link.name, position)));
    }
  }

  get inputCount(): number {
    return this.#links[0]?.operator.inputCount ?? 1;
  }

  wantedInput(): number | "any" {
    return this.#links[0]?.operator.wantedInput?.() ?? "any";
  }

  /** No input is needed any more: an operator has all it wants, or nobody reads the output. */
  get isSatisfied(): boolean {
    return this.#tail.isClosed || this.#links.some((link) => link.operator.isSatisfied === true);
  }

  /** Whether `resume` is due before anything else. */
  get isPending(): boolean {
    return this.#resume !== undefined;
  }

  /** Borrows the batch. */
  processBatch(batch: Batch, input: number): void {
    const head = this.#links[0];
    if (head === undefined) {
      this.#tail.emit(batch.retain());
      return;
    }
    if (head.guard(() => head.operator.processBatch(batch, head.next, input)) === "more") this.#resume = 0;
  }

  /** Continues what answered "more". */
  resume(): void {
    assert(this.#resume !== undefined, "something to resume");
    const link = this.#links[this.#resume];
    if (link.resume() === "done") this.#resume = undefined;
  }

  /** One input of the first operator has ended. */
  endInput(input: number): void {
    const head = this.#links[0];
    if (head === undefined) return;
    if (head.guard(() => head.operator.endInput(head.next, input)) === "more") this.#resume = 0;
  }

  /** After all inputs of the first operator ended: ends the others in turn. True once the last has ended. */
  advanceEnd(): boolean {
    if (this.#resume !== undefined) return false;
    this.#endingAt++;
    if (this.#endingAt >= this.#links.length) return true;
    const link = this.#links[this.#endingAt];
    if (link.guard(() => link.operator.endInput(link.next, 0)) === "more") this.#resume = this.#endingAt;
    return false;
  }

  /** Closes every operator that was opened, also after a failure; the first failure to close is thrown at the end. */
  close(): void {
    let failure: EngineError | undefined;
    for (const link of this.#links.slice(0, this.#openedCount)) {
      try {
        link.guard(() => link.operator.close());
      } catch (thrown) {
        failure ??= asEngineError(thrown);
      }
    }
    this.#openedCount = 0;
    if (failure !== undefined) throw failure;
  }
}

/** One operator; as an Output it is where the operator before it emits. */
class Link implements Output {
  readonly name: string;
  readonly operator: Operator;
  readonly next: Output;

  constructor({ name, operator }: NamedOperator, next: Output) {
    this.name = name;
    this.operator = operator;
    this.next = next;
  }

  get isClosed(): boolean {
    return this.operator.isSatisfied === true || this.next.isClosed;
  }

  emit(batch: Batch): void {
    try {
      if (batch.rowCount === 0) return;
      let progress = this.guard(() => this.operator.processBatch(batch, this.next, 0));
      while (progress === "more") progress = this.resume();
    } finally {
      batch.release();
    }
  }

  emitWatermark(watermark: Watermark): void {
    if (this.operator.processWatermark === undefined) this.next.emitWatermark(watermark);
    else this.operator.processWatermark(watermark, this.next, 0);
  }

  emitSide(tag: string, batch: Batch): void {
    this.next.emitSide(tag, batch);
  }

  resume(): Progress {
    assert(this.operator.resume !== undefined, `operator "${this.name}" has a resume to its "more"`);
    return this.guard(() => this.operator.resume?.(this.next) ?? "done");
  }

  /** Names the innermost operator that failed. */
  guard<T>(call: () => T): T {
    try {
      return call();
    } catch (thrown) {
      const error = asEngineError(thrown);
      error.operator ??= this.name;
      throw error;
    }
  }
}
