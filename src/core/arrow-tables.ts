import * as arrow from "apache-arrow";
import { fromArrow, toArrow } from "./arrow.ts";
import { schemaFromArrow } from "./arrow-types.ts";
import type { Batch } from "./batch.ts";
import { plainColumn } from "./columns/dictionary.ts";
import type { Schema } from "./schema.ts";
import type { Workspace } from "./workspace.ts";

/** What is done in one turn of a thread that has other work: a fraction of a millisecond. */
const TURN_BYTES = 1 << 19;
/** What a batch costs beside its bytes, as so many more. */
const BATCH_BYTES = 1 << 16;

/** The caller holds them until they are encoded, or each is made when it is asked for, and is the encoder's. */
export type EncodedBatches = readonly Batch[] | Iterator<Batch, void>;

/** Batches of one schema, at least one of them, as an Arrow IPC stream. */
export function encodeTable(workspace: Workspace, batches: EncodedBatches): Uint8Array {
  const steps = encoding(workspace, batches);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same in turns. */
export async function encodeTableBehind(
  workspace: Workspace,
  batches: EncodedBatches,
  turn: () => Promise<void>,
): Promise<Uint8Array> {
  const steps = encoding(workspace, batches);
  try {
    for (let bytes = TURN_BYTES; ; ) {
      if (bytes >= TURN_BYTES) {
        await turn();
        bytes = 0;
      }
      const step = steps.next();
      if (step.done === true) return step.value;
      bytes += step.value;
    }
  } finally {
    steps.return(new Uint8Array());
  }
}

/** Gives how many bytes each step was about. */
function* encoding(workspace: Workspace, batches: EncodedBatches): Generator<number, Uint8Array, void> {
  const held: Batch[] = [];
  try {
    const pieces = new Pieces();
    const writer = new arrow.RecordBatchStreamWriter().reset(pieces);
    if ("next" in batches) {
      for (let made = batches.next(); made.done !== true; made = batches.next()) {
        const batch = made.value;
        const columns = batch.columns.map((column) => plainColumn(workspace, column));
        const plain = batch.withColumns(batch.schema, columns);
        batch.release();
        try {
          writer.write(toArrow(workspace, plain, "view"));
          yield pieces.own();
        } finally {
          plain.release();
        }
      }
      writer.finish();
      return yield* pieces.join();
    }
    for (const batch of batches) {
      // Whether a column, or what is inside it, has a dictionary, and which, differs by batch; the stream has one schema.
      const columns = batch.columns.map((column) => plainColumn(workspace, column));
      const plain = batch.withColumns(batch.schema, columns);
      held.push(plain);
      writer.write(toArrow(workspace, plain, "view"));
      yield BATCH_BYTES;
    }
    writer.finish();
    return yield* pieces.join();
  } finally {
    for (const batch of held) batch.release();
  }
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

/** Takes what a writer gives as it is, views of linear memory too, so that all of it is copied once. */
class Pieces extends arrow.AsyncByteQueue {
  readonly #pieces: Uint8Array[] = [];
  #byteLength = 0;
  /** So many pieces are copies. */
  #owned = 0;

  override write(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#byteLength += piece.byteLength;
  }

  /** Copies what may be a view, and gives how much that is. */
  own(): number {
    let bytes = 0;
    for (; this.#owned < this.#pieces.length; this.#owned++) {
      const piece = this.#pieces[this.#owned];
      this.#pieces[this.#owned] = piece.slice();
      bytes += piece.byteLength;
    }
    return bytes;
  }

  *join(): Generator<number, Uint8Array, void> {
    const bytes = new Uint8Array(this.#byteLength);
    let at = 0;
    for (const piece of this.#pieces) {
      for (let from = 0; from < piece.byteLength; from += TURN_BYTES) {
        const part = piece.subarray(from, from + TURN_BYTES);
        bytes.set(part, at);
        at += part.byteLength;
        yield part.byteLength;
      }
    }
    return bytes;
  }
}

/** Columns and rows of an Arrow IPC stream of at least one batch. */
export function tableShape(bytes: Uint8Array): { readonly schema: Schema; readonly rowCount: number } {
  const [first, ...others] = parseTable(bytes);
  const rowCount = others.reduce((sum, { numRows }) => sum + numRows, first.numRows);
  return { schema: schemaFromArrow(first.schema), rowCount };
}
