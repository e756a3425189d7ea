import type { Batch } from "../core/batch.ts";
import { asEngineError, assert, type EngineError } from "../core/errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../core/operator.ts";
import type { SnapshotReader, SnapshotWriter } from "../core/state-snapshot.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS, type Watermark } from "../core/time/time.ts";
import { readWatermark, writeWatermark } from "./chain-watermarks.ts";

/** An operator with the name that errors and metrics show. */
export interface NamedOperator {
  readonly name: string;
  readonly operator: Operator;
  /** Under which a stream keeps its state. */
  readonly uid?: string;
}

/**
 * Operators that pass batches and watermarks to each other by direct calls, the last one to `tail`.
 * Only the first may answer "more" to a batch and be resumed when there is room; one further down is resumed at once.
 * While one of them answers "waiting", the chain wants no batches.
 * At the end of input each operator ends in turn, pausing wherever it answers "more"; in a stream each gets the end of
 * time first, from the chain: it does not travel, since what an operator gives at its end must not come too late.
 */
export class OperatorChain {
  readonly #links: Link[] = [];
  readonly #tail: Output;
  readonly #isStream: boolean;
  #ending: Generator<void, void> | undefined;
  #resume: number | undefined;
  /** Positions of the operators that wait for something outside. */
  readonly #waiting = new Set<number>();
  #openedCount = 0;

