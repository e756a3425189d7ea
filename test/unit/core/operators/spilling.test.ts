import { expect, it } from "vitest";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import { readRows } from "../../../../src/core/columns/read.ts";
import { HashJoinOperator } from "../../../../src/core/operators/hash-join.ts";
import { SortOperator } from "../../../../src/core/operators/sort.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import { nodeHost } from "../../../../src/host/node-host.ts";
import { withDirectory } from "../../../support/host.ts";
import { MemoryFiles } from "../../../support/memory-files.ts";
import { operatorContext, runOperator } from "../../../support/run-operator.ts";
import { newWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({ key: int32, text: utf8 });
const rowsOf = (count: number, keyOf: (i: number) => number) =>
  Array.from({ length: count }, (_, i) => ({ key: keyOf(i), text: `some text of row ${i}` }));
const cut = <T>(rows: T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => rows.slice(i * size, (i + 1) * size));

const output = [
  { side: "left", column: "key", name: "key" },
  { side: "left", column: "text", name: "left" },
  { side: "right", column: "text", name: "right" },
] as const;

it.each([
  ["keys spread out, so that partitions are partitioned again", (i: number) => (i * 7919) % 20_011, 200_000, 33],
  ["one key that holds most rows, so that it is joined in blocks", (i: number) => (i % 400 < 1 ? i : -5), 120_000, 33],
])("a join over budget equals one in memory: %s", (_, keyOf, limitBytes, leastFiles) => {
  const left = rowsOf(20_000, keyOf);
  // Few rows of the large key, or the result would be quadratic.
  const right = [...rowsOf(2000, (i) => keyOf(i * 3)).filter((row) => row.key !== -5), ...rowsOf(3, () => -5)];
  const spec = {
    kind: "hashJoin",
    type: "full",
    leftKeys: ["key"],
    rightKeys: ["key"],
    buildSide: "left",
    output,
  } as const;
  const run = (limit?: number) => {
    const ws = newWorkspace(limit);
    const files = new MemoryFiles();
    const metrics = new Map<string, number>();
    const inputs = [left, right].map((rows) => ({ schema, batches: cut(rows, 500) }));
    const operator = new HashJoinOperator(spec, schema, schema);
    const rows = runOperator(ws, operator, inputs, { files, metrics, batchRows: 500 });
    expect([ws.allocator.liveBlocks, files.contents.size, files.openHandles]).toEqual([0, 0, 0]);
    return { rows: rows.map((row) => JSON.stringify(row)).sort(), files: metrics.get("spillFiles") ?? 0 };
  };
  const inMemory = run();
  const spilled = run(limitBytes);
  expect(inMemory.files).toBe(0);
  expect(spilled.files).toBeGreaterThan(leastFiles);
  expect(spilled.rows).toEqual(inMemory.rows);
});

it("a sort over budget stays near its budget", () =>
  withDirectory((directory) => {
    const limitBytes = 4_000_000;
    const ws = newWorkspace(limitBytes);
    const operator = new SortOperator(schema, { kind: "sort", keys: [{ column: 0 }] });
    const metrics = new Map<string, number>();
    operator.open({
      ...operatorContext(ws, { metrics, batchRows: 2048 }),
      host: nodeHost(),
      spillDirectory: () => directory,
    });
    const rowCount = 300_000;
    let previous = -1;
    let seen = 0;
    let isInOrder = true;
    const output = {
      emit: (batch: ReturnType<typeof buildBatch>) => {
        for (const row of readRows(ws, batch) as { key: number; text: string }[]) {
          isInOrder &&= row.key >= previous;
          previous = row.key;
          seen++;
        }
        batch.release();
      },
      emitWatermark: () => {},
      emitSide: () => {},
      isClosed: false,
    };
    for (let start = 0; start < rowCount; start += 2048) {
      const rows = Array.from({ length: Math.min(2048, rowCount - start) }, (_, i) => ({
        key: Math.imul(start + i, 0x9e3779b1) >>> 1,
        text: `row ${start + i}`,
      }));
      const batch = buildBatch(ws, schema, rows);
      operator.processBatch(batch);
      batch.release();
    }
    let progress = operator.endInput(output);
    while (progress === "more") progress = operator.resume(output);
    operator.close();
    expect([seen, isInOrder]).toEqual([rowCount, true]);
    expect(metrics.get("spillFiles")).toBeGreaterThan(2);
    expect(ws.allocator.liveBlocks).toBe(0);
    expect(ws.allocator.peakBytes).toBeLessThan(limitBytes * 1.5);
  }));
