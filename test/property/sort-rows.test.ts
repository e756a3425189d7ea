import * as fc from "fast-check";
import { expect, it } from "vitest";
import { buildColumn } from "../../src/core/columns/builder.ts";
import { encodeKeys, releaseKeys } from "../../src/core/columns/sort-keys.ts";
import { sortRows } from "../../src/core/columns/sort-rows.ts";
import type { DataType } from "../../src/core/types.ts";
import * as types from "../../src/core/types.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import { compareKeys, sortReference } from "../reference/sort.ts";
import { anyKeyType, anyShape, longStrings, nullable, shapedColumn, valueOfType } from "../support/arbitrary-column.ts";
import { withWorkspace } from "../support/workspace.ts";

const anyKey = fc.tuple(
  fc.oneof(anyKeyType, fc.constant(types.nullType)),
  fc.record({ descending: fc.boolean(), nullsFirst: fc.boolean() }),
  anyShape,
);
const anyTable = (maxLength: number, maxKeys = 4) =>
  fc.array(anyKey, { minLength: 1, maxLength: maxKeys }).chain((keys) =>
    fc.record({
      keys: fc.constant(keys),
      rows: fc.array(fc.tuple(...keys.map(([type]) => nullable(valueOfType(type)))), { maxLength, size: "max" }),
    }),
  );

const sortedRows = (ws: Workspace, columns: Parameters<typeof sortRows>[1], order: object[], length: number) => {
  const block = sortRows(ws, columns, order, length);
  const rows = [...new Uint32Array(ws.memory.buffer, block.address, length)];
  block.release();
  return rows;
};

it("orders rows as the reference does: any keys, directions, nulls, slices, dictionaries", () =>
  fc.assert(
    fc.property(anyTable(120), ({ keys, rows }) =>
      withWorkspace((ws) => {
        const order = keys.map(([, direction]) => direction);
        const columns = keys.map(([type, , shape], i) =>
          shapedColumn(
            ws,
            type,
            rows.map((row) => row[i]),
            shape,
          ),
        );
        const keyTypes = keys.map(([type]) => type);
        expect(sortedRows(ws, columns, order, rows.length)).toEqual(sortReference(keyTypes, order, rows));
        for (const column of columns) column.release();
      }),
    ),
    { numRuns: 500 },
  ));

it("gives keys that compare across batches as the rows do", () =>
  fc.assert(
    fc.property(anyTable(10, 3), ({ keys, rows }) =>
      withWorkspace((ws) => {
        const order = keys.map(([, direction]) => direction);
        const keyTypes = keys.map(([type]) => type);
        // Each row is encoded in a batch of its own, so the words may not depend on their neighbours.
        const words = rows.map((row) => {
          const columns = keys.map(([type, , shape], i) => shapedColumn(ws, type, [row[i]], shape));
          const encoded = encodeKeys(ws, columns, order, 1, "absolute");
          const count = encoded.positions ? ws.u32[(encoded.positions.address >>> 2) + 1] : encoded.stride;
          const copy = [...new BigUint64Array(ws.memory.buffer, encoded.words.address, count)];
          releaseKeys(encoded);
          for (const column of columns) column.release();
          return copy;
        });
        for (const [i, a] of words.entries()) {
          for (const [j, b] of words.entries()) {
            const at = a.findIndex((word, k) => k >= b.length || word !== b[k]);
            const sign = at < 0 ? 0 : a[at] < b[at] ? -1 : 1;
            if (at >= 0) expect(at).toBeLessThan(b.length);
            expect(sign).toBe(Math.sign(compareKeys(keyTypes, order, rows[i], rows[j])));
          }
        }
      }),
    ),
    { numRuns: 200 },
  ));

it.each<[string, DataType, (i: number) => unknown]>([
  ["random int64", types.int64, (i) => BigInt.asIntN(64, BigInt(i) * 0x9e3779b97f4a7c15n)],
  ["few values", types.int32, (i) => (i * 7919) % 10],
  ["sorted", types.int32, (i) => i],
  ["reversed", types.float64, (i) => -i],
  ["long ties in the leading bits", types.int64, (i) => (BigInt(i % 3) << 60n) | BigInt((i * 7919) % 50_000)],
  ["text with a common prefix", types.utf8, (i) => `id${String((i * 7919) % 30_000).padStart(10, "0")}`],
  ["text that differs late", types.utf8, (i) => `${"x".repeat(i % 2)}${"abc".repeat(20)}${(i * 31) % 1000}`],
])("orders many rows: %s", (_, type, valueAt) =>
  withWorkspace((ws) => {
    const values = Array.from({ length: 50_000 }, (_, i) => (i % 101 === 0 ? null : valueAt(i)));
    const column = buildColumn(ws, type, values);
    const actual = sortedRows(ws, [column], [{}], values.length);
    column.release();
    const rows = values.map((value) => [value]);
    expect(actual).toEqual(sortReference([type], [{}], rows));
  }),
);

it("orders 64 KiB texts", () =>
  fc.assert(
    fc.property(fc.array(nullable(longStrings), { maxLength: 12 }), (values) =>
      withWorkspace((ws) => {
        const column = buildColumn(ws, types.utf8, values);
        const rows = values.map((value) => [value]);
        expect(sortedRows(ws, [column], [{}], values.length)).toEqual(sortReference([types.utf8], [{}], rows));
        column.release();
      }),
    ),
    { numRuns: 50 },
  ));
