import type { Batch } from "../batch.ts";
import { batchBytes } from "../columns/size.ts";
import { sliceBatch } from "../columns/slice.ts";
import { EvaluationError } from "../errors.ts";
import type { SpillableState } from "../memory/governor.ts";
import type { SpillFile, SpillReader, SpillWriter } from "../spill-file.ts";
import type { SpillSpace } from "../spill-space.ts";
import type { Workspace } from "../workspace.ts";
import type { Row, RowReader } from "./row-view.ts";

/** Rows that can be read once: a second reading throws ROWS_CONSUMED rather than giving nothing. */
export function iterableOnce(where: string, iterate: () => Iterator<Row>): Iterable<Row> {
  let isRead = false;
  return {
    [Symbol.iterator]: () => {
      if (isRead) {
        throw new EvaluationError(
          "ROWS_CONSUMED",
          `The rows given to ${where} are read a second time.`,
          "They can be iterated once; keep them with [...rows] where memory allows it.",
        );
      }
      isRead = true;
      return iterate();
    },
  };
}

interface Piece {
  readonly batch: Batch;
  readonly start: number;
  readonly end: number;
}

/**
 * Rows that a function will read as an iterable, kept as pieces of batches, which go to disk when memory is short.
 * First `add`, then `rows`, which can be read once and frees each batch behind it; `close` at any time.
 */
export class RowRun implements SpillableState {
  readonly name = "rows of a function";
  readonly #workspace: Workspace;
  readonly #space: SpillSpace;
  readonly #pieces: Piece[] = [];
  #bytes = 0;
  #writer: SpillWriter | undefined;
  #file: SpillFile | undefined;
  #reader: SpillReader | undefined;
  #current: Batch | undefined;
  #isRead = false;
  #isClosed = false;

  constructor(workspace: Workspace, space: SpillSpace) {
    this.#workspace = workspace;
    this.#space = space;
    workspace.governor.register(this);
  }

  /** Keeps the rows [start, end) of a batch, which it borrows. */
  add(batch: Batch, start: number, end: number): void {
    if (start === end) return;
    this.#pieces.push({ batch: batch.retain(), start, end });
    this.#bytes += batchBytes(this.#workspace, batch);
    this.#workspace.governor.reserve(0, this.name);
  }

  spillableBytes(): number {
    return this.#isRead ? 0 : this.#bytes;
  }

  spill(): void {
    const [first] = this.#pieces;
    if (this.#isRead || first === undefined) return;
    this.#writer ??= this.#space.create(first.batch.schema);
    for (const { batch, start, end } of this.#pieces) {
      const rows = sliceBatch(this.#workspace, batch, start, end - start);
      try {
        this.#writer.write(this.#workspace, rows);
      } finally {
        rows.release();
      }
    }
    this.#releasePieces();
  }

  /** Copies of the rows in order, made by `reader`, which serves nothing else meanwhile. */
  rows(reader: RowReader, where: string): Iterable<Row> {
    return iterableOnce(where, () => {
      this.#isRead = true;
      return this.#copies(reader);
    });
  }

  close(): void {
    this.#isRead = true;
    this.#isClosed = true;
    this.#workspace.governor.unregister(this);
    this.#current?.release();
    this.#current = undefined;
    this.#releasePieces();
    this.#reader?.close();
    if (this.#file !== undefined) this.#space.remove(this.#file);
    this.#file = undefined;
    // An unfinished writer is aborted by the spill space.
  }

  *#copies(reader: RowReader): Generator<Row, undefined> {
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      this.#current = piece.batch;
      reader.bind(piece.batch);
      for (let row = piece.start; row < piece.end; row++) {
        yield reader.copyAt(row);
        // A function may keep the iterator and ask again after its call.
        if (this.#isClosed) return undefined;
      }
      this.#current = undefined;
      piece.batch.release();
    }
    return undefined;
  }

  /** The next piece, whose batch the caller owns: what went to disk came first. */
  #next(): Piece | undefined {
    if (this.#writer !== undefined) {
      this.#file = this.#space.finish(this.#writer);
      this.#writer = undefined;
    }
    if (this.#file !== undefined) {
      this.#reader ??= this.#file.open();
      const batch = this.#reader.next(this.#workspace);
      if (batch !== undefined) return { batch, start: 0, end: batch.rowCount };
      this.#reader.close();
      this.#space.remove(this.#file);
      this.#reader = undefined;
      this.#file = undefined;
    }
    return this.#pieces.shift();
  }

  #releasePieces(): void {
    for (const { batch } of this.#pieces) batch.release();
    this.#pieces.length = 0;
    this.#bytes = 0;
  }
}
