import fc from "fast-check";
import { expect, it } from "vitest";
import { Batch } from "../../../src/core/batch.ts";
import { hashColumns } from "../../../src/core/columns/hash.ts";
import { keyGroupOwners, keyGroups, partitionBatch, partitionNumbers } from "../../../src/core/columns/partition.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import { HIGHEST_MAX_PARALLELISM, subtaskOfKeyGroup } from "../../../src/core/key-group.ts";
import { Schema } from "../../../src/core/schema.ts";
import { hashRow } from "../../reference/hash.ts";
import { anyShape, anyType, longStrings, nullable, shapedColumn, valueOfType } from "../../support/arbitrary-column.ts";
import { withWorkspace } from "../../support/workspace.ts";

const anyColumns = fc
  .record({
    types: fc.array(anyType, { minLength: 1, maxLength: 3, size: "max" }),
    length: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom(64, 129)),
  })
  .chain(({ types, length }) =>
    fc.record({
      types: fc.constant(types),
      length: fc.constant(length),
      columns: fc.tuple(
        ...types.map((type) =>
          fc.array(nullable(type.kind === "utf8" ? longStrings : valueOfType(type)), {
            minLength: length,
            maxLength: length,
            size: "max",
          }),
        ),
      ),
      shapes: fc.tuple(...types.map(() => anyShape)),
    }),
  );

it("hashes as the scalar reference does, whatever the encoding", () => {
  fc.assert(
    fc.property(anyColumns, ({ types, length, columns, shapes }) =>
      withWorkspace((ws) => {
        const built = types.map((type, i) => shapedColumn(ws, type, columns[i], shapes[i]));
        const block = hashColumns(ws, built, length);
        const actual = [...ws.u64.slice(block.address / 8, block.address / 8 + length)];
        block.release();
        for (const column of built) column.release();
        const expected = Array.from({ length }, (_, row) =>
          hashRow(
            types,
            columns.map((values) => values[row]),
          ),
        );
        expect(actual).toEqual(expected);
      }),
    ),
    { numRuns: 400 },
  );
});

it("splits a batch into partitions that keep every row, in order, in the partition of its hash", () => {
  fc.assert(
    fc.property(anyColumns, fc.integer({ min: 1, max: 9 }), ({ types, length, columns, shapes }, partitionCount) =>
      withWorkspace((ws) => {
        const schema = new Schema(types.map((type, i) => ({ name: `c${i}`, type })));
        const built = types.map((type, i) => shapedColumn(ws, type, columns[i], shapes[i]));
        const batch = new Batch(schema, length, built);
        const hashes = hashColumns(ws, built, length);
        const numbers = partitionNumbers(ws, hashes, length, partitionCount);
        const groups = keyGroups(ws, hashes, length, 128);
        const hashOf = ws.u64.slice(hashes.address / 8, hashes.address / 8 + length);
        const partOf = [...hashOf].map((hash) => Number(((hash >> 32n) * BigInt(partitionCount)) >> 32n));
        expect([...ws.u32.slice(numbers.address / 4, numbers.address / 4 + length)]).toEqual(partOf);
        expect([...ws.u32.slice(groups.address / 4, groups.address / 4 + length)]).toEqual(
          [...hashOf].map((hash) => Number(hash % 128n)),
        );
        const rows = readRows(ws, batch);
        const parts = partitionBatch(ws, batch, numbers.address, partitionCount);
        expect(parts.length).toBe(partitionCount);
        parts.forEach((part, i) => {
          const expected = rows.filter((_, row) => partOf[row] === i);
          expect(part === undefined ? [] : readRows(ws, part)).toEqual(expected);
          part?.release();
        });
        for (const owned of [hashes, numbers, groups, batch]) owned.release();
      }),
    ),
    { numRuns: 200 },
  );
});

it("finds the key group of a hash, and the subtask that owns it, at any parallelism", () => {
  const anyMaxParallelism = fc.oneof(
    fc.integer({ min: 0, max: 15 }).map((power) => 2 ** power),
    fc.integer({ min: 1, max: HIGHEST_MAX_PARALLELISM }),
  );
  const anyCase = anyMaxParallelism.chain((maxParallelism) =>
    fc.record({
      maxParallelism: fc.constant(maxParallelism),
      parallelism: fc.oneof(fc.constant(1), fc.constant(maxParallelism), fc.integer({ min: 1, max: maxParallelism })),
      hashes: fc.array(
        fc.oneof(fc.constantFrom(0n, 2n ** 63n, 2n ** 64n - 1n), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
        {
          maxLength: 200,
          size: "max",
        },
      ),
    }),
  );
  fc.assert(
    fc.property(anyCase, ({ hashes: values, parallelism, maxParallelism }) =>
      withWorkspace((ws) => {
        const { length } = values;
        const hashes = ws.allocate(length * 8);
        ws.u64.set(values, hashes.address / 8);
        const groups = keyGroups(ws, hashes, length, maxParallelism);
        const owners = keyGroupOwners(ws, hashes, length, parallelism, maxParallelism);
        const expected = values.map((hash) => Number(hash % BigInt(maxParallelism)));
        expect([...ws.u32.slice(groups.address / 4, groups.address / 4 + length)]).toEqual(expected);
        expect([...ws.u32.slice(owners.address / 4, owners.address / 4 + length)]).toEqual(
          expected.map((group) => subtaskOfKeyGroup(group, parallelism, maxParallelism)),
        );
        for (const owned of [hashes, groups, owners]) owned.release();
      }),
    ),
    { numRuns: 300 },
  );
});
