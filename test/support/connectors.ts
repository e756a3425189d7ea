import { expect } from "vitest";
import { buildBatch } from "../../src/core/columns/build.ts";
import { readRows } from "../../src/core/columns/read.ts";
import type { Schema } from "../../src/core/schema.ts";
import type { Sink } from "../../src/core/sink.ts";
import type { Source, SourceContext } from "../../src/core/source.ts";
import { testHost } from "./host.ts";
import { newWorkspace } from "./workspace.ts";

export interface ReadResult {
  rows: Record<string, unknown>[];
  counts: Record<string, number>;
  batches: number;
}

/** Reads all splits of a source in order, with a fresh workspace, and checks that nothing stays allocated. */
export async function readSource(source: Source, batchRows = 8192): Promise<ReadResult> {
  const workspace = newWorkspace();
  const result: ReadResult = { rows: [], counts: {}, batches: 0 };
  const context: SourceContext = {
    workspace,
    host: testHost(),
    batchRows,
    count: (metric, increment) => {
      result.counts[metric] = (result.counts[metric] ?? 0) + increment;
    },
  };
  try {
    for (const split of source.splits()) {
      const reader = source.openSplit(split, context);
      try {
        for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
          expect(batch.schema.equals(source.schema)).toBe(true);
          expect(batch.rowCount).toBeLessThanOrEqual(batchRows);
          for (const row of readRows(workspace, batch)) result.rows.push(row);
          result.batches++;
          batch.release();
        }
      } finally {
        reader.close();
      }
    }
  } finally {
    expect(workspace.allocator.liveBlocks, "blocks still live").toBe(0);
  }
  return result;
}

/** The code of the error that reading, or making, a source ends with; its message beside it. */
export async function failureOf(run: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await run();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === undefined) throw error;
    return { code, message };
  }
  throw new Error("It did not fail.");
}

export interface WriteOptions {
  jobId?: string;
  subtask?: number;
  parallelism?: number;
  /** Whether the job ends well: commit, or abort after a failure. */
  end?: "commit" | "abort" | "nothing";
}

/** Runs a sink with one writer over the rows, cut into batches of `batchRows`. */
export async function writeSink(
  sink: Sink,
  schema: Schema,
  rows: readonly object[],
  batchRows = 8192,
  { jobId = "job-1", subtask = 0, parallelism = 1, end = "commit" }: WriteOptions = {},
): Promise<void> {
  const workspace = newWorkspace();
  await sink.begin(jobId, { name: "sink-0" });
  const context = { workspace, host: testHost(), schema, jobId, name: "sink-0", subtask, parallelism, count: () => {} };
  const writer = sink.createWriter(context);
  try {
    for (let start = 0; start < rows.length; start += batchRows) {
      const batch = buildBatch(workspace, schema, rows.slice(start, start + batchRows));
      try {
        await writer.write(batch);
      } finally {
        batch.release();
      }
    }
    if (end === "commit") await sink.commit([await writer.prepareCommit()]);
  } finally {
    writer.close();
    expect(workspace.allocator.liveBlocks, "blocks still live").toBe(0);
    if (end === "abort") await sink.abort([]);
  }
}
