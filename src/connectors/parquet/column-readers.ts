import type { Column } from "../../core/column.ts";
import { gatherColumn } from "../../core/columns/gather.ts";
import { sliceColumn } from "../../core/columns/slice.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Workspace } from "../../core/workspace.ts";
import type { LeafDecoder } from "./leaf-decoder.ts";
import { decodeNestedColumn } from "./nested-columns.ts";
import type { SchemaNode } from "./schema-mapping.ts";

/** Reads one top-level column of a row group, front to back. */
export interface ColumnReader {
  /** Rows [start, end) of the row group; calls go forward. The caller owns the column. */
  read(start: number, end: number): Column;
  /** The rows u32[count] at `rows`, indices in the row group, ascending and at least one; calls go forward, with `read`. */
  pick(rows: Address, count: number): Column;
  /** Frees what lies before row `row`: nobody asks for it again. */
  forget(row: number): void;
  release(): void;
}

/** A nested column: its leaves must be cut at the same rows, so the row group is decoded as a whole. */
export class NestedColumnReader implements ColumnReader {
  readonly #workspace: Workspace;
  readonly #node: SchemaNode;
  readonly #rowCount: number;
  #decoders: readonly LeafDecoder[];
  #column: Column | undefined;

  constructor(workspace: Workspace, node: SchemaNode, decoders: readonly LeafDecoder[], rowCount: number) {
    this.#workspace = workspace;
    this.#node = node;
    this.#decoders = decoders;
    this.#rowCount = rowCount;
  }

  read(start: number, end: number): Column {
    const slice = sliceColumn(this.#workspace, this.#decoded(), start, end - start);
    this.forget(end);
    return slice;
  }

  pick(rows: Address, count: number): Column {
    return gatherColumn(this.#workspace, this.#decoded(), rows, count);
  }

  #decoded(): Column {
    if (this.#column === undefined) {
      this.#column = decodeNestedColumn(this.#workspace, this.#node, this.#decoders, this.#rowCount);
      this.#releaseDecoders();
    }
    return this.#column;
  }

  forget(row: number): void {
    if (row >= this.#rowCount) this.release();
  }

  #releaseDecoders(): void {
    for (const decoder of this.#decoders) decoder.release();
    this.#decoders = [];
  }

  release(): void {
    this.#releaseDecoders();
    this.#column?.release();
    this.#column = undefined;
  }
}
