import { buildBatch } from "../core/columns/build.ts";
import { readRows } from "../core/columns/read.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import { Schema } from "../core/schema.ts";
import type { Committable } from "../core/sink.ts";
import { tableFormat } from "../core/snapshot-tables.ts";
import type { SnapshotWriter } from "../core/state-snapshot.ts";
import { int64, utf8 } from "../core/types.ts";
import type { Workspace } from "../core/workspace.ts";

/** What a sink's writer prepared at one barrier and nobody has said is committed. */
export interface PreparedCheckpoint {
  readonly checkpointId: number;
  readonly committables: readonly Committable[];
}

/** Beside the tables of the writers themselves, under the uid of the sink. */
const TABLE = "committables";
const SCHEMA = Schema.of({ checkpointId: int64, committable: utf8 });

export function writePrepared(
  workspace: Workspace,
  writer: SnapshotWriter,
  prepared: readonly PreparedCheckpoint[],
): void {
  const rows = prepared.flatMap(({ checkpointId, committables }) =>
    committables.map((each) => ({ checkpointId: BigInt(checkpointId), committable: JSON.stringify(each) })),
  );
  writer.write(TABLE, "list", buildBatch(workspace, SCHEMA, rows));
}

/** Of all writers of a sink, those of earlier checkpoints first for each writer. */
export function committablesIn(workspace: Workspace, snapshot: JobSnapshot, uid: string): Committable[] {
  const found: Committable[] = [];
  for (const bytes of snapshot.operators[uid]?.tables[TABLE]?.parts ?? []) {
    for (const batch of tableFormat().decodeTable(workspace, bytes)) {
      for (const row of readRows(workspace, batch)) found.push(JSON.parse(row.committable as string) as Committable);
      batch.release();
    }
  }
  return found;
}

/** Names a sink among those of its job. */
export const nameOfSink = ({ id, uid }: { readonly id: number; readonly uid?: string | undefined }): string =>
  uid ?? `sink-${id}`;
