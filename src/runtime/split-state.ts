import { buildBatch } from "../core/columns/build.ts";
import { readRows } from "../core/columns/read.ts";
import { Schema } from "../core/schema.ts";
import type { Json, Split, Unread } from "../core/source.ts";
import type { SnapshotReader, SnapshotWriter } from "../core/state-snapshot.ts";
import { bool, int64, utf8 } from "../core/types.ts";
import type { Workspace } from "../core/workspace.ts";

/** How far a split has been read. */
export interface SplitState {
  readonly split: Split;
  /** Where its reader goes on; absent where it starts, or counts rows only. */
  readonly offset?: Json;
  /** Rows that were given. */
  readonly rows: number;
  readonly isDone: boolean;
  readonly watermarkMs?: number;
}

/** What is kept of a split that was read to its end: enough to know it again, and whose it is. */
export const finishedState = ({ id, ordinal, unit }: Split): SplitState => ({
  split: {
    id,
    payload: null,
    ...(ordinal === undefined ? {} : { ordinal }),
    ...(unit === undefined ? {} : { unit }),
  },
  rows: 0,
  isDone: true,
});

const TABLE = "splits";
const SCHEMA = Schema.of({ id: utf8, split: utf8, offset: utf8, rows: int64, isDone: bool, watermarkMs: int64 });

export function writeSplitStates(workspace: Workspace, writer: SnapshotWriter, states: readonly SplitState[]): void {
  const rows = states.map(({ split, offset, rows, isDone, watermarkMs }) => ({
    id: split.id,
    // Of most finished splits the id says all: their number grows, and this is what a snapshot holds of each.
    split: isDone && split.ordinal === undefined && split.unit === undefined ? null : JSON.stringify(split),
    offset: offset === undefined ? null : JSON.stringify(offset),
    rows: BigInt(rows),
    isDone,
    watermarkMs: watermarkMs === undefined ? null : BigInt(watermarkMs),
  }));
  writer.write(TABLE, "union", buildBatch(workspace, SCHEMA, rows));
}

export function readSplitStates(workspace: Workspace, reader: SnapshotReader): SplitState[] {
  const states: SplitState[] = [];
  for (const batch of reader.read(TABLE)) {
    for (const row of readRows(workspace, batch)) {
      states.push({
        split:
          row.split === null ? { id: row.id as string, payload: null } : (JSON.parse(row.split as string) as Split),
        rows: Number(row.rows),
        isDone: row.isDone as boolean,
        ...(row.offset === null ? {} : { offset: JSON.parse(row.offset as string) as Json }),
        ...(row.watermarkMs === null ? {} : { watermarkMs: Number(row.watermarkMs) }),
      });
    }
    batch.release();
  }
  return states;
}

/** The subtask that reads a split: by its number where it has one, else by a hash of its id (FNV-1a). */
export function splitOwner({ id, ordinal }: Split, parallelism: number): number {
  if (ordinal !== undefined) return ordinal % parallelism;
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193) >>> 0;
  return hash % parallelism;
}

/** What is left of a split that nobody reads, as far as it is known. */
export const unreadOf = ({ split: { rows, bytes }, rows: given }: Pick<SplitState, "split" | "rows">): Unread => ({
  ...(rows === undefined ? {} : { rows: Math.max(0, rows - given) }),
  ...(bytes === undefined ? {} : { bytes }),
});
