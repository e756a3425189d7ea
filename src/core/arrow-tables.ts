import * as arrow from "apache-arrow";
import { fromArrow, toArrow } from "./arrow.ts";
import type { Batch } from "./batch.ts";
import { plainColumn } from "./columns/dictionary.ts";
import type { Workspace } from "./workspace.ts";

/** Batches of one schema, at least one of them, as an Arrow IPC stream. */
export function encodeTable(workspace: Workspace, batches: readonly Batch[]): Uint8Array {
  const writer = new arrow.RecordBatchStreamWriter();
  for (const batch of batches) {
    // Whether a column, or what is inside it, has a dictionary, and which, differs by batch; the stream has one schema.
    const columns = batch.columns.map((column) => plainColumn(workspace, column));
    const plain = batch.withColumns(batch.schema, columns);
    writer.write(toArrow(workspace, plain, "copy"));
    plain.release();
  }
  return writer.finish().toUint8Array(true);
}

/** The batches of an Arrow IPC stream; the caller owns each. */
export function* decodeTable(workspace: Workspace, bytes: Uint8Array): Generator<Batch, void, void> {
  yield* batchesOf(workspace, parseTable(bytes));
}

/** The parts of an Arrow IPC stream, which share its bytes. */
export const parseTable = (bytes: Uint8Array): Iterable<arrow.RecordBatch> => arrow.RecordBatchReader.from(bytes);

export function* batchesOf(workspace: Workspace, parsed: Iterable<arrow.RecordBatch>): Generator<Batch, void, void> {
  for (const recordBatch of parsed) yield fromArrow(workspace, recordBatch);
}
