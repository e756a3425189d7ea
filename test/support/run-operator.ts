import type { Batch } from "../../src/core/batch.ts";
import { buildBatch } from "../../src/core/columns/build.ts";
import { readRows } from "../../src/core/columns/read.ts";
import type { Host, HostFiles } from "../../src/core/host.ts";
import type { Operator, OperatorContext, Output, Progress } from "../../src/core/operator.ts";
import type { Schema } from "../../src/core/schema.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import { MemoryFiles } from "./memory-files.ts";

export interface RunOptions {
  files?: HostFiles;
  batchRows?: number;
  /** Counters of the run are added here. */
  metrics?: Map<string, number>;
  /** The output closes after this many rows. */
  closeAfter?: number;
}

export function operatorContext(ws: Workspace, options: RunOptions = {}): OperatorContext {
  const { files = new MemoryFiles(), batchRows = 1024, metrics } = options;
  return {
    workspace: ws,
    // Operators under test use nothing of the host but its files.
    host: { files } as unknown as Host,
    subtask: 0,
    parallelism: 1,
    batchRows,
    operatorId: "operator under test",
    spillDirectory: () => "/spill",
    count: (metric, increment) => metrics?.set(metric, (metrics.get(metric) ?? 0) + increment),
  };
}

/** An input: its schema and the rows of its batches. */
export interface RunInput {
  schema: Schema;
  batches: readonly (readonly object[])[];
}

/** Drives an operator over bounded inputs as the runtime does, and returns the rows it emits. */
export function runOperator(
  ws: Workspace,
  operator: Operator,
  inputs: readonly RunInput[],
  options: RunOptions = {},
): Record<string, unknown>[] {
  const batches = inputs.map(({ schema, batches }) => batches.map((rows) => () => buildBatch(ws, schema, rows)));
  return runBatches(ws, operator, batches, options);
}

/** Like `runOperator`, over batches that are made when their turn comes and released by this function. */
export function runBatches(
  ws: Workspace,
  operator: Operator,
  inputs: readonly (readonly (() => Batch)[])[],
  options: RunOptions = {},
): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = [];
  const output: Output = {
    emit: (batch) => {
      rows.push(...readRows(ws, batch));
      batch.release();
    },
    emitWatermark: () => {},
    emitSide: (_, batch) => batch.release(),
    get isClosed() {
      return options.closeAfter !== undefined && rows.length >= options.closeAfter;
    },
  };
  const drain = (progress: Progress): void => {
    for (let state = progress; state === "more"; ) state = operator.resume?.(output) ?? "done";
  };
  const queues = inputs.map((batches) => [...batches]);
  const open = new Set(queues.keys());
  try {
    operator.open(operatorContext(ws, options));
    while (open.size > 0) {
      const wanted = operator.wantedInput?.() ?? "any";
      const input = wanted === "any" || !open.has(wanted) ? [...open][rows.length % open.size] : wanted;
      const next = queues[input].shift();
      if (next === undefined) {
        open.delete(input);
        drain(operator.endInput(output, input));
        continue;
      }
      const batch = next();
      try {
        drain(operator.processBatch(batch, output, input));
      } finally {
        batch.release();
      }
    }
  } finally {
    operator.close();
  }
  return rows;
}
