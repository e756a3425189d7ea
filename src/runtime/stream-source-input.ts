import type { Batch } from "../core/batch.ts";
import { sliceBatch } from "../core/columns/slice.ts";
import type { Source, SourceContext, Split, SplitEnumerator } from "../core/source.ts";
import type { SnapshotReader, SnapshotWriter } from "../core/state-snapshot.ts";
import { EventTimes } from "../core/time/event-times.ts";
import { START_OF_TIME_MS } from "../core/time/time.ts";
import type { WatermarkStrategySpec } from "../core/time/watermark-strategy.ts";
import type { AlignmentGroup } from "./alignment.ts";
import { type Backlog, sumOfBacklogs } from "./backlog.ts";
import { readWatermark, writeWatermark } from "./chain-watermarks.ts";
import { InputWatermarks } from "./input-watermarks.ts";
import { OpenSplit } from "./open-split.ts";
import {
  finishedState,
  readSplitStates,
  type SplitState,
  splitOwner,
  unreadOf,
  writeSplitStates,
} from "./split-state.ts";
import type { InputEvent, InputReport, SubtaskInput, WantedInput } from "./subtask-input.ts";

/** A paused split is looked at again after so long. */
const ALIGNMENT_CHECK_MS = 20;

export interface StreamSourceOptions {
  readonly source: Source;
  readonly context: SourceContext & { readonly subtask: number; readonly parallelism: number };
  /** Absent: rows have no event time, or have it from the source, and there are no watermarks before the end. */
  readonly strategy?: WatermarkStrategySpec;
  /** False in batch mode: event time stands still until the input has ended. */
  readonly emitsWatermarks: boolean;
  readonly watermarkIntervalMs: number;
  readonly alignment?: AlignmentGroup;
}

/**
 * Reads the splits of a streaming source that this subtask owns: all at once, or in order where the source says so.
 * Event times and watermarks are made per split, and the least watermark of those that are read counts; a split that
 * waits for rows for too long falls idle. Which subtask owns a split depends on nothing but its id or number, so no
 * coordinator is asked, and a job restored at another parallelism finds its splits again.
 */
export class StreamSourceInput implements SubtaskInput {
  readonly #options: StreamSourceOptions;
  readonly #times: EventTimes | undefined;
  readonly #watermarks: InputWatermarks;
  readonly #enumerator: SplitEnumerator | undefined;
  readonly #nowMs: () => number;
  /** Not yet opened, in order, with what a snapshot said of them. */
  readonly #waiting: { readonly split: Split; readonly restored: SplitState | undefined }[] = [];
  readonly #open: OpenSplit[] = [];
  /** By id; those that are gone for good are forgotten. */
  readonly #done = new Map<string, SplitState>();
  /** Ids of all of these. */
  readonly #known = new Set<string>();
  /** Of a snapshot, by id, until the first list of splits says whose they are. */
  readonly #restored = new Map<string, SplitState>();
  readonly #due: InputEvent[] = [];
  #nextSplit = 0;
  #nextDiscoveryMs = Number.NEGATIVE_INFINITY;
  #nextTickMs: number;
  #discovery: Promise<void> | undefined;
  #hasDiscovered = false;
  #isIdle = false;
  #isPaused = false;
  #hasEnded = false;
  #isClosed = false;
  #failure: unknown;
  bytesRead = 0;
  splitsDone = 0;

  constructor(options: StreamSourceOptions) {
    const { source, context, strategy } = options;
    this.#options = options;
    this.#nowMs = () => context.host.clock.nowMs();
    this.#watermarks = new InputWatermarks(0, this.#nowMs);
    this.#nextTickMs = this.#nowMs() + options.watermarkIntervalMs;
    if (strategy !== undefined) {
      this.#times = new EventTimes(context.workspace, source.schema, strategy.timestamps, this.#nowMs);
    }
    this.#enumerator = source.createEnumerator?.(context);
  }

