import { asEngineError, type EngineError } from "../core/errors.ts";
import type { OperatorContext } from "../core/operator.ts";
import type { Committable } from "../core/sink.ts";
import type { SnapshotReader, SnapshotWriter } from "../core/state-snapshot.ts";
import type { Barrier } from "../core/stream-element.ts";
import type { OperatorChain } from "./chain.ts";
import type { ExchangeOutput } from "./exchange-output.ts";
import type { InputEvent, InputReport, SubtaskInput } from "./subtask-input.ts";
import type { SubtaskSink } from "./subtask-sink.ts";
import type { TimeRequests } from "./time-requests.ts";

/** "starved" waits for input or something outside, "backpressured" for room in an output or a sink. */
export type StepResult = "progress" | "starved" | "backpressured" | "finished";

/** What a subtask of a stream has beside one of a batch job. */
export interface StreamTask {
  readonly requests: TimeRequests;
  nowMs(): number;
  /** All state up to the barrier, which is then sent on. */
  onBarrier(barrier: Barrier, snapshot: (writerOf: (part: SnapshotPart) => SnapshotWriter) => void): void;
}

/** The source's splits, or the uid of an operator. */
export type SnapshotPart = "source" | (string & {});

/**
 * One parallel instance of a vertex, driven in small steps by its thread: each step takes at most one event of its
 * input through the chain. It waits while inputs are empty, outputs are full, or a read or write is under way.
 */
