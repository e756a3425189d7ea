import { buildBatch } from "../../../src/core/columns/build.ts";
import type { Schema } from "../../../src/core/schema.ts";
import type { Json, Source, SourceContext, Split, SplitReader } from "../../../src/core/source.ts";
import { type Event, type EventFields, events } from "./events.ts";

/** How a run reads its sources. */
export interface Reading {
  /** Rows per batch, in turn; batchRows of the job bounds them too. */
  readonly cuts: readonly number[];
  /** Milliseconds before each batch, in turn; 0: the batch is there at once. */
  readonly delaysMs: readonly number[];
  /** Before the rows of a split that sleeps. */
  readonly napMs: number;
}

/** A reading that tells of each batch. */
export interface WatchedReading extends Reading {
  readonly onRead: () => void;
}

/** Rows of a split in the order in which they come; it sleeps for a while before the row of this number. */
export interface ScriptedSplit {
  readonly rows: readonly Event[];
  readonly napBefore?: number;
  /** Its reader tells where it is; else the engine counts rows, and drops those that come again. */
  readonly hasOffsets: boolean;
}

/** A bounded source whose splits give these rows, side by side or in turn, cut and delayed as the run says. */
export function scriptedSource(
  name: string,
  splits: readonly ScriptedSplit[],
  reading: WatchedReading,
  isInTurn = false,
): Source & { readonly schema: Schema<EventFields> } {
  return {
    spec: { kind: "scripted" },
    schema: events,
    statistics: {},
    description: name,
    openSplits: isInTurn ? 1 : Number.POSITIVE_INFINITY,
    splits: () => splits.map((_, i): Split => ({ id: `${name} ${i}`, payload: i })),
    openSplit: ({ payload }, context, offset) =>
      new ScriptedReader(splits[payload as number], reading, context, (offset as number | undefined) ?? 0),
  };
}

class ScriptedReader implements SplitReader {
  readonly #split: ScriptedSplit;
  readonly #reading: WatchedReading;
  readonly #context: SourceContext;
  #at: number;
  #turn = 0;
  #hasNapped = false;
  #wakeUp: () => void = () => undefined;
  offset?: () => Json;

  constructor(split: ScriptedSplit, reading: WatchedReading, context: SourceContext, at: number) {
    this.#split = split;
    this.#reading = reading;
    this.#context = context;
    this.#at = at;
    if (split.hasOffsets) this.offset = () => this.#at;
  }

  next() {
    const { cuts, delaysMs, napMs } = this.#reading;
    const turn = this.#turn++;
    const isNap = this.#at === this.#split.napBefore && !this.#hasNapped;
    this.#hasNapped ||= isNap;
    const delayMs = (isNap ? napMs : 0) + delaysMs[turn % delaysMs.length];
    const take = () => this.#take(cuts[turn % cuts.length]);
    if (delayMs === 0 || this.#at >= this.#split.rows.length) return take();
    return new Promise<void>((resolve) => {
      this.#wakeUp = resolve;
      this.#context.host.scheduler.after(delayMs, resolve);
    }).then(take);
  }

  close(): void {
    this.#wakeUp();
  }

  #take(cut: number) {
    const { rows, napBefore } = this.#split;
    if (this.#at >= rows.length) return undefined;
    const nap = napBefore !== undefined && this.#at < napBefore ? napBefore : rows.length;
    const end = Math.min(this.#at + cut, this.#at + this.#context.batchRows, nap);
    const taken = rows
      .slice(this.#at, end)
      .map(({ id, k, v, t }) => ({ id: BigInt(id), k, v: BigInt(v), t: BigInt(t) }));
    this.#at = end;
    this.#reading.onRead();
    return buildBatch(this.#context.workspace, events, taken);
  }
}
