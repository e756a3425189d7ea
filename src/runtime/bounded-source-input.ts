import type { Batch } from "../core/batch.ts";
import type { Source, SourceContext, Split, SplitReader } from "../core/source.ts";
import type { InputEvent, SubtaskInput, WantedInput } from "./subtask-input.ts";

/** Gives out the splits of a source; every subtask of the source asks the same counter. */
export interface SplitQueue {
  take(): Split | undefined;
}

/** Reads the source of a batch job: whichever splits are left, one after the other. */
export class BoundedSourceInput implements SubtaskInput {
  readonly #source: Source;
  readonly #splits: SplitQueue;
  readonly #context: SourceContext;
  #reader: SplitReader | undefined;
  #split: Split | undefined;
  #hasEnded = false;
  /** A read that is under way, and what it has brought. */
  #pending: Promise<void> | undefined;
  #read: { readonly batch: Batch | undefined } | undefined;
  #failure: unknown;
  #isClosed = false;
  readonly deadlineMs = Number.POSITIVE_INFINITY;
  readonly watermarks = [];
  bytesRead = 0;
  splitsDone = 0;

  constructor(source: Source, splits: SplitQueue, context: SourceContext) {
    this.#source = source;
    this.#splits = splits;
    this.#context = context;
  }

  get reads(): string {
    return this.#source.description;
  }

  next(wanted: WantedInput, wake: () => void): InputEvent | undefined {
    if (wanted === "none") return undefined;
    if (this.#failure !== undefined) throw this.#failure;
    for (;;) {
      if (this.#pending !== undefined || this.#hasEnded) return undefined;
      const read = this.#read;
      if (read !== undefined) {
        this.#read = undefined;
        if (read.batch !== undefined) return { kind: "batch", batch: read.batch, input: 0 };
        this.#closeReader();
        this.splitsDone++;
        this.bytesRead += this.#split?.bytes ?? 0;
      }
      if (this.#reader === undefined) {
        this.#split = this.#splits.take();
        if (this.#split === undefined) {
          this.#hasEnded = true;
          return { kind: "ended", input: 0 };
        }
        this.#reader = this.#source.openSplit(this.#split, this.#context);
      }
      const next = this.#reader.next();
      if (next instanceof Promise) this.#await(next, wake);
      else this.#read = { batch: next };
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#read?.batch?.release();
    this.#read = undefined;
    this.#closeReader();
  }

  async stop(): Promise<void> {
    this.#isClosed = true;
    await this.#pending;
  }

  #closeReader(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }

  #await(promise: Promise<Batch | undefined>, wake: () => void): void {
    this.#pending = promise
      .then(
        (batch) => {
          if (this.#isClosed) batch?.release();
          else this.#read = { batch };
        },
        (thrown: unknown) => {
          this.#failure = thrown;
        },
      )
      .then(() => {
        this.#pending = undefined;
        wake();
      });
  }
}
