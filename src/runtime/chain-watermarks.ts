import { Batch } from "../core/batch.ts";
import { columnOf } from "../core/columns/allocate.ts";
import type { OperatorContext } from "../core/operator.ts";
import { Schema } from "../core/schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../core/state-snapshot.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../core/time/time.ts";
import { int32, int64 } from "../core/types.ts";
import type { Workspace } from "../core/workspace.ts";

/** Besides the tables that an operator or source has of its own. */
export const WATERMARK_TABLE = "inputWatermark";
const SCHEMA = Schema.of({ watermarkMs: int64, subtask: int32, parallelism: int32 });

/** Whose watermark it is. */
type Place = Required<Pick<OperatorContext, "workspace" | "subtask" | "parallelism">>;

/** Remembers the watermark that a subtask had got; the end of time is no event time to go on from. */
export function writeWatermark(
  { workspace, subtask, parallelism }: Place,
  writer: SnapshotWriter,
  timeMs: number,
): void {
  if (timeMs >= END_OF_TIME_MS) return;
  const time = workspace.allocate(8);
  workspace.i64[time.address >>> 3] = BigInt(timeMs);
  const columns = [subtask, parallelism].map((value) => {
    const data = workspace.allocate(4);
    workspace.i32[data.address >>> 2] = value;
    return columnOf(workspace, int32, 1, { data });
  });
  writer.write(
    WATERMARK_TABLE,
    "union",
    new Batch(SCHEMA, 1, [columnOf(workspace, int64, 1, { data: time }), ...columns]),
  );
}

/**
 * The watermark to go on from: the subtask's own where all steps have as many as before, else the least of all, so that no
 * row counts as late that was not. START_OF_TIME_MS where none is known.
 */
export function readWatermark({ workspace, subtask, parallelism }: Place, reader: SnapshotReader): number {
  let least = Number.POSITIVE_INFINITY;
  let own = START_OF_TIME_MS;
  let isSpreadAsBefore = false;
  for (const batch of reader.read(WATERMARK_TABLE)) {
    const [times, subtasks, parallelisms] = batch.columns.map(({ data }) => data);
    for (let row = 0; row < batch.rowCount; row++) {
      const timeMs = Number(workspace.i64[(times >>> 3) + row]);
      least = Math.min(least, timeMs);
      if (workspace.i32[(parallelisms >>> 2) + row] !== parallelism) continue;
      isSpreadAsBefore = true;
      if (workspace.i32[(subtasks >>> 2) + row] === subtask) own = timeMs;
    }
    batch.release();
  }
  if (isSpreadAsBefore && reader.hasNewLayout !== true) return own;
  return Number.isFinite(least) ? least : START_OF_TIME_MS;
}

/** The numbers of subtasks that the watermarks of a step were kept by; none where none are known. */
export function parallelismsIn(workspace: Workspace, reader: SnapshotReader): number[] {
  const found: number[] = [];
  for (const batch of reader.read(WATERMARK_TABLE)) {
    const at = batch.columns[SCHEMA.indexOf("parallelism")].data >>> 2;
    found.push(...workspace.i32.subarray(at, at + batch.rowCount));
    batch.release();
  }
  return found;
}
