import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import type { Workspace } from "../workspace.ts";
import { copyColumn, copyMarks, describeBatch } from "./copy.ts";
import { batchBytes } from "./size.ts";

/** How many times the bytes of its rows a batch may keep alive. */
const MOST_KEPT = 2;

/**
 * Batches that go on as they are, often as slices of blocks with many more rows. Whoever keeps such a slice, as a sort or
 * a join does, keeps its blocks. Where most rows go on, all of them together keep what there was once; where few do, each
 * slice would keep many times its own bytes, so it is copied.
 */
export class PassingViews {
  #rowsSeen = 0;
  #rowsPassed = 0;

  /** So many rows have come, whether or not they go on. */
  seen(rowCount: number): void {
    this.#rowsSeen += rowCount;
  }

  /** A batch with the same rows, which the caller owns. Nested columns stay slices. */
  pass(workspace: Workspace, batch: Batch): Batch {
    const rowsPassed = this.#rowsPassed + batch.rowCount;
    if (rowsPassed * MOST_KEPT >= this.#rowsSeen) {
      this.#rowsPassed = rowsPassed;
      return batch.retain();
    }
    return keptBytes(batch) <= MOST_KEPT * batchBytes(workspace, batch) ? batch.retain() : copyOf(workspace, batch);
  }
}

const keptBytes = ({ columns }: Batch): number =>
  columns.reduce((sum, { blocks }) => blocks.reduce((all, { byteLength }) => all + byteLength, sum), 0);

function copyOf(workspace: Workspace, batch: Batch): Batch {
  const described = describeBatch(workspace, batch);
  const columns = batch.columns.map((column, i): Column => {
    if (column.children.length > 0) return column.retain();
    return copyColumn(workspace, workspace.u8, column.type, described.columns[i], column.dictionary);
  });
  return new Batch(batch.schema, batch.rowCount, columns, copyMarks(workspace, workspace.u8, described));
}
