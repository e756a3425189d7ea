import * as fc from "fast-check";
import { expect, it } from "vitest";
import { gatherColumn, NO_ROW } from "../../src/core/columns/gather.ts";
import { isPackable, PackedRows } from "../../src/core/columns/packed-rows.ts";
import { columnReader } from "../../src/core/columns/read.ts";
import { anyShape, anyType, longStrings, nullable, shapedColumn, valueOfType } from "../support/arbitrary-column.ts";
import { withWorkspace } from "../support/workspace.ts";

it("packed rows give the values that the columns give: every flat type, nulls, encodings, missing rows", () =>
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyType, anyShape), { minLength: 1, maxLength: 6 }).chain((columns) =>
        fc.record({
          columns: fc.constant(columns),
          rows: fc.array(
            fc.tuple(...columns.map(([type]) => nullable(type.kind === "utf8" ? longStrings : valueOfType(type)))),
            { maxLength: 30, size: "max" },
          ),
          picks: fc.array(fc.nat(40), { maxLength: 40 }),
        }),
      ),
      ({ columns, rows, picks }) =>
        withWorkspace((ws) => {
          const all = columns.map(([type, shape], i) =>
            shapedColumn(
              ws,
              type,
              rows.map((row) => row[i]),
              shape,
            ),
          );
          const packable = all.filter(isPackable);
          const packed = new PackedRows(ws, packable, rows.length);
          const indices = ws.allocate(picks.length * 4);
          for (const nullable of [true, false]) {
            const numbers = picks
              .map((pick) => (pick < rows.length ? pick : NO_ROW))
              .filter((row) => nullable || row !== NO_ROW);
            ws.u32.set(numbers, indices.address >>> 2);
            for (const [i, column] of packable.entries()) {
              const expected = gatherColumn(ws, column, indices.address, numbers.length, nullable);
              const actual = packed.gather(i, indices.address, numbers.length, nullable);
              const [readExpected, readActual] = [columnReader(ws, expected), columnReader(ws, actual)];
              expect(numbers.map((_, row) => readActual(row))).toEqual(numbers.map((_, row) => readExpected(row)));
              expect(actual.nullCount).toBe(expected.nullCount);
              actual.release();
              expected.release();
            }
          }
          for (const owned of [indices, packed, ...all]) owned.release();
        }),
    ),
    { numRuns: 200 },
  ));
