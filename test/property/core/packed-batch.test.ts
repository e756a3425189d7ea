import fc from "fast-check";
import { expect, it } from "vitest";
import type { BatchDescriptor, ColumnDescriptor } from "../../../src/core/columns/copy.ts";
import { packBatch, unpackBatch } from "../../../src/core/columns/packed-batch.ts";

const address = fc.oneof(fc.constantFrom(0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1), fc.nat());
const plain = {
  length: fc.nat(),
  nullCount: fc.nat(),
  validity: address,
  data: address,
  dataStart: fc.nat(),
  dataBytes: address,
  offsets: address,
};

const { column: anyColumn } = fc.letrec<{ column: ColumnDescriptor }>((tie) => ({
  column: fc.record(
    {
      ...plain,
      wordBits: fc.integer({ min: 0, max: 63 }),
      children: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.constant<ColumnDescriptor[]>([]),
        fc.array(tie("column"), { maxLength: 3 }),
      ),
      dictionary: fc.oneof(
        { depthSize: "small" },
        fc.record({ ...plain, children: fc.constant<ColumnDescriptor[]>([]) }),
        tie("column"),
      ),
    },
    { requiredKeys: ["length", "nullCount", "validity", "data", "dataStart", "dataBytes", "offsets", "children"] },
  ),
}));

const anyBatch: fc.Arbitrary<BatchDescriptor> = fc.record(
  { rowCount: fc.nat(), columns: fc.array(anyColumn, { maxLength: 5 }), rowKinds: anyColumn, rowTimes: anyColumn },
  { requiredKeys: ["rowCount", "columns"] },
);

it("a described batch is the same behind a message of numbers", () => {
  fc.assert(
    fc.property(anyBatch, (batch) => {
      expect(unpackBatch(structuredClone(packBatch(batch)))).toEqual(batch);
    }),
  );
});
