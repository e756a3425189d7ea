import type { Batch } from "../core/batch.ts";
import { hashColumns } from "../core/columns/hash.ts";
import { keyGroupOwners, partitionBatch, partitionNumbers } from "../core/columns/partition.ts";
import { batchBytes } from "../core/columns/size.ts";
import type { Output } from "../core/operator.ts";
import type { ControlElement } from "../core/stream-element.ts";
import { END_OF_TIME_MS, type Watermark } from "../core/time/time.ts";
import type { Workspace } from "../core/workspace.ts";
import type { ChannelWriter } from "./channel.ts";
import { CoalescingWriter, type Gathering } from "./coalescing-writer.ts";
import type { Exchange } from "./job-graph.ts";

/** One outgoing edge of a subtask: a writer per subtask of the consumer. */
export interface OutgoingEdge {
  readonly exchange: Exchange;
  readonly writers: readonly ChannelWriter[];
  /** The vertex that reads it, for messages. */
  readonly to: string;
  /** Takes the rows of this side output instead of the main one. */
  readonly tag?: string;
}

/**
 * The end of a chain: spreads batches over the channels of every outgoing edge, and sends watermarks and barriers to
 * all of them. A side output that nobody reads is dropped.
 */
export class ExchangeOutput implements Output {
  readonly #workspace: Workspace;
  readonly #edges: readonly OutgoingEdge[];
  readonly #coalescing: readonly CoalescingWriter[];
  readonly #subtask: number;
  #turn: number;
  rowsOut = 0;
  batchesOut = 0;
  bytesOut = 0;

  constructor(workspace: Workspace, edges: readonly OutgoingEdge[], subtask: number, gathering?: Gathering) {
    this.#workspace = workspace;
    if (gathering === undefined) {
      this.#edges = edges;
      this.#coalescing = [];
    } else {
      const wrap = (writer: ChannelWriter) => new CoalescingWriter(workspace, writer, gathering);
      this.#edges = edges.map((edge) => ({ ...edge, writers: edge.writers.map(wrap) }));
      this.#coalescing = this.#edges.flatMap(({ writers }) => writers as CoalescingWriter[]);
    }
    this.#subtask = subtask;
    // Producers start their turns apart, so that small inputs spread as well.
    this.#turn = subtask;
  }

  get isClosed(): boolean {
    return this.#edges.length > 0 && this.#edges.every(({ writers }) => writers.every((writer) => writer.isClosed));
  }

  /** Wall clock by which gathered rows must be sent; infinity where there are none. */
  get flushAtMs(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { flushAtMs } of this.#coalescing) if (flushAtMs < earliest) earliest = flushAtMs;
    return earliest;
  }

  flushDue(nowMs: number): void {
    for (const writer of this.#coalescing) writer.flushDue(nowMs);
  }

  /** See `CoalescingWriter.flushIdle`. */
  flushIdle(): boolean {
    let hasSent = false;
    for (const writer of this.#coalescing) if (writer.flushIdle()) hasSent = true;
    return hasSent;
  }

  flush(): void {
    for (const writer of this.#coalescing) writer.flush();
  }

  hasRoom(): boolean {
    return this.#edges.every(({ writers }) => writers.every((writer) => writer.hasRoom()));
  }

  /** Vertices whose queues are full. */
  get fullQueues(): string[] {
    return this.#edges.filter(({ writers }) => !writers.every((writer) => writer.hasRoom())).map(({ to }) => to);
  }

  emit(batch: Batch): void {
    try {
      if (batch.rowCount === 0) return;
      this.count(batch);
      for (const edge of this.#edges) if (edge.tag === undefined) this.#route(batch, edge);
    } finally {
      batch.release();
    }
  }

  /** What the chain gives, wherever it goes. */
  count(batch: Batch): void {
    this.rowsOut += batch.rowCount;
    this.batchesOut++;
    this.bytesOut += batchBytes(this.#workspace, batch);
  }

  emitWatermark({ timeMs }: Watermark): void {
    // The end of a channel says it, once everything before it was sent.
    if (timeMs < END_OF_TIME_MS) this.control({ kind: "watermark", timeMs });
  }

  emitSide(tag: string, batch: Batch): void {
    try {
      if (batch.rowCount === 0) return;
      for (const edge of this.#edges) if (edge.tag === tag) this.#route(batch, edge);
    } finally {
      batch.release();
    }
  }

  control(element: ControlElement): void {
    for (const { writers } of this.#edges) for (const writer of writers) writer.control(element);
  }

  end(): void {
    for (const { writers } of this.#edges) for (const writer of writers) writer.end();
  }

  /** After a failure, or at the end: drops what was gathered. */
  close(): void {
    for (const writer of this.#coalescing) writer.close();
  }

  #route(batch: Batch, { exchange, writers }: OutgoingEdge): void {
    switch (exchange.kind) {
      case "forward":
      case "gather":
      case "global":
        writers[0].send(batch.retain());
        return;
      case "broadcast":
        for (const writer of writers) writer.send(batch.retain());
        return;
      case "rebalance":
      case "rescale":
        writers[this.#turn++ % writers.length].send(batch.retain());
        return;
      case "hash": {
        if (writers.length === 1) {
          writers[0].send(batch.retain());
          return;
        }
        const keys = exchange.keys.map((key) => batch.columns[batch.schema.indexOf(key)]);
        const hashes = hashColumns(this.#workspace, keys, batch.rowCount);
        const numbers = partitionNumbers(this.#workspace, hashes, batch.rowCount, writers.length);
        hashes.release();
        this.#scatter(batch, numbers.address, writers);
        numbers.release();
        return;
      }
      case "keyGroup": {
        if (writers.length === 1) {
          writers[0].send(batch.retain());
          return;
        }
        const keys = exchange.keys.map((key) => batch.columns[batch.schema.indexOf(key)]);
        const hashes = hashColumns(this.#workspace, keys, batch.rowCount);
        const owners = keyGroupOwners(this.#workspace, hashes, batch.rowCount, writers.length, exchange.maxParallelism);
        hashes.release();
        this.#scatter(batch, owners.address, writers);
        owners.release();
        return;
      }
      case "shuffle": {
        const numbers = this.#workspace.allocate(batch.rowCount * 4);
        const first = this.#turn;
        this.#turn += batch.rowCount;
        this.#workspace.kernels.partitionShuffle(first, this.#subtask, batch.rowCount, writers.length, numbers.address);
        this.#scatter(batch, numbers.address, writers);
        numbers.release();
        return;
      }
      case "numbered": {
        const index = batch.schema.indexOf(exchange.column);
        const numbers = batch.columns[index];
        const rest = batch.schema.names.filter((name) => name !== exchange.column);
        const indices = rest.map((name) => batch.schema.indexOf(name));
        const projected = batch.project(batch.schema.pick(rest), indices);
        this.#scatter(projected, numbers.data, writers);
        projected.release();
        return;
      }
    }
  }

  #scatter(batch: Batch, numbers: number, writers: readonly ChannelWriter[]): void {
    for (const [i, part] of partitionBatch(this.#workspace, batch, numbers, writers.length).entries()) {
      if (part !== undefined) writers[i].send(part);
    }
  }
}
