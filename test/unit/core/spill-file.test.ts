import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Batch } from "../../../src/core/batch.ts";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { buildColumn } from "../../../src/core/columns/builder.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import { sliceBatch } from "../../../src/core/columns/slice.ts";
import { Schema } from "../../../src/core/schema.ts";
import { SpillWriter } from "../../../src/core/spill-file.ts";
import { int8, int64, utf8 } from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import {
  anyShape,
  anyType,
  encodedColumn,
  nullable,
  shapedColumn,
  valueOfType,
} from "../../support/arbitrary-column.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { withWorkspace } from "../../support/workspace.ts";

const schema = Schema.of({ id: int64, name: utf8 });
const rows = Array.from({ length: 100 }, (_, i) => ({ id: BigInt(i), name: i % 7 === 0 ? null : `name ${i}` }));

function spillRows(ws: Workspace, files: MemoryFiles) {
  const writer = SpillWriter.create(files, "/spill", "a", schema);
  const batch = buildBatch(ws, schema, rows);
  try {
    writer.write(ws, batch);
  } finally {
    batch.release();
  }
  return writer.finish();
}

it("reads back what was written: every type, nulls, slices, dictionaries", () =>
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyType, anyShape), { minLength: 1, maxLength: 4 }).chain((columns) =>
        fc.tuple(
          fc.constant(columns),
          fc.array(fc.array(fc.tuple(...columns.map(([type]) => nullable(valueOfType(type)))), { maxLength: 40 }), {
            maxLength: 4,
          }),
        ),
      ),
      ([columns, batches]) =>
        withWorkspace((ws) => {
          const files = new MemoryFiles();
          const schema = new Schema(columns.map(([type], i) => ({ name: `c${i}`, type })));
          const writer = SpillWriter.create(files, "/spill", "x", schema);
          const written = batches.map((rows) => {
            const batch = new Batch(
              schema,
              rows.length,
              columns.map(([type, shape], i) =>
                shapedColumn(
                  ws,
                  type,
                  rows.map((row) => row[i]),
                  shape,
                ),
              ),
            );
            writer.write(ws, batch);
            const objects = readRows(ws, batch);
            batch.release();
            return objects;
          });
          const spill = writer.finish();
          expect([spill.batchCount, spill.rowCount]).toEqual([batches.length, batches.flat().length]);
          const reader = spill.open();
          for (const objects of written) {
            const batch = reader.next(ws);
            expect(batch && readRows(ws, batch)).toEqual(objects);
            batch?.release();
          }
          expect(reader.next(ws)).toBeUndefined();
          reader.close();
          spill.remove();
          expect([files.contents.size, files.openHandles]).toEqual([0, 0]);
        }),
    ),
    { numRuns: 200 },
  ));

it("writes a shared dictionary once and gives it back as one", () =>
  withWorkspace((ws) => {
    const files = new MemoryFiles();
    const one = Schema.of({ name: utf8 });
    const column = encodedColumn(
      ws,
      utf8,
      Array.from({ length: 1000 }, (_, i) => `a long enough entry ${i}`),
    );
    const whole = new Batch(one, 1000, [column]);
    const writer = SpillWriter.create(files, "/spill", "d", one);
    for (let start = 0; start < 1000; start += 100) {
      const slice = sliceBatch(ws, whole, start, 100);
      writer.write(ws, slice);
      slice.release();
    }
    const expected = readRows(ws, whole);
    whole.release();
    const spill = writer.finish();
    expect(spill.byteLength).toBeLessThan(45_000);
    const reader = spill.open();
    const batches = Array.from({ length: 10 }, () => reader.next(ws) as Batch);
    expect(new Set(batches.map((batch) => batch.columns[0].dictionary)).size).toBe(1);
    expect(batches.flatMap((batch) => readRows(ws, batch))).toEqual(expected);
    for (const batch of batches) batch.release();
    reader.close();
  }));

it("keeps row kinds", () =>
  withWorkspace((ws) => {
    const kinds = buildColumn(ws, int8, [0, 3]);
    const batch = new Batch(Schema.of({ a: int8 }), 2, [buildColumn(ws, int8, [5, null])], {
      kinds,
      times: buildColumn(ws, int64, [-1n, 7n]),
    });
    const writer = SpillWriter.create(new MemoryFiles(), "/spill", "k", batch.schema);
    writer.write(ws, batch);
    batch.release();
    const reader = writer.finish().open();
    const back = reader.next(ws) as Batch;
    expect([...ws.bytes(back.rowKinds?.data ?? 0, 2)]).toEqual([0, 3]);
    expect([...new BigInt64Array(ws.memory.buffer, back.rowTimes?.data ?? 0, 2)]).toEqual([-1n, 7n]);
    expect(readRows(ws, back)).toEqual([{ a: 5 }, { a: null }]);
    back.release();
    reader.close();
  }));

it.each([
  ["ENOSPC", "SPILL_DISK_FULL"],
  ["EIO", "SPILL_WRITE_FAILED"],
])("turns %s into %s and removes the file", (code, expected) =>
  withWorkspace((ws) => {
    const files = new MemoryFiles();
    files.writableBytes = 300;
    files.failWith = code;
    expect(() => spillRows(ws, files)).toThrow(expect.objectContaining({ code: expected, origin: "external" }));
    expect([files.contents.size, files.openHandles]).toEqual([0, 0]);
  }),
);

it("names a failed read", () =>
  withWorkspace((ws) => {
    const files = new MemoryFiles();
    const reader = spillRows(ws, files).open();
    files.readsFail = true;
    expect(() => reader.next(ws)).toThrow(expect.objectContaining({ code: "SPILL_READ_FAILED", origin: "external" }));
    reader.close();
    expect(files.openHandles).toBe(0);
  }));

it("finds every flipped byte and every truncation", () =>
  withWorkspace((ws) => {
    const files = new MemoryFiles();
    const spill = spillRows(ws, files);
    const [good] = files.contents.get(spill.path) ?? [];
    const whole = Buffer.concat(files.contents.get(spill.path) ?? [good]);
    const read = (bytes: Buffer) => () => {
      files.contents.set(spill.path, [bytes]);
      const reader = spill.open();
      try {
        reader.next(ws)?.release();
      } finally {
        reader.close();
      }
    };
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] ^= 1 << (at & 7);
      expect(read(damaged), `byte ${at}`).toThrow(expect.objectContaining({ code: "SPILL_CORRUPT" }));
    }
    expect(read(whole.subarray(0, -1))).toThrow(expect.objectContaining({ code: "SPILL_CORRUPT" }));
    expect(read(whole)).not.toThrow();
  }));
