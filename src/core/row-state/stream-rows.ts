import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { gatherBatch } from "../columns/gather.ts";
import { hashColumns } from "../columns/hash.ts";
import { keyGroups } from "../columns/partition.ts";
import { EvaluationError } from "../errors.ts";
import type { SidePlan } from "../joins/join-plan.ts";
import { DEFAULT_MAX_PARALLELISM } from "../key-group.ts";
import type { OperatorContext } from "../operator.ts";
import { Schema } from "../schema.ts";
import { type ExpectedTable, KEY_GROUP_FIELD, type SnapshotReader, type SnapshotWriter } from "../state-snapshot.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";
import { int32, int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";

/**
 * The event times of a batch, int64 in epoch milliseconds; borrowed.
 * @throws {EvaluationError} EVENT_TIME_MISSING
 */
export function eventTimesOf(batch: Batch, operator: string): Column {
  const { rowTimes } = batch;
  if (rowTimes !== undefined) return rowTimes;
  throw new EvaluationError(
    "EVENT_TIME_MISSING",
    `${operator} reads rows that have no event time.`,
    "Call assignTimestampsAndWatermarks on each of its inputs, or use processing time.",
  );
}

/** @throws {EvaluationError} CHANGELOG_UNSUPPORTED where rows may be taken back */
export function refuseChangelog(batch: Batch, operator: string): void {
  if (batch.rowKinds === undefined) return;
  throw new EvaluationError(
    "CHANGELOG_UNSUPPORTED",
    `${operator} reads a stream whose rows may be taken back later.`,
    "Put it before the operator that makes updates, or use an updating join or aggregate.",
  );
}

/** Rows later than a watermark, and the others; each is the caller's, and undefined where there is none. */
export function splitLate(
  workspace: Workspace,
  batch: Batch,
  watermarkMs: number,
  operator: string,
): { onTime: Batch | undefined; late: Batch | undefined } {
  const times = eventTimesOf(batch, operator);
  const { rowCount } = batch;
  if (rowCount === 0) return { onTime: undefined, late: undefined };
  if (workspace.kernels.eventTimeMin(times.data, rowCount) > watermarkMs) {
    return { onTime: batch.retain(), late: undefined };
  }
  const rows = workspace.allocate(rowCount * 4);
  const count = workspace.kernels.eventTimeSplit(times.data, rowCount, watermarkMs, rows.address);
  const take = (from: number, size: number): Batch | undefined =>
    size === 0 ? undefined : gatherBatch(workspace, batch, rows.address + from * 4, size);
  const onTime = take(0, count);
  const late = count === 0 ? batch.retain() : take(count, rowCount - count);
  rows.release();
  return { onTime, late };
}

/** int32 key group of each row by its key columns; the caller owns the column. */
export function keyGroupColumn(context: OperatorContext, keys: readonly Column[], rowCount: number): Column {
  const { workspace, stream } = context;
  const hashes = hashColumns(workspace, keys, rowCount);
  const data = keyGroups(workspace, hashes, rowCount, stream?.maxParallelism ?? DEFAULT_MAX_PARALLELISM);
  hashes.release();
  return columnOf(workspace, int32, rowCount, { data });
}

/** The schema of a keyed state table: rows of `schema` with their names behind "row.", then further fields. */
export const stateSchema = (schema: Schema, further: Schema): Schema =>
  new Schema([
    KEY_GROUP_FIELD,
    ...schema.fields.map(({ name, type }) => ({ name: `row.${name}`, type })),
    ...further.fields,
  ]);

/** Such a table as a side of a join expects it: columns of its rows may be new, but not those of its key. */
export function rowTable({ schema, keys }: Pick<SidePlan, "schema" | "keys">, further: Schema): ExpectedTable {
  const { fields } = stateSchema(schema, further);
  const names = fields.slice(1, 1 + schema.fields.length).map(({ name }) => name);
  const own = keys.map((key) => names[key]);
  return { fields, keys: own, addable: names.filter((name) => !own.includes(name)) };
}

const WATERMARK_TABLE = "watermark";
const WATERMARK_SCHEMA = Schema.of({ watermarkMs: int64 });

/** Lets the watermark survive, so that what is closed stays closed. */
export function snapshotWatermark(workspace: Workspace, writer: SnapshotWriter, watermarkMs: number): void {
  const data = workspace.allocate(8);
  // Of a job that was drained the end of time is over when it goes on: its sources tell where it is.
  const keptMs = watermarkMs >= END_OF_TIME_MS ? START_OF_TIME_MS : watermarkMs;
  workspace.kernels.eventTimeFill(keptMs, 1, data.address);
  const column = columnOf(workspace, int64, 1, { data });
  writer.write(WATERMARK_TABLE, "union", new Batch(WATERMARK_SCHEMA, 1, [column]));
}

/** The least watermark of the subtasks of before, so that no row counts as late that was not. */
export function restoreWatermark(workspace: Workspace, reader: SnapshotReader): number {
  let least = Number.POSITIVE_INFINITY;
  for (const batch of reader.read(WATERMARK_TABLE)) {
    if (batch.rowCount > 0) {
      least = Math.min(least, workspace.kernels.eventTimeMin(batch.columns[0].data, batch.rowCount));
    }
    batch.release();
  }
  return Number.isFinite(least) ? least : START_OF_TIME_MS;
}
