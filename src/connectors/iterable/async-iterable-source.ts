import type { Batch } from "../../core/batch.ts";
import { EngineError, ExternalError, PlanError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import { createRowWriter, type RowWriter } from "../../core/rows/row-writer.ts";
import type { Schema } from "../../core/schema.ts";
import type {
  Json,
  Source,
  SourceContext,
  SourceSpec,
  SourceStatistics,
  Split,
  SplitReader,
} from "../../core/source.ts";

/** Rows one by one, or some at a time. */
export type RowIterable = AsyncIterable<object | readonly object[]>;

export interface AsyncIterableOptions {
  readonly schema: Schema;
  /** True where the schema was found in the first rows. */
  readonly isInferred?: boolean;
  /** How long rows wait for others of their batch; default 5. */
  readonly waitMs?: number;
  /** Whether it ends; default "unbounded", which it may do all the same. */
  readonly boundedness?: "bounded" | "unbounded";
}

const DEFAULT_WAIT_MS = 5;

/**
 * Rows of an async iterable of the running program, read on the planning thread.
 * It is asked for the next value only while fewer than one batch of rows waits to be taken, so a job that is behind holds
 * it back. A factory is called anew for each run and each restore, and rows that the job has seen are dropped then: it
 * must give the same rows again. An iterable that is no factory is read once and goes on where it stands.
 * @throws {PlanError} ITERABLE_INVALID. @throws {ExternalError} SOURCE_FAILED with what the iterable threw.
 * @throws {EvaluationError} those of the row writer
 */
export class AsyncIterableSource implements Source {
  readonly spec: SourceSpec = { kind: "iterable" };
  readonly schema: Schema;
  readonly boundedness: "bounded" | "unbounded";
  readonly statistics: SourceStatistics = {};
  readonly description = "async iterable";
  /** Whether it can be read again from its start. */
  readonly isRepeatable: boolean;
  readonly #open: () => RowIterable;
  readonly #options: AsyncIterableOptions;

  constructor(rows: RowIterable | (() => RowIterable), options: AsyncIterableOptions) {
    this.#options = options;
    this.schema = options.schema;
    this.boundedness = options.boundedness ?? "unbounded";
    this.isRepeatable = typeof rows === "function";
    if (!this.isRepeatable && typeof (rows as Partial<RowIterable>)?.[Symbol.asyncIterator] !== "function") {
      throw new PlanError(
        "ITERABLE_INVALID",
        "What is given is no async iterable, and no function that gives one.",
        "Pass an async generator, or better the function that makes it, so that it can be read again.",
      );
    }
    this.#open = typeof rows === "function" ? rows : () => rows;
  }

  splits(): readonly Split[] {
    return [{ id: "async iterable", ordinal: 0, payload: null }];
  }

  openSplit(_: Split, context: SourceContext): SplitReader {
    const reader = new IterableReader(context, this.#open, this.#options);
    if (this.isRepeatable) return reader;
    // It stands where it stands: without an offset, new rows would be taken for those that come again.
    return { next: () => reader.next(), offset: (): Json => null, close: () => reader.close() };
  }
}

/** Pulls values one after the other, beside the job, and gives what is there. */
class IterableReader implements SplitReader {
  readonly #host: Host;
  readonly #batchRows: number;
  readonly #waitMs: number;
  readonly #writer: RowWriter;
  readonly #open: () => RowIterable;
  #iterator: AsyncIterator<object | readonly object[]> | undefined;
  /** What came and is not in the writer yet: the rest of an array. */
  #rest: { readonly rows: readonly object[]; at: number } | undefined;
  #isPulling = false;
  #hasEnded = false;
  #failure: EngineError | undefined;
  #isClosed = false;
  #onChange: () => void = () => undefined;

  constructor({ host, workspace, batchRows }: SourceContext, open: () => RowIterable, options: AsyncIterableOptions) {
    this.#host = host;
    this.#batchRows = batchRows;
    this.#waitMs = options.waitMs ?? DEFAULT_WAIT_MS;
    const isInferred = options.isInferred ?? false;
    this.#writer = createRowWriter(workspace, options.schema, { where: "async iterable", isInferred });
    this.#open = open;
  }

  next(): Batch | undefined | Promise<Batch | undefined> {
    if (this.#isClosed) return undefined;
    this.#pull();
    // What comes at once, as from a generator that does not wait, comes as microtasks.
    return this.#collect();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#writer.close();
    this.#onChange();
    // An iterator that is waiting may answer never: nobody waits for it.
    if (!this.#hasEnded) void this.#iterator?.return?.()?.catch(() => undefined);
  }

  /** A full batch, or what has come some time after the first row of it, or at the end. */
  async #collect(): Promise<Batch | undefined> {
    let isDue = false;
    let cancel: (() => void) | undefined;
    while (!this.#isClosed && !this.#hasEnded && this.#failure === undefined) {
      if (this.#writer.length >= this.#batchRows || (isDue && this.#writer.length > 0)) break;
      if (this.#writer.length > 0 && cancel === undefined) {
        cancel = this.#host.scheduler.after(this.#waitMs, () => {
          isDue = true;
          this.#onChange();
        });
      }
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
    cancel?.();
    if (this.#isClosed) return undefined;
    if (this.#writer.length > 0) return this.#writer.take();
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  /** Goes on pulling until a batch is full; called again when one was taken. */
  #pull(): void {
    if (this.#isPulling || this.#hasEnded || this.#failure !== undefined) return;
    this.#isPulling = true;
    this.#pullAll()
      .catch((thrown: unknown) => {
        this.#failure = thrown instanceof EngineError ? thrown : failed(thrown);
      })
      .finally(() => {
        this.#isPulling = false;
        this.#onChange();
      });
  }

  async #pullAll(): Promise<void> {
    this.#iterator ??= this.#open()[Symbol.asyncIterator]();
    this.#writeRest();
    while (this.#writer.length < this.#batchRows && !this.#isClosed) {
      const { value, done } = await this.#iterator.next();
      if (this.#isClosed) return;
      if (done === true) {
        this.#hasEnded = true;
        return;
      }
      if (Array.isArray(value)) {
        this.#rest = { rows: value, at: 0 };
        this.#writeRest();
      } else this.#write(value);
      if (this.#writer.length > 0) this.#onChange();
    }
  }

  #writeRest(): void {
    const rest = this.#rest;
    if (rest === undefined) return;
    while (rest.at < rest.rows.length && this.#writer.length < this.#batchRows) this.#write(rest.rows[rest.at++]);
    if (rest.at === rest.rows.length) this.#rest = undefined;
  }

  #write(row: unknown): void {
    if (this.#writer.wantsCheck) this.#writer.writeChecked(row);
    else this.#writer.write(row);
  }
}

function failed(thrown: unknown): ExternalError {
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new ExternalError("SOURCE_FAILED", false, `An async iterable threw ${text}.`, "See the cause for its stack.", {
    cause: thrown,
  });
}
