import * as fc from "fast-check";
import type { Column } from "../../src/core/column.ts";
import type { DataType } from "../../src/core/types.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import { anyShape, nullable, type Shape, shapedColumn, valueOfType } from "./arbitrary-column.ts";

/** Rows of some columns, and how they are cut into batches. */
export interface TableSample {
  readonly types: readonly DataType[];
  /** Values by column, then row. */
  readonly columns: readonly (readonly unknown[])[];
  readonly rowCount: number;
  /** One shape per column, which all its batches share. */
  readonly shapes: readonly Shape[];
  /** Rows per batch; they sum up to rowCount. */
  readonly cuts: readonly number[];
}

/** Values repeat, so that groups have more than one row. */
export const anyTable = (types: fc.Arbitrary<readonly DataType[]>, maxRows = 60): fc.Arbitrary<TableSample> =>
  fc.record({ types, rowCount: fc.integer({ min: 0, max: maxRows }) }).chain(({ types, rowCount }) =>
    fc.record({
      types: fc.constant(types),
      rowCount: fc.constant(rowCount),
      columns: fc.tuple(...types.map((type) => repeatingValues(type, rowCount))),
      shapes: fc.tuple(...types.map(() => anyShape)),
      cuts: anyCuts(rowCount),
    }),
  );

function repeatingValues(type: DataType, rowCount: number): fc.Arbitrary<unknown[]> {
  return fc
    .array(nullable(valueOfType(type)), { minLength: 1, maxLength: 12, size: "max" })
    .chain((pool) => fc.array(fc.constantFrom(...pool), { minLength: rowCount, maxLength: rowCount, size: "max" }));
}

const anyCuts = (rowCount: number): fc.Arbitrary<number[]> =>
  fc
    .array(fc.integer({ min: 0, max: rowCount }), { maxLength: 4 })
    .map((points) => [...points, rowCount].sort((a, b) => a - b))
    .map((points) => points.map((point, i) => point - (points[i - 1] ?? 0)));

/** The columns of each batch of a sample; the callee borrows them. */
export function forEachBatch(
  ws: Workspace,
  { types, columns, shapes, cuts }: TableSample,
  use: (columns: Column[], rowCount: number, firstRow: number) => void,
): void {
  let first = 0;
  for (const rowCount of cuts) {
    const built = types.map((type, i) => shapedColumn(ws, type, columns[i].slice(first, first + rowCount), shapes[i]));
    use(built, rowCount, first);
    for (const column of built) column.release();
    first += rowCount;
  }
}
