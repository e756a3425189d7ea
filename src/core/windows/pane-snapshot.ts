import type { AggregatePlan } from "../aggregates/aggregate-set.ts";
import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { buildBatch } from "../columns/build.ts";
import { PlanError } from "../errors.ts";
import type { OperatorContext } from "../operator.ts";
import { keyGroupColumn } from "../row-state/stream-rows.ts";
import { type Field, Schema } from "../schema.ts";
import { keyedTable } from "../state/state-table.ts";
import {
  KEY_GROUP_FIELD,
  type LeastValue,
  REMOVED_FIELD,
  type SnapshotReader,
  type SnapshotWriter,
  snapshotRows,
} from "../state-snapshot.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";
import { bool, int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { PaneGroups } from "./pane-chunk.ts";
import type { PaneGrid } from "./pane-grid.ts";
import type { PaneStore } from "./pane-store.ts";

/** keyed: key group, first millisecond of the pane, keys, partial states; one row per pane and key. */
const PANES = "panes";
/** union: how far windows have fired, and the cuts of the time axis into panes; one row per subtask. */
const PROGRESS = "progress";
const PROGRESS_SCHEMA = new Schema(
  ["timeMs", "offsetMs", "periodMs", "cutMs"].map((name): Field => ({ name, type: int64 })),
);
const FIRST_KEY = 2;
const PANE_START = "paneStartMs";

/** No key or state can have the name of another column: theirs have a space. */
export function paneStateSchema(keyFields: readonly Field[], plan: AggregatePlan): Schema {
  return new Schema([
    KEY_GROUP_FIELD,
    { name: PANE_START, type: int64 },
    ...keyFields.map(({ name, type }): Field => ({ name: `key ${name}`, type })),
    ...plan.keptFields("state "),
  ]);
}

/** Writes the panes from `firstPane` on, as what has changed where that is worth it, and how far windows have fired. */
export function writePanes(
  context: OperatorContext,
  writer: SnapshotWriter,
  schema: Schema,
  state: { readonly store: PaneStore; readonly grid: PaneGrid; readonly firstPane: number; readonly timeMs: number },
): void {
  const { workspace } = context;
  const batchRows = snapshotRows(context.batchRows);
  const { store, grid, firstPane, timeMs } = state;
  const living = { first: firstPane, end: Number.POSITIVE_INFINITY };
  const changed = store.takeChanges(writer);
  try {
    if (changed !== undefined && writer.changes?.isWorth(PANES, changed.count, changed.total)) {
      const { changes } = writer;
      const marked = new Schema([...schema.fields, REMOVED_FIELD]);
      const unit = [...schema.names.slice(FIRST_KEY, FIRST_KEY + store.keyCount), PANE_START];
      const least = leastStart(grid, firstPane);
      const write = (batch: Batch) => changes.write(PANES, unit, batch, least);
      write(buildBatch(workspace, marked, []));
      for (const piece of changed.groups(living, batchRows)) {
        const { rowCount } = piece.groups;
        const removed = workspace.allocateZeroed(((rowCount + 7) >>> 3) + 1);
        const isRemoved = columnOf(workspace, bool, rowCount, { data: removed });
        write(new Batch(marked, rowCount, [...stateColumns(context, grid, piece), isRemoved]));
      }
    } else {
      // An empty table keeps its schema.
      writer.write(PANES, "keyed", buildBatch(workspace, schema, []));
      for (const piece of store.groups(living, "states", batchRows)) {
        const columns = stateColumns(context, grid, piece);
        writer.write(PANES, "keyed", new Batch(schema, piece.groups.rowCount, columns));
      }
    }
  } finally {
    changed?.release();
  }
  // Of a job that was drained the end of time is over when it goes on: its sources tell where it is.
  const keptMs = timeMs >= END_OF_TIME_MS ? START_OF_TIME_MS : timeMs;
  const progress = { timeMs: keptMs, offsetMs: grid.offsetMs, periodMs: grid.periodMs, cutMs: grid.cutMs };
  const row = Object.fromEntries(Object.entries(progress).map(([name, value]) => [name, BigInt(value)]));
  writer.write(PROGRESS, "union", buildBatch(workspace, PROGRESS_SCHEMA, [row]));
}

/** Panes that were dropped need no rows that say so. */
function leastStart(grid: PaneGrid, firstPane: number): LeastValue | undefined {
  if (firstPane === Number.NEGATIVE_INFINITY) return undefined;
  const value = Number.isFinite(firstPane) ? grid.startMs(firstPane) : Number.MAX_SAFE_INTEGER;
  return { column: PANE_START, value };
}

/** Key group, start of the pane, keys and states of groups, which it takes over. */
function stateColumns(
  context: OperatorContext,
  { offsetMs, periodMs, cutMs }: PaneGrid,
  { groups, firstPane }: { readonly groups: PaneGroups; readonly firstPane: number },
): Column[] {
  const { workspace } = context;
  const { rowCount, keys, panes, values } = groups;
  const starts = workspace.allocate(rowCount * 8);
  workspace.kernels.windowPaneStarts(panes.data, rowCount, firstPane, offsetMs, periodMs, cutMs, starts.address);
  panes.release();
  const startColumn = columnOf(workspace, int64, rowCount, { data: starts });
  return [keyGroupColumn(context, keys, rowCount), startColumn, ...keys, ...values];
}

/**
 * How far windows had fired; undefined where the snapshot does not tell.
 * @throws {PlanError} WINDOW_STATE_MISMATCH where its panes are not those of the grid
 */
export function readProgress(workspace: Workspace, reader: SnapshotReader, grid: PaneGrid): number | undefined {
  let least: number | undefined;
  for (const batch of reader.read(PROGRESS)) {
    for (let row = 0; row < batch.rowCount; row++) {
      const [timeMs, ...cuts] = batch.columns.map(({ data }) => Number(workspace.i64[(data >>> 3) + row]));
      const isSame = [grid.offsetMs, grid.periodMs, grid.cutMs].every((value, i) => value === cuts[i]);
      if (!isSame) {
        batch.release();
        throw new PlanError(
          "WINDOW_STATE_MISMATCH",
          `The snapshot holds panes of ${cuts[1]} ms (offset ${cuts[0]}, cut ${cuts[2]}), this job has panes of ${grid.periodMs} ms (offset ${grid.offsetMs}, cut ${grid.cutMs}).`,
          "Keep the size, slide and offset of the window, or give the operator a new uid to start without state.",
        );
      }
      // Barriers are aligned, so all subtasks had one watermark; the least of several would lose no result.
      least = Math.min(least ?? timeMs, timeMs);
    }
    batch.release();
  }
  return least;
}

/** Keys, then states, with the start of the pane as row time. The caller owns each batch. */
export function* readPanes(reader: SnapshotReader, expected: Schema): Generator<Batch, void, void> {
  for (const batch of reader.read(PANES, keyedTable(expected.fields))) {
    const schema = new Schema(batch.schema.fields.slice(FIRST_KEY));
    const columns = batch.columns.slice(FIRST_KEY).map((column) => column.retain());
    const states = new Batch(schema, batch.rowCount, columns, { times: batch.columns[1].retain() });
    batch.release();
    yield states;
  }
}
