import type { Batch } from "../core/batch.ts";
import { Batch as BatchClass } from "../core/batch.ts";
import type { Column } from "../core/column.ts";
import { type BatchDescriptor, copyColumn, copyMarks, describeBatch } from "../core/columns/copy.ts";
import { type PackedBatch, packBatch, unpackBatch } from "../core/columns/packed-batch.ts";
import { batchBytes, columnBytes } from "../core/columns/size.ts";
import type { Schema } from "../core/schema.ts";
import { type Barrier, type ControlElement, isControl, type StreamElement } from "../core/stream-element.ts";
import type { Workspace } from "../core/workspace.ts";
import type { BufferedChannel } from "./buffered-channel.ts";
import type { ChannelReader, ChannelWriter } from "./channel.ts";
import type { ChannelId, PeerMessage } from "./messages.ts";

export type SendToPeer = (message: PeerMessage) => void;

/**
 * What may be on its way before the producer waits: `batches`, or up to `mostBatches` while they are below `bytes`, the
 * dictionaries that they hold among them.
 */
export interface Credit {
  readonly batches: number;
  readonly mostBatches: number;
  readonly bytes: number;
}

/**
 * The sending end of a queue to another thread. A batch stays in this thread's memory, which the other one reads,
 * until it says "taken": one memcpy, no serialisation.
 */
export class RemoteWriter implements ChannelWriter {
  readonly #job: string;
  readonly #channel: ChannelId;
  readonly #workspace: Workspace;
  readonly #credit: Credit;
  readonly #send: SendToPeer;
  readonly #inFlight: Batch[] = [];
  readonly #inFlightBytes: number[] = [];
  #bytes = 0;
  readonly #dictionaries: DictionariesInFlight;
  readonly #dictionaryIds = new WeakMap<Column, number>();
  #dictionaryCount = 0;
  isClosed = false;

  constructor(job: string, channel: ChannelId, workspace: Workspace, credit: Credit, send: SendToPeer) {
    this.#job = job;
    this.#channel = channel;
    this.#workspace = workspace;
    this.#credit = credit;
    this.#send = send;
    this.#dictionaries = new DictionariesInFlight(workspace);
  }

