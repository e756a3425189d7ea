import type { Column } from "../column.ts";

/** One argument of a routine: a column of the frame's rows, or one value for all of them. */
export interface Operand {
  readonly column: Column;
  /** The column has one row, which stands for every row. */
  readonly isSingle: boolean;
}
