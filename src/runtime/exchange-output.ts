import type { Batch } from "../core/batch.ts";
import { hashColumns } from "../core/columns/hash.ts";
import { partitionBatch, partitionNumbers } from "../core/columns/partition.ts";
import { InternalError } from "../core/errors.ts";
import type { Output } from "../core/operator.ts";
import type { Workspace } from "../core/workspace.ts";
import type { ChannelWriter } from "./channel.ts";
import type { Exchange } from "./job-graph.ts";

/** One outgoing edge of a subtask: a writer per subtask of the consumer. */
export interface OutgoingEdge {
  readonly exchange: Exchange;
  readonly writers: readonly ChannelWriter[];
}

/** The end of a chain: spreads batches over the channels of every outgoing edge. */
export class ExchangeOutput implements Output {
  readonly #workspace: Workspace;
  readonly #edges: readonly OutgoingEdge[];
  #turn: number;
  rowsOut = 0;
  batchesOut = 0;

  constructor(workspace: Workspace, edges: readonly OutgoingEdge[], subtask: number) {
    this.#workspace = workspace;
    this.#edges = edges;
    // Producers start their turns apart, so that small inputs spread as well.
    this.#turn = subtask;
  }

  get isClosed(): boolean {
    return this.#edges.length > 0 && this.#edges.every(({ writers }) => writers.every((writer) => writer.isClosed));
  }

  hasRoom(): boolean {
    return this.#edges.every(({ writers }) => writers.every((writer) => writer.hasRoom()));
  }

  emit(batch: Batch): void {
    try {
      if (batch.rowCount === 0) return;
      this.rowsOut += batch.rowCount;
      this.batchesOut++;
      for (const edge of this.#edges) this.#route(batch, edge);
    } finally {
      batch.release();
    }
  }

  emitWatermark(): void {
    // Bounded input needs none: the end of input closes what is open.
  }

  emitSide(tag: string, batch: Batch): void {
    batch.release();
    throw new InternalError(`Side output "${tag}" is not connected`);
  }

  end(): void {
    for (const { writers } of this.#edges) for (const writer of writers) writer.end();
  }

  #route(batch: Batch, { exchange, writers }: OutgoingEdge): void {
    switch (exchange.kind) {
      case "forward":
      case "gather":
        writers[0].send(batch.retain());
        return;
      case "broadcast":
        for (const writer of writers) writer.send(batch.retain());
        return;
      case "rebalance":
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
