import type { Batch } from "../core/batch.ts";
import { gatherBatch } from "../core/columns/gather.ts";
import { hashColumns } from "../core/columns/hash.ts";
import { keyGroupOwners } from "../core/columns/partition.ts";
import { Schema } from "../core/schema.ts";
import type { Workspace } from "../core/workspace.ts";
import type { InFlightOwner, InFlightPlace } from "./in-flight-tables.ts";
import { type Exchange, inputUid, type JobGraph, type JobVertex } from "./job-graph.ts";

/** The edge of an input that barriers may overtake; those of one input are all alike. */
export const overtakenEdge = ({ edges }: Pick<JobGraph, "edges">, vertex: Pick<JobVertex, "id">, input: number) =>
  edges.find((edge) => edge.to === vertex.id && edge.input === input && edge.mayBeOvertaken === true);

/** What a subtask of a restored job takes of what was in flight to its vertex. */
export function inFlightOwner(graph: JobGraph, vertex: JobVertex, place: InFlightPlace): InFlightOwner {
  return {
    ...place,
    uid: inputUid(vertex) ?? vertex.name,
    schemaOf: (input) => {
      return overtakenEdge(graph, vertex, input) === undefined ? undefined : new Schema(vertex.inputs[input]);
    },
    owned: (batch, input, channel) => {
      const exchange = overtakenEdge(graph, vertex, input)?.exchange;
      return exchange === undefined ? undefined : ownedRows(exchange, batch, channel, place);
    },
  };
}

/** Rows go where the exchange would send them. Where it promises no order, those of one channel stay together. */
function ownedRows(exchange: Exchange, batch: Batch, channel: number, place: InFlightPlace): Batch | undefined {
  const { workspace, subtask, parallelism } = place;
  if (parallelism === 1) return batch.retain();
  if (exchange.kind === "keyGroup") {
    const keys = exchange.keys.map((key) => batch.columns[batch.schema.indexOf(key)]);
    const hashes = hashColumns(workspace, keys, batch.rowCount);
    const owners = keyGroupOwners(workspace, hashes, batch.rowCount, parallelism, exchange.maxParallelism);
    hashes.release();
    const owned = rowsOf(workspace, batch, owners.address, subtask);
    owners.release();
    return owned;
  }
  const owner = exchange.kind === "global" ? 0 : channel % parallelism;
  return owner === subtask ? batch.retain() : undefined;
}

function rowsOf(workspace: Workspace, batch: Batch, owners: number, subtask: number): Batch | undefined {
  const { rowCount } = batch;
  const rows = workspace.allocate((rowCount + 1) * 4);
  const count = workspace.kernels.windowSelectPanes(owners, rowCount, subtask, subtask + 1, rows.address);
  const owned = count === 0 ? undefined : gatherBatch(workspace, batch, rows.address, count);
  rows.release();
  return owned;
}
