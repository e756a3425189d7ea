import type { Batch } from "../core/batch.ts";
import type { Committable, SinkWriter } from "../core/sink.ts";

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