  get deadlineMs(): number {
    if (this.#hasEnded) return Number.POSITIVE_INFINITY;
    let deadline = this.#isPaused ? this.#nowMs() + ALIGNMENT_CHECK_MS : Number.POSITIVE_INFINITY;
    if (this.#discovery === undefined) deadline = Math.min(deadline, this.#nextDiscoveryMs);
    const { strategy } = this.#options;
    if (strategy?.generator.kind === "custom") deadline = Math.min(deadline, this.#nextTickMs);
    for (const split of this.#open) {
      if (!split.isIdle) deadline = Math.min(deadline, split.waitingSinceMs + (strategy?.idlenessMs ?? Infinity));
    }
    return deadline;
  }

  get reads(): string {
    return this.#options.source.description;
  }

  get watermarks(): readonly InputReport[] {
    return this.#watermarks.inputs.map((time, i) => ({ ...time, name: this.#names[i], input: 0 }));
  }

  get backlog(): Backlog | undefined {
    if (!this.#hasDiscovered) return undefined;
    const waiting = this.#waiting.map(({ split, restored }) => unreadOf({ split, rows: restored?.rows ?? 0 }));
    return sumOfBacklogs([...waiting, ...this.#open.map(({ unread }) => unread)].map((one) => ({ splits: 1, ...one })));
  }

  next(wanted: WantedInput, wake: () => void): InputEvent | undefined {
    if (wanted === "none") return undefined;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const due = this.#due.shift();
      if (due !== undefined || this.#hasEnded) return due;
      this.#discover(wake);
      this.#openWaiting();
      this.#tick();
      // A batch is taken only when it can be given at once: a barrier between the two would lose its rows.
      if (this.#due.length > 0) continue;
      if (!this.#readOne(wake) && this.#due.length === 0) {
        this.#noteTime(false);
        this.#findEnd();
        if (this.#due.length === 0) return undefined;
      }
    }
  }

  snapshot(writerOf: () => SnapshotWriter): void {
    const writer = writerOf();
    // A barrier may pass before anything was read.
    if (this.#enumerator === undefined) this.#discover(() => undefined);
    // Splits that were idle go on from where the others had brought event time: it does not go back for them.
    const { watermarkMs } = this.#watermarks;
    const open = this.#open.map(({ state }) => ({
      ...state,
      watermarkMs: Math.max(state.watermarkMs ?? watermarkMs, watermarkMs),
    }));
    const states: SplitState[] = [...this.#done.values(), ...open];
    for (const { split, restored } of this.#waiting) states.push(restored ?? { split, rows: 0, isDone: false });
    for (const state of this.#restored.values()) if (this.#owns(state.split)) states.push(state);
    writeSplitStates(this.#options.context.workspace, writer, states);
    if (!this.#hasEnded) writeWatermark(this.#options.context, writer, watermarkMs);
  }

  /** Before the first `next`. */
  restore(reader: SnapshotReader): void {
    for (const state of readSplitStates(this.#options.context.workspace, reader)) {
      this.#restored.set(state.split.id, state);
    }
    // Splits that are new, or come in turn behind one that has ended, may begin behind it.
    const watermarkMs = readWatermark(this.#options.context, reader);
    if (watermarkMs === START_OF_TIME_MS || !this.#options.emitsWatermarks) return;
    this.#watermarks.startAt(watermarkMs);
    this.#due.push({ kind: "watermark", timeMs: watermarkMs });
  }

  close(): void {
    this.#isClosed = true;
    for (const split of this.#open) split.close();
    this.#open.length = 0;
    for (const event of this.#due) if (event.kind === "batch") event.batch.release();
    this.#due.length = 0;
    this.#enumerator?.close?.();
    this.#times?.close();
    this.#options.alignment?.leave();
  }

  async stop(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#discovery, ...this.#open.map((split) => split.stop())]);
  }

  readonly #names: string[] = [];

  #discover(wake: () => void): void {
    const { source, context } = this.#options;
    if (this.#discovery !== undefined || this.#nowMs() < this.#nextDiscoveryMs) return;
    if (this.#enumerator === undefined) {
      this.#nextDiscoveryMs = Number.POSITIVE_INFINITY;
      this.#adopt(source.splits());
      return;
    }
    const found = this.#enumerator.discover();
    this.#nextDiscoveryMs = this.#nowMs() + (this.#enumerator.intervalMs ?? Number.POSITIVE_INFINITY);
    if (!(found instanceof Promise)) {
      this.#adopt(found);
      return;
    }
    this.#discovery = found
      .then((splits) => {
        if (!this.#isClosed) this.#adopt(splits);
      })
      .catch((thrown: unknown) => {
        this.#failure = thrown;
      })
      .then(() => {
        this.#discovery = undefined;
        this.#nextDiscoveryMs = context.host.clock.nowMs() + (this.#enumerator?.intervalMs ?? Number.POSITIVE_INFINITY);
        wake();
      });
  }

  /** Takes the splits that are new and this subtask's. */
  #adopt(splits: readonly Split[]): void {
    const isNumbered = this.#enumerator === undefined;
    const all = splits.map((split, i) =>
      isNumbered && split.ordinal === undefined ? { ...split, ordinal: i } : split,
    );
    // What a snapshot knows may not be in the list: it is still to be read to its end, and may be listed later.
    const listed = new Set(all.map(({ id }) => id));
    for (const { split, isDone } of this.#restored.values()) {
      if (!listed.has(split.id) && !(isDone && isNumbered)) all.push(split);
    }
    for (const split of all) {
      if (this.#known.has(split.id) || !this.#owns(split)) continue;
      this.#known.add(split.id);
      const restored = this.#restored.get(split.id);
      if (restored?.isDone === true) this.#done.set(split.id, finishedState(split));
      else this.#waiting.push({ split, restored });
    }
    this.#restored.clear();
    this.#hasDiscovered = true;
    this.#forget();
  }

  #owns(split: Split): boolean {
    const { subtask, parallelism } = this.#options.context;
    return splitOwner(split, parallelism) === subtask;
  }

  /** Directories are watched for years: only what is there has to be known. */
  #forget(): void {
    const enumerator = this.#enumerator;
    if (enumerator?.isGone === undefined) return;
    for (const [id, { split }] of this.#done) {
      if (!enumerator.isGone(split.unit ?? id)) continue;
      this.#done.delete(id);
      this.#known.delete(id);
    }
  }

  #openWaiting(): void {
    const { source, context, strategy } = this.#options;
    const atOnce = source.openSplits ?? (source.boundedness === "unbounded" ? Number.POSITIVE_INFINITY : 1);
    let isRestored = false;
    while (this.#open.length < atOnce) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      const { split, restored } = next;
      isRestored ||= restored?.watermarkMs !== undefined;
      const index = this.#watermarks.add(restored?.watermarkMs);
      this.#names[index] = split.id;
      this.#open.push(new OpenSplit({ source, context, strategy, split, index, restored }));
    }
    if (!isRestored) return;
    this.#noteTime(this.#watermarks.combine());
    this.#align();
  }

  /** Takes one batch, or the end, of one split. False where all wait. */
  #readOne(wake: () => void): boolean {
    const { strategy, alignment } = this.#options;
    this.#isPaused = false;
    for (let i = 0; i < this.#open.length; i++) {
      const at = (this.#nextSplit + i) % this.#open.length;
      const split = this.#open[at];
      if (alignment !== undefined && split.watermarkMs > alignment.limitMs) {
        this.#isPaused = true;
        continue;
      }
      if (!split.fetch(wake)) {
        if (this.#nowMs() - split.waitingSinceMs >= (strategy?.idlenessMs ?? Infinity)) this.#idle(split);
        continue;
      }
      if (split.hasBatch && (split.isIdle || this.#isIdle)) {
        split.isIdle = false;
        this.#noteTime(this.#watermarks.activate(split.index));
      }
      if (this.#due.length > 0) return true;
      this.#nextSplit = at + 1;
      const batch = split.take();
      if (batch === undefined) this.#finish(split);
      else this.#take(split, batch);
      return true;
    }
    return false;
  }

  #take(split: OpenSplit, batch: Batch): void {
    let rows = batch;
    try {
      const left = split.skip(batch.rowCount);
      if (left === 0) return;
      const { workspace } = this.#options.context;
      rows = left === batch.rowCount ? batch.retain() : sliceBatch(workspace, batch, batch.rowCount - left, left);
      const timed = this.#times?.assign(rows) ?? rows.retain();
      rows.release();
      this.#due.push({ kind: "batch", batch: timed, input: 0 });
      if (this.#times !== undefined && this.#options.emitsWatermarks) {
        split.observe(timed);
        this.#advance(split);
      }
    } finally {
      batch.release();
    }
  }

  #advance(split: OpenSplit): void {
    this.#noteTime(this.#watermarks.advance(split.index, split.watermarkMs));
    this.#align();
  }

  /** Tells the sources that wait for this one where it is. */
  #align(): void {
    const { status, watermarkMs } = this.#watermarks;
    if (status === "ACTIVE") this.#options.alignment?.report(watermarkMs);
    else this.#options.alignment?.leave();
  }

  #finish(split: OpenSplit): void {
    this.#open.splice(this.#open.indexOf(split), 1);
    const { split: finished } = split.state;
    this.#done.set(finished.id, finishedState(finished));
    this.splitsDone++;
    this.bytesRead += finished.bytes ?? 0;
    split.close();
    const isLast = this.#open.length === 0 && this.#waiting.length === 0;
    const hasAdvanced = this.#watermarks.finish(split.index);
    // Between two splits that are read in turn the source is not idle.
    if (!isLast && this.#open.length === 0) return;
    this.#noteTime(hasAdvanced);
    // The split that has ended may be what the others were waiting for.
    this.#align();
  }

  #idle(split: OpenSplit): void {
    if (split.isIdle) return;
    split.isIdle = true;
    this.#noteTime(this.#watermarks.idle(split.index));
    this.#align();
  }

  /** Gives custom generators their turn. */
  #tick(): void {
    const { strategy, watermarkIntervalMs, emitsWatermarks } = this.#options;
    if (strategy?.generator.kind !== "custom" || !emitsWatermarks || this.#nowMs() < this.#nextTickMs) return;
    this.#nextTickMs = this.#nowMs() + watermarkIntervalMs;
    for (const split of this.#open) {
      split.tick();
      if (!split.isIdle) this.#advance(split);
    }
  }

  #findEnd(): void {
    if (!this.#isOver) return;
    this.#hasEnded = true;
    this.#options.alignment?.leave();
    this.#due.push({ kind: "ended", input: 0 });
  }

  /** Everything is read, and nothing more will turn up. */
  get #isOver(): boolean {
    const mayFindMore = this.#discovery !== undefined || Number.isFinite(this.#nextDiscoveryMs) || !this.#hasDiscovered;
    return this.#open.length === 0 && this.#waiting.length === 0 && !mayFindMore;
  }

  #noteTime(hasAdvanced: boolean): void {
    // At the end of its input it is not idle: what steps behind it give at their end must not come late.
    const isIdle = this.#watermarks.status !== "ACTIVE" && this.#hasDiscovered && !this.#isOver;
    if (this.#isIdle && !isIdle) this.#due.push({ kind: "active" });
    if (hasAdvanced && this.#options.emitsWatermarks) {
      this.#due.push({ kind: "watermark", timeMs: this.#watermarks.watermarkMs });
    }
    if (!this.#isIdle && isIdle) this.#due.push({ kind: "idle" });
    this.#isIdle = isIdle;
  }
}
