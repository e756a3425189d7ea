import type { Batch } from "../core/batch.ts";
import { asEngineError, type EngineError } from "../core/errors.ts";
import type { OperatorContext } from "../core/operator.ts";
import type { Committable, SinkWriter } from "../core/sink.ts";
import type { Source, SourceContext, Split, SplitReader } from "../core/source.ts";
import type { OperatorChain } from "./chain.ts";
import type { ChannelReader } from "./channel.ts";
import type { ExchangeOutput } from "./exchange-output.ts";

/** Gives out the splits of a source; every subtask of the source asks the same counter. */
export interface SplitQueue {
  take(): Split | undefined;
}

/** Where a subtask's rows come from. */
export type SubtaskInput =
  | { readonly kind: "source"; readonly source: Source; readonly splits: SplitQueue; readonly context: SourceContext }
  /** The channels of each input of the first operator. */
  | { readonly kind: "channels"; readonly inputs: readonly (readonly ChannelReader[])[] };

export type StepResult = "progress" | "blocked" | "finished";

/**
 * One parallel instance of a vertex, driven in small steps by its thread: each step takes at most one batch through
 * the chain. It waits (is "blocked") while inputs are empty, outputs are full, or a read or write is under way.
 */
export class Subtask {
  readonly name: string;
  readonly vertex: number;
  readonly #input: SubtaskInput;
  readonly #chain: OperatorChain;
  readonly #output: ExchangeOutput;
  readonly #sink: SubtaskSink | undefined;
  #phase: "running" | "ending" | "committing" | "finished" = "running";
  /** Inputs whose end the chain was told. */
  readonly #endedInputs = new Set<number>();
  /** Where the next poll of an input starts, so that no channel starves. */
  #nextChannel = 0;
  #nextInput = 0;
  #reader: SplitReader | undefined;
  #split: Split | undefined;
  /** A read or write that is under way; its failure is thrown in the next step. */
  #waiting = false;
  #failure: unknown;
  #pending: Promise<void> = Promise.resolve();
  #isStopped = false;
  rowsIn = 0;
  bytesRead = 0;
  splitsDone = 0;

  constructor(options: {
    name: string;
    vertex: number;
    input: SubtaskInput;
    chain: OperatorChain;
    output: ExchangeOutput;
    sink?: SubtaskSink;
  }) {
    this.name = options.name;
    this.vertex = options.vertex;
    this.#input = options.input;
    this.#chain = options.chain;
    this.#output = options.output;
    this.#sink = options.sink;
  }

  get rowsOut(): number {
    return this.#output.rowsOut;
  }

  get batchesOut(): number {
    return this.#output.batchesOut;
  }

  get committable(): Committable | undefined {
    return this.#sink?.committable;
  }

  open(contextOf: (operatorName: string, position: number) => OperatorContext): void {
    this.#chain.open(contextOf);
  }

