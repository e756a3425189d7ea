import type { Column } from "../../core/column.ts";
import type { ColumnReader } from "../../core/columns/read.ts";
import { columnBytes } from "../../core/columns/size.ts";
import { storedReader } from "../../core/state/stored-reader.ts";
import type { DataType } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";
import type { Cell } from "./key-entry.ts";

/** A cell that was not read is a number: that of its column in the upper bits, and of its row. */
const ROW_BITS = 16;
const MOST_COLUMNS = 2 ** 14;

/** Whether values are dear to make, and never numbers, which stand for those that were not made yet. */
export const canStayUnread = ({ kind }: DataType): boolean =>
  kind === "utf8" || kind === "binary" || kind === "list" || kind === "map" || kind === "struct";

/** Restored values of a state that are still in their columns: what a job does not need at once is read beside its rows. */
export class UnreadValues {
  readonly #workspace: Workspace;
  readonly #columns: Column[] = [];
  readonly #readers: ColumnReader[] = [];

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  get isEmpty(): boolean {
    return this.#columns.length === 0;
  }

  get memoryBytes(): number {
    return this.#columns.reduce((sum, column) => sum + columnBytes(this.#workspace, column), 0);
  }

  /** The cell of the first row; those of the others count up from it. Undefined where the column has to be read at once. */
  add(column: Column): number | undefined {
    if (column.length > 2 ** ROW_BITS || this.#columns.length === MOST_COLUMNS) return undefined;
    this.#readers.push(storedReader(this.#workspace, column));
    return (this.#columns.push(column.retain()) - 1) << ROW_BITS;
  }

  /** What the cell stands for. */
  valueOf(cell: Cell): unknown {
    if (typeof cell !== "number") return cell;
    return this.#readers[cell >>> ROW_BITS](cell & (2 ** ROW_BITS - 1));
  }

  /** No cell stands for another value any more. */
  release(): void {
    for (const column of this.#columns.splice(0)) column.release();
    this.#readers.length = 0;
  }
}