  hasRoom(): boolean {
    const { batches, mostBatches, bytes } = this.#credit;
    const { length } = this.#inFlight;
    return (
      this.isClosed || length < batches || (length < mostBatches && this.#bytes + this.#dictionaries.bytes < bytes)
    );
  }

  send(batch: Batch): void {
    if (this.isClosed) {
      batch.release();
      return;
    }
    const byteLength = batchBytes(this.#workspace, batch);
    this.#inFlight.push(batch);
    this.#inFlightBytes.push(byteLength);
    this.#bytes += byteLength;
    this.#dictionaries.add(batch.columns);
    this.#send({
      type: "batch",
      job: this.#job,
      channel: this.#channel,
      batch: packBatch(describeBatch(this.#workspace, batch)),
      dictionaries: batch.columns.map((column) => this.#dictionaryId(column.dictionary)),
    });
  }

  control(element: ControlElement): void {
    if (!this.isClosed) this.#send({ type: "control", job: this.#job, channel: this.#channel, element });
  }

  end(): void {
    this.#send({ type: "end", job: this.#job, channel: this.#channel });
  }

  /** The consumer copied the oldest batch. */
  onTaken(): void {
    const taken = this.#inFlight.shift();
    if (taken === undefined) return;
    this.#dictionaries.remove(taken.columns);
    taken.release();
    this.#bytes -= this.#inFlightBytes.shift() ?? 0;
  }

  /** The consumer takes no more, not even what is in flight. */
  onClosed(): void {
    this.isClosed = true;
    this.release();
  }

  /** Gives up what is in flight; safe only when the consumer reads no longer. */
  release(): void {
    for (const batch of this.#inFlight) batch.release();
    this.#inFlight.length = 0;
    this.#inFlightBytes.length = 0;
    this.#bytes = 0;
    this.#dictionaries.clear();
  }

  get isDrained(): boolean {
    return this.#inFlight.length === 0;
  }

  #dictionaryId(dictionary: Column | undefined): number {
    if (dictionary === undefined) return 0;
    let id = this.#dictionaryIds.get(dictionary);
    if (id === undefined) {
      id = ++this.#dictionaryCount;
      this.#dictionaryIds.set(dictionary, id);
    }
    return id;
  }
}

/** Those that batches on their way hold, each counted once, however many of them share it. */
class DictionariesInFlight {
  bytes = 0;
  readonly #workspace: Workspace;
  readonly #uses = new Map<Column, { count: number; readonly bytes: number }>();

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  add(columns: readonly Column[]): void {
    for (const { dictionary, children } of columns) {
      if (children.length > 0) this.add(children);
      if (dictionary === undefined) continue;
      const use = this.#uses.get(dictionary);
      if (use !== undefined) {
        use.count++;
        continue;
      }
      const bytes = columnBytes(this.#workspace, dictionary);
      this.#uses.set(dictionary, { count: 1, bytes });
      this.bytes += bytes;
    }
  }

  remove(columns: readonly Column[]): void {
    for (const { dictionary, children } of columns) {
      if (children.length > 0) this.remove(children);
      const use = dictionary === undefined ? undefined : this.#uses.get(dictionary);
      if (dictionary === undefined || use === undefined || --use.count > 0) continue;
      this.#uses.delete(dictionary);
      this.bytes -= use.bytes;
    }
  }

  clear(): void {
    this.#uses.clear();
    this.bytes = 0;
  }
}

interface ArrivedBatch {
  readonly batch: PackedBatch;
  readonly dictionaries: readonly number[];
}

/** The receiving end: descriptors queue up here, and a batch is copied when it is polled (or at once into a buffer). */
export class RemoteReader implements ChannelReader {
  readonly #job: string;
  readonly #channel: ChannelId;
  readonly #workspace: Workspace;
  readonly #schema: Schema;
  readonly #sourceMemory: () => Uint8Array;
  readonly #send: SendToPeer;
  readonly #buffer: BufferedChannel | undefined;
  readonly #arrived: (ArrivedBatch | StreamElement)[] = [];
  /** Per column the newest dictionary, with one reference. */
  readonly #dictionaries = new Map<number, { id: number; column: Column }>();
  hasEnded = false;
  onBarrier: (barrier: Barrier) => void = () => undefined;
  #isClosed = false;

  constructor(options: {
    job: string;
    channel: ChannelId;
    workspace: Workspace;
    schema: Schema;
    sourceMemory: () => Uint8Array;
    send: SendToPeer;
    buffer?: BufferedChannel;
  }) {
    this.#job = options.job;
    this.#channel = options.channel;
    this.#workspace = options.workspace;
    this.#schema = options.schema;
    this.#sourceMemory = options.sourceMemory;
    this.#send = options.send;
    this.#buffer = options.buffer;
  }

  onBatch(batch: PackedBatch, dictionaries: readonly number[]): void {
    if (this.#isClosed) return;
    if (this.#buffer === undefined) this.#arrived.push({ batch, dictionaries });
    else this.#buffer.send(this.#take(batch, dictionaries));
  }

  onControl(element: ControlElement): void {
    if (this.#isClosed) return;
    this.#arrived.push(element);
    if (element.kind === "barrier") this.onBarrier(element.barrier);
  }

  onEnd(): void {
    this.hasEnded = true;
    this.#buffer?.end();
  }

  poll(): StreamElement | undefined {
    if (this.#buffer !== undefined) return this.#buffer.poll();
    const next = this.#arrived.shift();
    if (next === undefined) return undefined;
    if ("dictionaries" in next) return this.#take(next.batch, next.dictionaries);
    if (!isControl(next)) this.#send({ type: "taken", job: this.#job, channel: this.#channel });
    return next;
  }

  /** A batch that is asked for is copied now. It counts as taken when it is polled, so that no more than before are queued. */
  *queued(): Generator<StreamElement, void, void> {
    for (const [i, arrived] of this.#arrived.entries()) {
      const element = "dictionaries" in arrived ? this.#copy(arrived.batch, arrived.dictionaries) : arrived;
      this.#arrived[i] = element;
      yield element;
    }
  }

  get isEmpty(): boolean {
    return this.#buffer === undefined ? this.#arrived.length === 0 : this.#buffer.isEmpty;
  }

  get isEnded(): boolean {
    return this.#buffer === undefined ? this.hasEnded && this.#arrived.length === 0 : this.#buffer.isEnded;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const arrived of this.#arrived) if (!("dictionaries" in arrived) && !isControl(arrived)) arrived.release();
    this.#arrived.length = 0;
    this.#buffer?.close();
    for (const { column } of this.#dictionaries.values()) column.release();
    this.#dictionaries.clear();
    this.#send({ type: "closed", job: this.#job, channel: this.#channel });
  }

  #take(packed: PackedBatch, dictionaries: readonly number[]): Batch {
    const batch = this.#copy(packed, dictionaries);
    this.#send({ type: "taken", job: this.#job, channel: this.#channel });
    return batch;
  }

  #copy(packed: PackedBatch, dictionaries: readonly number[]): Batch {
    const described = unpackBatch(packed);
    const source = this.#sourceMemory();
    const columns = described.columns.map((column, i) => {
      const { type } = this.#schema.fields[i];
      if (column.dictionary === undefined) return copyColumn(this.#workspace, source, type, column);
      return copyColumn(this.#workspace, source, type, column, this.#dictionary(i, dictionaries[i], column.dictionary));
    });
    const marks = copyMarks(this.#workspace, source, described);
    return new BatchClass(this.#schema, described.rowCount, columns, marks);
  }

  #dictionary(index: number, id: number, described: BatchDescriptor["columns"][number]): Column {
    const known = this.#dictionaries.get(index);
    if (known?.id === id) return known.column;
    known?.column.release();
    const column = copyColumn(this.#workspace, this.#sourceMemory(), this.#schema.fields[index].type, described);
    this.#dictionaries.set(index, { id, column });
    return column;
  }
}