export class Subtask {
  readonly name: string;
  readonly vertex: number;
  readonly index: number;
  readonly #input: SubtaskInput & {
    snapshot?(writer: SnapshotWriter): void;
    restore?(reader: SnapshotReader): void;
  };
  readonly #inputCount: number;
  readonly #chain: OperatorChain;
  readonly #output: ExchangeOutput;
  readonly #sink: SubtaskSink | undefined;
  readonly #stream: StreamTask | undefined;
  #phase: "running" | "ending" | "committing" | "finished" = "running";
  /** Inputs whose end the chain was told. */
  readonly #endedInputs = new Set<number>();
  /** A checkpoint that starts here, since this is a source. */
  #barrier: Barrier | undefined;
  rowsIn = 0;
  /** Wall clock spent without work to do, and with work but nowhere to put its results. */
  idleMs = 0;
  backpressuredMs = 0;

  constructor(options: {
    name: string;
    vertex: number;
    index: number;
    input: SubtaskInput;
    inputCount: number;
    chain: OperatorChain;
    output: ExchangeOutput;
    sink?: SubtaskSink;
    stream?: StreamTask;
  }) {
    this.name = options.name;
    this.vertex = options.vertex;
    this.index = options.index;
    this.#input = options.input;
    this.#inputCount = options.inputCount;
    this.#chain = options.chain;
    this.#output = options.output;
    this.#sink = options.sink;
    this.#stream = options.stream;
  }

  get rowsOut(): number {
    return this.#output.rowsOut;
  }

  get batchesOut(): number {
    return this.#output.batchesOut;
  }

  get bytesRead(): number {
    return this.#input.bytesRead;
  }

  get splitsDone(): number {
    return this.#input.splitsDone;
  }

  get committable(): Committable | undefined {
    return this.#sink?.committable;
  }

  get isFinished(): boolean {
    return this.#phase === "finished";
  }

  /** Event time per channel or split, and per operator of the chain. */
  get watermarks(): { readonly inputs: readonly InputReport[]; readonly operators: readonly number[] } {
    return { inputs: this.#input.watermarks, operators: this.#chain.watermarks };
  }

  get chain(): OperatorChain {
    return this.#chain;
  }

  open(contextOf: (operatorName: string, position: number) => OperatorContext): void {
    this.#chain.open(contextOf);
  }

  restore(readerOf: (part: SnapshotPart) => SnapshotReader | undefined): void {
    const reader = readerOf("source");
    if (reader !== undefined) this.#input.restore?.(reader);
    this.#chain.restore(readerOf);
  }

  /** Positions of its splits, where it is a source. */
  snapshotSource(writerOf: () => SnapshotWriter): void {
    this.#input.snapshot?.(writerOf());
  }

  /** A checkpoint begins at this source: its barrier follows what was read so far. */
  triggerBarrier(barrier: Barrier): void {
    this.#barrier = barrier;
  }

  /** Wall clock at which `step` has something to do though nothing arrives; infinity where never. */
  get deadlineMs(): number {
    if (this.#stream === undefined || this.#phase !== "running") return this.#output.flushAtMs;
    return Math.min(this.#input.deadlineMs, this.#stream.requests.earliestMs, this.#output.flushAtMs);
  }

  /** `wake` is called when something that this subtask waited for has arrived. */
  step(wake: () => void): StepResult {
    if (this.#phase === "finished") return "finished";
    if (this.#stream !== undefined) this.#output.flushDue(this.#stream.nowMs());
    if (this.#sink?.isBusy === true || !this.#output.hasRoom()) return "backpressured";
    if (this.#phase === "committing") return this.#finish();
    if (this.#chain.isPending) this.#chain.resume();
    else if (this.#phase === "ending") {
      if (this.#chain.advanceEnd()) {
        this.#startCommit(wake);
        return "progress";
      }
    } else if (this.#chain.isSatisfied) this.#endEarly();
    else if (this.#barrier !== undefined) this.#passBarrier(this.#barrier);
    else if (!this.#answerRequest()) {
      const event = this.#named(() => this.#input.next(this.#chain.wantedInput(), wake));
      if (event === undefined) return "starved";
      this.#take(event);
    }
    this.#sink?.flush(wake);
    return "progress";
  }

  /** Stops for good: what a read still brings is dropped. Resolves when no read or write is under way. */
  async stop(): Promise<void> {
    await this.#input.stop();
    await this.#sink?.settled();
  }

  /** Frees everything; called once, after the end or after `stop`. */
  close(): void {
    this.#input.close();
    try {
      this.#chain.close();
    } finally {
      this.#output.close();
      this.#sink?.close();
    }
  }

  #take(event: InputEvent): void {
    switch (event.kind) {
      case "batch":
        this.rowsIn += event.batch.rowCount;
        try {
          this.#chain.processBatch(event.batch, event.input);
        } finally {
          event.batch.release();
        }
        return;
      case "watermark":
        this.#chain.processWatermark({ timeMs: event.timeMs });
        return;
      case "idle":
      case "active":
        this.#output.control({ kind: event.kind });
        return;
      case "barrier":
        this.#passBarrier(event.barrier);
        return;
      case "ended":
        this.#endInput(event.input);
        return;
    }
  }

  /** Takes the state as it is behind everything that came before the barrier, and sends the barrier on. */
  #passBarrier(barrier: Barrier): void {
    this.#barrier = undefined;
    this.#stream?.onBarrier(barrier, (writerOf) => {
      this.#input.snapshot?.(writerOf("source"));
      this.#chain.snapshot(writerOf);
    });
    this.#output.control({ kind: "barrier", barrier });
  }

  /** Gives an operator the time or the turn that it asked for. */
  #answerRequest(): boolean {
    const requests = this.#stream?.requests;
    if (requests === undefined) return false;
    const resumed = requests.takeWoken();
    if (resumed !== undefined) {
      this.#chain.resumeAt(resumed);
      return true;
    }
    const nowMs = this.#stream?.nowMs() ?? 0;
    const due = requests.takeDue(nowMs);
    if (due === undefined) return false;
    this.#chain.processTime(due, nowMs);
    return true;
  }

  #endInput(input: number): void {
    this.#endedInputs.add(input);
    if (this.#endedInputs.size < this.#inputCount) this.#chain.endInput(input);
    else {
      this.#phase = "ending";
      this.#chain.startEnd([input]);
    }
  }

  /** Nobody needs more input: drops the rest of it and ends the operators. */
  #endEarly(): void {
    this.#input.close();
    const left = Array.from({ length: this.#inputCount }, (_, i) => i).filter((i) => !this.#endedInputs.has(i));
    this.#phase = "ending";
    this.#chain.startEnd(left);
  }

  #startCommit(wake: () => void): void {
    this.#phase = "committing";
    this.#output.flush();
    if (this.#sink !== undefined) this.#sink.prepareCommit(wake);
  }

  #finish(): StepResult {
    this.#sink?.throwFailure();
    this.#phase = "finished";
    this.#output.end();
    return "finished";
  }

  #named<T>(call: () => T): T {
    try {
      return call();
    } catch (thrown) {
      throw this.#withName(thrown);
    }
  }

  /** Operators name themselves: what has no name yet comes from the source. */
  #withName(thrown: unknown): EngineError {
    const error = asEngineError(thrown);
    const { reads } = this.#input;
    if (reads !== undefined) error.operator ??= `read ${reads}`;
    return error;
  }
}
