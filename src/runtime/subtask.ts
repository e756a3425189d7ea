import { asEngineError, assert, type EngineError } from "../core/errors.ts";
import type { OperatorContext } from "../core/operator.ts";
import type { Committable } from "../core/sink.ts";
import type { SnapshotReader, SnapshotWriter } from "../core/state-snapshot.ts";
import type { Barrier } from "../core/stream-element.ts";
import { START_OF_TIME_MS } from "../core/time/time.ts";
import type { Backlog } from "./backlog.ts";
import type { OperatorChain } from "./chain.ts";
import type { ExchangeOutput } from "./exchange-output.ts";
import type { SnapshotPart, StepResult, StreamTask } from "./stream-task.ts";
import type { InputEvent, InputReport, SubtaskInput } from "./subtask-input.ts";
import type { SubtaskSink } from "./subtask-sink.ts";

/**
 * One parallel instance of a vertex, driven in small steps by its thread: each step takes at most one event of its
 * input through the chain. It waits while inputs are empty, outputs are full, or a read or write is under way.
 */
export class Subtask {
  readonly name: string;
  readonly vertex: number;
  readonly index: number;
  readonly #input: SubtaskInput;
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
  /** A barrier that waits for the sink to prepare what came before it. */
  #preparing: Barrier | undefined;
  /** The job may stop at the barrier that has passed: nothing is done behind it. */
  #isHeld = false;
  /** Holding barriers up to this one hold no longer. */
  #released = 0;
  /** The source is to end as if its input had ended. */
  #drains = false;
  rowsIn = 0;
  /** Event time of all inputs together; it stays behind the end of the input. */
  watermarkMs = START_OF_TIME_MS;
  /** Wall clock spent in steps, without work to do, and with work but nowhere to put its results. */
  busyMs = 0;
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

  get bytesOut(): number {
    return this.#output.bytesOut;
  }

  get bytesRead(): number {
    return this.#input.bytesRead;
  }

  get backlog(): Backlog | undefined {
    return this.#input.backlog;
  }

  /** What the state of its operators takes, about. */
  get stateBytes(): number {
    return this.#chain.operators.reduce((sum, { operator }) => sum + (operator.stateBytes ?? 0), 0);
  }

  get splitsDone(): number {
    return this.#input.splitsDone;
  }

  get committables(): readonly Committable[] {
    return this.#sink?.committables ?? [];
  }

  get isFinished(): boolean {
    return this.#phase === "finished";
  }

