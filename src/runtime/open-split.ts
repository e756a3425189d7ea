import type { Batch } from "../core/batch.ts";
import type { Source, SourceContext, Split, SplitReader, Unread } from "../core/source.ts";
import { SplitWatermarks } from "../core/time/split-watermarks.ts";
import { START_OF_TIME_MS } from "../core/time/time.ts";
import type { WatermarkStrategySpec } from "../core/time/watermark-strategy.ts";
import { type SplitState, unreadOf } from "./split-state.ts";

/** A split of a stream that is being read: its reader, position, and watermark. */
export class OpenSplit {
  /** Its number among the splits of the subtask. */
  readonly index: number;
  readonly #split: Split;
  readonly #reader: SplitReader;
  readonly #watermarks: SplitWatermarks | undefined;
  readonly #nowMs: () => number;
  #offset: SplitState["offset"];
  #rows: number;
  /** Rows that were given before a restore and come again. */
  #rowsToSkip = 0;
  #read: { readonly batch: Batch | undefined } | undefined;
  #pending: Promise<void> | undefined;
  #failure: unknown;
  #isClosed = false;
  /** Wall clock since when nothing has come; infinity while something is there. */
  waitingSinceMs = Number.POSITIVE_INFINITY;
  isIdle = false;

  constructor(options: {
    source: Source;
    context: SourceContext;
    strategy: WatermarkStrategySpec | undefined;
    split: Split;
    index: number;
    restored: SplitState | undefined;
  }) {
    const { source, context, strategy, split, restored } = options;
    this.#split = split;
    this.index = options.index;
    this.#nowMs = () => context.host.clock.nowMs();
    this.#offset = restored?.offset;
    this.#rows = restored?.rows ?? 0;
    this.#reader = source.openSplit(split, context, restored?.offset);
    if (this.#reader.offset === undefined) this.#rowsToSkip = this.#rows;
    if (strategy !== undefined) {
      const { generator } = strategy;
      this.#watermarks = new SplitWatermarks(context.workspace, source.schema, generator, restored?.watermarkMs);
    }
  }

  get watermarkMs(): number {
    return this.#watermarks?.watermarkMs ?? START_OF_TIME_MS;
  }

  /** Behind what was given. */
  get state(): SplitState {
    return {
      split: this.#split,
      rows: this.#rows,
      isDone: false,
      watermarkMs: this.watermarkMs,
      ...(this.#offset === undefined ? {} : { offset: this.#offset }),
    };
  }

  /** What is left behind what was given. */
  get unread(): Unread {
    return this.#reader.unread?.() ?? unreadOf(this.state);
  }

  /** Whether a batch or the end is there to be taken. */
  fetch(wake: () => void): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#read === undefined && this.#pending === undefined) {
      const next = this.#reader.next();
      if (next instanceof Promise) this.#await(next, wake);
      else this.#read = { batch: next };
    }
    return this.#read !== undefined;
  }

  /** Whether a batch is there to be taken, not the end. */
  get hasBatch(): boolean {
    return this.#read?.batch !== undefined;
  }

  /** What was fetched: a batch, which the caller owns and which counts as given, or the end. */
  take(): Batch | undefined {
    const batch = this.#read?.batch;
    this.#read = undefined;
    if (batch !== undefined) {
      this.#offset = this.#reader.offset?.();
      this.#rows += batch.rowCount;
    }
    return batch;
  }

  /** How many of so many rows that were read are new. */
  skip(rowCount: number): number {
    const skipped = Math.min(this.#rowsToSkip, rowCount);
    this.#rowsToSkip -= skipped;
    this.#rows -= skipped;
    return rowCount - skipped;
  }

  observe(batch: Batch): void {
    this.#watermarks?.observe(batch);
  }

  tick(): void {
    this.#watermarks?.tick();
  }

  close(): void {
    this.#isClosed = true;
    this.#read?.batch?.release();
    this.#read = undefined;
    this.#reader.close();
    this.#watermarks?.close();
  }

  async stop(): Promise<void> {
    this.#isClosed = true;
    // A stream's reader may wait for ever: closing it is what ends the wait.
    if (this.#pending !== undefined) this.#reader.close();
    await this.#pending;
  }

  #await(promise: Promise<Batch | undefined>, wake: () => void): void {
    this.waitingSinceMs = this.#nowMs();
    this.#pending = promise
      .then(
        (batch) => {
          if (this.#isClosed) batch?.release();
          else this.#read = { batch };
        },
        (thrown: unknown) => {
          if (!this.#isClosed) this.#failure = thrown;
        },
      )
      .then(() => {
        this.#pending = undefined;
        this.waitingSinceMs = Number.POSITIVE_INFINITY;
        wake();
      });
  }
}
