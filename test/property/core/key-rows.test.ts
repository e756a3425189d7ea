import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeKeyRows } from "../../../src/core/columns/key-rows.ts";
import { columnReader } from "../../../src/core/columns/read.ts";
import { groupRows } from "../../reference/groups.ts";
import { anyType } from "../../support/arbitrary-column.ts";
import { anyTable, forEachBatch } from "../../support/arbitrary-table.ts";
import { withWorkspace } from "../../support/workspace.ts";

it("encodes rows alike exactly where they are equal in every column", () => {
  fc.assert(
    fc.property(anyTable(fc.array(anyType, { minLength: 1, maxLength: 3, size: "max" })), (sample) =>
      withWorkspace((ws) => {
        const encoded: unknown[][] = [];
        forEachBatch(ws, sample, (columns, rowCount) => {
          const rows = encodeKeyRows(ws, columns, rowCount);
          const read = columnReader(ws, rows);
          for (let row = 0; row < rowCount; row++) encoded.push([read(row)]);
          rows.release();
        });
        const rows = Array.from({ length: sample.rowCount }, (_, row) => sample.columns.map((values) => values[row]));
        expect(groupRows(encoded).groups).toEqual(groupRows(rows).groups);
      }),
    ),
    { numRuns: 300 },
  );
});