  /** Event time per channel or split, and per operator of the chain. */
  get watermarks(): { readonly inputs: readonly InputReport[]; readonly operators: readonly number[] } {
    return { inputs: this.#input.watermarks, operators: this.#chain.watermarks };
  }

  /** What it cannot go on without, for messages; undefined once it has finished. */
  get waitsFor(): string | undefined {
    if (this.#phase === "finished") return undefined;
    if (this.#sink?.isBusy === true) return "its sink";
    if (!this.#output.hasRoom()) return `room in the queue to ${this.#output.fullQueues.join(", ")}`;
    if (this.#chain.isWaiting) return "an answer from outside";
    const open = this.#input.watermarks.filter(({ status }) => status !== "FINISHED");
    return `input from ${open.length === 0 ? "nowhere" : open.map(({ name }) => name).join("; ")}`;
  }

  get chain(): OperatorChain {
    return this.#chain;
  }

  open(contextOf: (operatorName: string, position: number) => OperatorContext): void {
    this.#chain.open(contextOf);
  }

  restore(readerOf: (part: SnapshotPart) => SnapshotReader | undefined): void {
    const reader = readerOf("input");
    if (reader !== undefined) this.#input.restore?.(reader);
    this.#chain.restore(readerOf);
    this.#sink?.restore(readerOf);
  }

  /** Once it has finished: positions of its splits, where it is a source, and what its sink has prepared. */
  snapshotEnd(checkpointId: number, writerOf: (part: SnapshotPart) => SnapshotWriter): void {
    this.#input.snapshot?.(() => writerOf("input"));
    if (this.#stream !== undefined) this.#sink?.snapshot(this.#stream.workspace, checkpointId, writerOf);
  }

  /** Once it has finished since the job is drained: all that it has, to go on from. */
  snapshotDrained(checkpointId: number, writerOf: (part: SnapshotPart) => SnapshotWriter): void {
    this.snapshotEnd(checkpointId, writerOf);
    this.#chain.snapshot(writerOf);
  }

  /** The job goes on though a barrier was to hold it. */
  release(checkpointId: number): void {
    this.#released = checkpointId;
    this.#isHeld = false;
  }

  /** The job stops at the barrier that holds it: ends without the end of its input. */
  suspend(wake: () => void): void {
    if (this.#phase === "finished") return;
    assert(this.#isHeld, "a subtask stops where a barrier holds it");
    this.#isHeld = false;
    this.#phase = "committing";
    // Nothing was written behind the barrier, by those that prepare there: writers are ended all the same.
    this.#sink?.prepareCommit(wake);
  }

  /** Ends the source as if its input had ended here. */
  drain(): void {
    this.#drains = true;
  }

  /** What the sink had prepared for a checkpoint, and for those before, is committed. */
  forgetCommitted(checkpointId: number): void {
    this.#sink?.forgetCommitted(checkpointId);
  }

  /** A checkpoint begins at this source: its barrier follows what was read so far. */
  triggerBarrier(barrier: Barrier): void {
    this.#barrier = barrier;
  }

  /** Wall clock at which `step` has something to do though nothing arrives; infinity where never. */
  get deadlineMs(): number {
    if (this.#isHeld) return Number.POSITIVE_INFINITY;
    const isBusy = this.#sink?.isBusy === true;
    const isBlocked = isBusy || !this.#output.hasRoom();
    const dueMs = Math.min(this.#output.flushAtMs, isBusy ? Number.POSITIVE_INFINITY : this.#overtakesAtMs);
    // What waits for room is woken by whoever makes it: a deadline that has passed would call for turns without end.
    if (this.#stream === undefined || this.#phase !== "running" || isBlocked) return dueMs;
    const sinkMs = this.#sink?.deadlineMs ?? Number.POSITIVE_INFINITY;
    // While no batch is wanted, a source is not asked for one: its deadlines must not call for turns.
    const inputMs = this.#chain.isWaiting ? Number.POSITIVE_INFINITY : this.#input.deadlineMs;
    return Math.min(inputMs, this.#stream.requests.earliestMs, dueMs, sinkMs);
  }

  /** `wake` is called when something that this subtask waited for has arrived. */
  step(wake: () => void): StepResult {
    if (this.#phase === "finished") return "finished";
    if (this.#isHeld) return "starved";
    const nowMs = this.#stream?.nowMs() ?? 0;
    if (this.#stream !== undefined) this.#output.flushDue(nowMs);
    if (this.#sink?.isBusy === true) return "backpressured";
    if (nowMs >= this.#overtakesAtMs) return this.#overtake(wake);
    if (!this.#output.hasRoom()) return "backpressured";
    if (this.#phase === "committing") return this.#finish();
    if (this.#preparing !== undefined) return this.#sendBarrier(this.#preparing);
    if (this.#isSinkDue(wake)) return "progress";
    if (this.#chain.isPending) this.#chain.resume();
    else if (this.#phase === "ending") {
      if (this.#chain.isWaiting) {
        if (!this.#answerWoken()) return "starved";
      } else if (this.#chain.advanceEnd()) {
        this.#startCommit(wake);
        return "progress";
      }
    } else if (this.#chain.isSatisfied) this.#endEarly();
    else if (this.#barrier !== undefined) this.#passBarrier(this.#barrier, wake);
    else if (this.#drains) this.#endInput(0);
    else if (!this.#answerRequest()) {
      const wanted = this.#chain.isWaiting ? "none" : this.#chain.wantedInput();
      const event = this.#named(() => this.#input.next(wanted, wake));
      if (event === undefined) return "starved";
      this.#take(event, wake);
    }
    this.#sink?.flush(wake);
    return "progress";
  }

  /** Sends gathered rows that have waited for long enough. */
  flushDue(nowMs: number): void {
    this.#output.flushDue(nowMs);
  }

  /** Nothing on this thread has anything to do: sends what waits for more. True where there was something. */
  flushIdle(): boolean {
    return this.#output.flushIdle();
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

  #take(event: InputEvent, wake: () => void): void {
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
        this.watermarkMs = event.timeMs;
        this.#chain.processWatermark({ timeMs: event.timeMs });
        return;
      case "idle":
        this.#chain.flush();
        this.#output.control({ kind: "idle" });
        return;
      case "active":
        this.#output.control({ kind: "active" });
        return;
      case "barrier":
        this.#passBarrier(event.barrier, wake);
        return;
      case "ended":
        this.#endInput(event.input);
        return;
    }
  }

  /** Wall clock from which on a barrier waits no longer for the rows before it, nor for room; infinity where none may. */
  get #overtakesAtMs(): number {
    if (this.#stream === undefined || this.#phase !== "running" || this.#chain.isPending)
      return Number.POSITIVE_INFINITY;
    const own = this.#preparing ?? this.#barrier;
    return (own === undefined ? this.#input.overtakesAtMs : own.alignedUntilMs) ?? Number.POSITIVE_INFINITY;
  }

  /** What is half done is done: a barrier passes before what is queued. */
  #overtake(wake: () => void): StepResult {
    if (this.#preparing !== undefined) return this.#sendBarrier(this.#preparing);
    const barrier = this.#barrier ?? this.#input.overtake?.();
    this.#stream?.onOvertaking();
    if (barrier !== undefined) this.#passBarrier(barrier, wake);
    return "progress";
  }

  /** Everything that came before the barrier is behind the chain, and in the sink, or counts as in flight. */
  #passBarrier(barrier: Barrier, wake: () => void): void {
    this.#barrier = undefined;
    this.#chain.flush();
    this.#sink?.prepareCheckpoint(barrier.checkpointId, wake);
    if (this.#sink?.isBusy === true) this.#preparing = barrier;
    else this.#sendBarrier(barrier);
  }

  /** Takes the state as it is at the barrier, and sends the barrier on. */
  #sendBarrier(barrier: Barrier): StepResult {
    this.#sink?.throwFailure();
    this.#preparing = undefined;
    const { workspace } = this.#stream ?? {};
    this.#stream?.onBarrier(barrier, (writerOf) => {
      this.#input.snapshot?.(() => writerOf("input"), barrier);
      this.#chain.snapshot(writerOf);
      if (workspace !== undefined) this.#sink?.snapshot(workspace, barrier.checkpointId, writerOf);
    });
    this.#output.control({ kind: "barrier", barrier });
    this.#isHeld = barrier.holds === true && barrier.checkpointId > this.#released;
    return "progress";
  }

  /** Gives the sink its turn where the clock has reached what it waits for. */
  #isSinkDue(wake: () => void): boolean {
    if (this.#sink === undefined || this.#stream === undefined) return false;
    const nowMs = this.#stream.nowMs();
    if (this.#sink.deadlineMs > nowMs) return false;
    this.#sink.throwFailure();
    this.#sink.onTime(nowMs, wake);
    return true;
  }

  /** Gives an operator the time or the turn that it asked for. */
  #answerRequest(): boolean {
    const requests = this.#stream?.requests;
    if (requests === undefined) return false;
    if (this.#answerWoken()) return true;
    const nowMs = this.#stream?.nowMs() ?? 0;
    const due = requests.takeDue(nowMs);
    if (due === undefined) return false;
    this.#chain.processTime(due, nowMs);
    return true;
  }

  #answerWoken(): boolean {
    const resumed = this.#stream?.requests.takeWoken();
    if (resumed === undefined) return false;
    this.#chain.resumeAt(resumed);
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
