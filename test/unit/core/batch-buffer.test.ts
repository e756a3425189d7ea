import { expect, it } from "vitest";
import { BatchBuffer } from "../../../src/core/batch-buffer.ts";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import { Schema } from "../../../src/core/schema.ts";
import { int32 } from "../../../src/core/types.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { operatorContext } from "../../support/run-operator.ts";
import { withWorkspace } from "../../support/workspace.ts";

const schema = Schema.of({ n: int32 });

it("keeps several spilled runs of several buffers apart, in order, and removes them", () =>
  withWorkspace((workspace) => {
    const files = new MemoryFiles();
    const metrics = new Map<string, number>();
    const buffers = ["a", "b"].map(
      (operatorId) => new BatchBuffer("queue", { ...operatorContext(workspace, { files, metrics }), operatorId }),
    );
    for (let n = 0; n < 6; n++) {
      for (const [i, buffer] of buffers.entries()) {
        buffer.push(buildBatch(workspace, schema, [{ n: n + i * 100 }]));
        if (n % 2 === 1 && n < 5) buffer.spill();
      }
    }
    expect(metrics.get("spillFiles")).toBe(4);
    for (const [i, buffer] of buffers.entries()) {
      const taken: unknown[] = [];
      for (let batch = buffer.shift(); batch !== undefined; batch = buffer.shift()) {
        for (const row of readRows(workspace, batch)) taken.push(row.n);
        batch.release();
      }
      expect(taken).toEqual([0, 1, 2, 3, 4, 5].map((n) => n + i * 100));
      expect(buffer.isEmpty).toBe(true);
      buffer.close();
    }
    expect([...files.contents.keys()]).toEqual([]);
    expect(files.openHandles).toBe(0);
  }));

it("keeps its rows where the disk is full", () =>
  withWorkspace((workspace) => {
    const files = new MemoryFiles();
    files.writableBytes = 10;
    const buffer = new BatchBuffer("queue", operatorContext(workspace, { files }));
    buffer.push(buildBatch(workspace, schema, [{ n: 1 }]));
    expect(() => buffer.spill()).toThrow(expect.objectContaining({ code: "SPILL_DISK_FULL" }));
    buffer.close();
    expect(files.openHandles).toBe(0);
  }));