  constructor(operators: readonly NamedOperator[], tail: Output, options: { readonly isStream?: boolean } = {}) {
    this.#tail = tail;
    this.#isStream = options.isStream ?? false;
    let next = tail;
    for (let position = operators.length - 1; position >= 0; position--) {
      const link = new Link(operators[position], next, (progress) => this.#note(position, progress));
      this.#links.unshift(link);
      next = link;
    }
  }

  /** `contextOf` gets an operator's position too: two of one chain may have one name. */
  open(contextOf: (operatorName: string, position: number) => OperatorContext): void {
    for (const [position, link] of this.#links.entries()) {
      this.#openedCount++;
      link.guard(() => link.open(contextOf(link.name, position)));
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

  /** An operator waits for something outside: no batch is wanted before it was resumed. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Borrows the batch. */
  processBatch(batch: Batch, input: number): void {
    const head = this.#links[0];
    if (head === undefined) {
      this.#tail.emit(batch.retain());
      return;
    }
    this.#note(
      0,
      head.guard(() => head.operator.processBatch(batch, head.next, input)),
    );
  }

  /** The least event time of all inputs has advanced. */
  processWatermark(watermark: Watermark): void {
    const head = this.#links[0];
    if (head === undefined) this.#tail.emitWatermark(watermark);
    else this.#note(0, head.takeWatermark(watermark));
  }

  /** The clock has reached a time that the operator at `position` asked for. */
  processTime(position: number, nowMs: number): void {
    const link = this.#links[position];
    this.#note(
      position,
      link.guard(() => link.operator.processTime?.(nowMs, link.next) ?? "done"),
    );
  }

  /** Continues what answered "more". */
  resume(): void {
    assert(this.#resume !== undefined, "something to resume");
    const position = this.#resume;
    this.#resume = undefined;
    this.#note(position, this.#links[position].resume());
  }

  /** Results that were waiting for something outside can go on: `position` asked for it with `wake`. */
  resumeAt(position: number): void {
    this.#note(position, this.#links[position].resume());
  }

  /** One of several inputs of the first operator has ended, and others have not. */
  endInput(input: number): void {
    const head = this.#links[0];
    if (head === undefined) return;
    this.#note(
      0,
      head.guard(() => head.operator.endInput(head.next, input)),
    );
  }

  /** The last inputs of the first operator have ended: from now on `advanceEnd` ends the operators. */
  startEnd(lastInputs: readonly number[]): void {
    this.#ending ??= this.#end(lastInputs);
  }

  /** One step towards the end, when nothing is pending or waiting; true once the last operator has ended. */
  advanceEnd(): boolean {
    assert(this.#ending !== undefined && this.#resume === undefined, "the end of the chain was started");
    return this.#ending.next().done === true;
  }

  /** Sends on what operators hold back without its being state. */
  flush(): void {
    for (const link of this.#links) link.guard(() => link.operator.flush?.(link.next));
  }

  /** Writes the state of every operator that has some, and the watermark of each. */
  snapshot(writerOf: (uid: string) => SnapshotWriter): void {
    for (const link of this.#links) {
      const { keptUid } = link;
      if (keptUid !== undefined) link.guard(() => link.snapshot(writerOf(keptUid)));
    }
  }

  restore(readerOf: (uid: string) => SnapshotReader | undefined): void {
    for (const link of this.#links) {
      const { keptUid } = link;
      const reader = keptUid === undefined ? undefined : readerOf(keptUid);
      if (reader !== undefined) link.guard(() => link.restore(reader));
    }
  }

  notifyCheckpointComplete(checkpointId: number): void {
    for (const link of this.#links) link.guard(() => link.operator.notifyCheckpointComplete?.(checkpointId));
  }

  /** Per operator the newest watermark that it got; START_OF_TIME_MS before the first. */
  get watermarks(): readonly number[] {
    return this.#links.map(({ watermarkMs }) => watermarkMs);
  }

  get operators(): readonly NamedOperator[] {
    return this.#links.map(({ name, operator, uid }) => ({ name, operator, ...(uid === undefined ? {} : { uid }) }));
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

  #note(position: number, progress: Progress): void {
    if (progress === "waiting") this.#waiting.add(position);
    else this.#waiting.delete(position);
    if (progress === "more") this.#resume = position;
  }

  *#end(lastInputs: readonly number[]): Generator<void, void> {
    for (const [position, link] of this.#links.entries()) {
      const { operator, next } = link;
      const steps: (() => Progress)[] = [];
      if (this.#isStream) {
        steps.push(() => operator.processTime?.(END_OF_TIME_MS, next) ?? "done");
        steps.push(() => link.takeWatermark({ timeMs: END_OF_TIME_MS }));
      }
      for (const input of position === 0 ? lastInputs : [0]) steps.push(() => operator.endInput(next, input));
      for (const step of steps) {
        this.#note(position, link.guard(step));
        while (this.#resume !== undefined || this.#waiting.has(position)) yield; // the subtask resumes it
      }
      yield;
    }
  }
}

/** One operator; as an Output it is where the operator before it emits. */
class Link implements Output {
  readonly name: string;
  readonly operator: Operator;
  readonly next: Output;
  readonly uid: string | undefined;
  readonly #onProgress: (progress: Progress) => void;
  watermarkMs = START_OF_TIME_MS;
  #context: OperatorContext | undefined;
  /** Of the snapshot that it was restored from: what had been idle then may lie behind it now. */
  #leastWatermarkMs = START_OF_TIME_MS;

  /** `onProgress` hears what the operator answers to what the one before it emits: never "more". */
  constructor({ name, operator, uid }: NamedOperator, next: Output, onProgress: (progress: Progress) => void) {
    this.#onProgress = onProgress;
    this.name = name;
    this.uid = uid;
    this.operator = operator;
    this.next = next;
  }

  get isClosed(): boolean {
    return this.operator.isSatisfied === true || this.next.isClosed;
  }

  emit(batch: Batch): void {
    try {
      if (batch.rowCount === 0) return;
      this.#finish(this.guard(() => this.operator.processBatch(batch, this.next, 0)));
    } finally {
      batch.release();
    }
  }

  emitWatermark(watermark: Watermark): void {
    if (watermark.timeMs >= END_OF_TIME_MS) return; // the chain gives it when this operator's turn to end has come
    this.#finish(this.takeWatermark(watermark));
  }

  emitSide(tag: string, batch: Batch): void {
    this.next.emitSide(tag, batch);
  }

  /** Under which it is found again. Only what is made of two steps without state may have none. */
  get keptUid(): string | undefined {
    const { snapshotState, restoreState } = this.operator;
    const isStateless = snapshotState === undefined && restoreState === undefined;
    assert(isStateless || this.uid !== undefined, `operator "${this.name}" with state has a uid`);
    return this.uid;
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.operator.open(context);
  }

  snapshot(writer: SnapshotWriter): void {
    this.operator.snapshotState?.(writer);
    if (this.#context === undefined) return;
    writeWatermark(this.#context, writer, Math.max(this.watermarkMs, this.#leastWatermarkMs));
  }

  restore(reader: SnapshotReader): void {
    this.operator.restoreState?.(reader);
    if (this.#context !== undefined) this.#leastWatermarkMs = readWatermark(this.#context, reader);
  }

  /**
   * Event time does not go back, also where a job is restored: windows that have closed stay closed, and steps without
   * state see no older watermark than before, though a split that is new begins behind it.
   */
  takeWatermark(given: Watermark): Progress {
    const timeMs = Math.max(given.timeMs, this.#leastWatermarkMs);
    if (timeMs <= this.watermarkMs) return "done";
    const watermark = timeMs === given.timeMs ? given : { timeMs };
    this.watermarkMs = timeMs;
    if (this.operator.processWatermark !== undefined) {
      return this.guard(() => this.operator.processWatermark?.(watermark, this.next) ?? "done");
    }
    this.next.emitWatermark(watermark);
    return "done";
  }

  resume(): Progress {
    assert(this.operator.resume !== undefined, `operator "${this.name}" has a resume to its "more"`);
    return this.guard(() => this.operator.resume?.(this.next) ?? "done");
  }

  #finish(first: Progress): void {
    let progress = first;
    while (progress === "more") progress = this.resume();
    this.#onProgress(progress);
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