  /** `wake` is called when something that this subtask waited for has arrived. */
  step(wake: () => void): StepResult {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#phase === "finished") return "finished";
    if (this.#waiting || this.#sink?.isBusy === true || !this.#output.hasRoom()) return "blocked";
    if (this.#phase === "committing") return this.#finish();
    if (this.#chain.isPending) {
      this.#chain.resume();
      this.#sink?.flush(wake);
      return "progress";
    }
    if (this.#phase === "ending") {
      if (this.#chain.advanceEnd()) this.#startCommit(wake);
      else this.#sink?.flush(wake);
      return "progress";
    }
    if (this.#chain.isSatisfied) return this.#endEarly();
    const result = this.#input.kind === "source" ? this.#stepSource(wake) : this.#stepChannels();
    this.#sink?.flush(wake);
    return result;
  }

  /** Stops for good: what a read still brings is dropped. Resolves when no read or write is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#pending;
    await this.#sink?.settled();
  }

  /** Frees everything; called once, after the end or after `stop`. */
  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
    this.#closeInputs();
    try {
      this.#chain.close();
    } finally {
      this.#sink?.close();
    }
  }

  #stepSource(wake: () => void): StepResult {
    if (this.#input.kind !== "source") return "blocked";
    if (this.#reader === undefined) {
      this.#split = this.#input.splits.take();
      if (this.#split === undefined) {
        this.#phase = "ending";
        this.#chain.endInput(0);
        return "progress";
      }
      this.#reader = this.#named(() =>
        (this.#input as SourceInput).source.openSplit(this.#split as Split, (this.#input as SourceInput).context),
      );
    }
    const reader = this.#reader;
    const next = this.#named(() => reader.next());
    if (next instanceof Promise) {
      this.#await(
        next.then((batch) => this.#onSourceBatch(batch)),
        wake,
      );
      return "blocked";
    }
    this.#onSourceBatch(next);
    return "progress";
  }

  #onSourceBatch(batch: Batch | undefined): void {
    if (batch === undefined) {
      this.#reader?.close();
      this.#reader = undefined;
      this.splitsDone++;
      this.bytesRead += this.#split?.bytes ?? 0;
      return;
    }
    this.rowsIn += batch.rowCount;
    try {
      if (!this.#isStopped) this.#chain.processBatch(batch, 0);
    } finally {
      batch.release();
    }
  }

  #stepChannels(): StepResult {
    if (this.#input.kind !== "channels") return "blocked";
    const { inputs } = this.#input;
    const wanted = this.#chain.wantedInput();
    for (let i = 0; i < inputs.length; i++) {
      const input = wanted === "any" ? (this.#nextInput + i) % inputs.length : wanted;
      const batch = this.#poll(inputs[input]);
      if (batch !== undefined) {
        this.#nextInput = (input + 1) % inputs.length;
        this.rowsIn += batch.rowCount;
        try {
          this.#chain.processBatch(batch, input);
        } finally {
          batch.release();
        }
        return "progress";
      }
      if (wanted !== "any") break;
    }
    return this.#endReadyInput(inputs, wanted);
  }

  #endReadyInput(inputs: readonly (readonly ChannelReader[])[], wanted: number | "any"): StepResult {
    for (const [input, channels] of inputs.entries()) {
      if (wanted !== "any" && input !== wanted) continue;
      if (this.#endedInputs.has(input) || !channels.every((channel) => channel.isEnded)) continue;
      this.#endedInputs.add(input);
      if (this.#endedInputs.size === inputs.length) this.#phase = "ending";
      this.#chain.endInput(input);
      return "progress";
    }
    return "blocked";
  }

  #poll(channels: readonly ChannelReader[]): Batch | undefined {
    for (let i = 0; i < channels.length; i++) {
      const at = (this.#nextChannel + i) % channels.length;
      const batch = channels[at].poll();
      if (batch !== undefined) {
        this.#nextChannel = at + 1;
        return batch;
      }
    }
    return undefined;
  }

  /** Nobody needs more input: drops the rest of it and ends the operators. */
  #endEarly(): StepResult {
    this.#reader?.close();
    this.#reader = undefined;
    const count = this.#input.kind === "channels" ? this.#input.inputs.length : 1;
    this.#closeInputs();
    for (let input = 0; input < count; input++) {
      if (this.#endedInputs.has(input)) continue;
      this.#endedInputs.add(input);
      this.#chain.endInput(input);
      // One ending input may have more to say before the next one ends.
      if (this.#chain.isPending && this.#endedInputs.size < count) return "progress";
    }
    this.#phase = "ending";
    return "progress";
  }

  #closeInputs(): void {
    if (this.#input.kind !== "channels") return;
    for (const channels of this.#input.inputs) for (const channel of channels) channel.close();
  }

  #startCommit(wake: () => void): void {
    this.#phase = "committing";
    if (this.#sink !== undefined) this.#sink.prepareCommit(wake);
  }

  #finish(): StepResult {
    this.#sink?.throwFailure();
    this.#phase = "finished";
    this.#output.end();
    return "finished";
  }

  #await(promise: Promise<void>, wake: () => void): void {
    this.#waiting = true;
    this.#pending = promise.then(
      () => {
        this.#waiting = false;
        wake();
      },
      (thrown: unknown) => {
        this.#waiting = false;
        this.#failure = this.#withName(thrown);
        wake();
      },
    );
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
    if (this.#input.kind === "source") error.operator ??= `read ${this.#input.source.description}`;
    return error;
  }
}

type SourceInput = SubtaskInput & { kind: "source" };

/** A sink writer behind a chain: batches queue up in one step and are written before the next one. */
export class SubtaskSink {
  readonly #writer: SinkWriter;
  readonly #queue: Batch[] = [];
  #isPrepared = false;
  #failure: unknown;
  isBusy = false;
  committable: Committable | undefined;

  constructor(writer: SinkWriter) {
    this.#writer = writer;
  }

  /** Takes over the caller's reference. */
  put(batch: Batch): void {
    this.#queue.push(batch);
  }

  /** Writes what the step has put; a writer that really waits makes the subtask wait. */
  flush(wake: () => void): void {
    this.throwFailure();
    while (this.#queue.length > 0) {
      const [batch] = this.#queue;
      const written = this.#writer.write(batch);
      this.#queue.shift();
      if (written instanceof Promise) {
        this.#await(
          written.finally(() => batch.release()),
          () => this.flush(wake),
          wake,
        );
        return;
      }
      batch.release();
    }
  }

  prepareCommit(wake: () => void): void {
    this.flush(wake);
    const prepare = () => {
      const prepared = this.#writer.prepareCommit();
      if (prepared instanceof Promise) {
        this.#await(
          prepared.then((committable) => {
            this.committable = committable;
            this.#isPrepared = true;
          }),
          () => undefined,
          wake,
        );
      } else {
        this.committable = prepared;
        this.#isPrepared = true;
      }
    };
    if (this.isBusy) this.#afterwards = prepare;
    else prepare();
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    while (this.isBusy) await this.#pending;
  }

  close(): void {
    for (const batch of this.#queue) batch.release();
    this.#queue.length = 0;
    if (!this.#isPrepared) this.#writer.close();
  }

  #afterwards: (() => void) | undefined;
  #pending: Promise<void> = Promise.resolve();

  #await(promise: Promise<unknown>, next: () => void, wake: () => void): void {
    this.isBusy = true;
    this.#pending = promise
      .then(() => {
        this.isBusy = false;
        next();
        if (!this.isBusy) {
          const afterwards = this.#afterwards;
          this.#afterwards = undefined;
          afterwards?.();
        }
      })
      .catch((thrown: unknown) => {
        this.isBusy = false;
        this.#failure = thrown;
      })
      .finally(wake);
  }
}
