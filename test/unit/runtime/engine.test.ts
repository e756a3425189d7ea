import { describe, expect, it } from "vitest";
import { readRows } from "../../../src/core/columns/read.ts";
import { EngineError, PlanError } from "../../../src/core/errors.ts";
import type { Source } from "../../../src/core/source.ts";
import { kernelModule } from "../../../src/host/kernel-module.ts";
import { nodeHost } from "../../../src/host/node-host.ts";
import type { FilterNode, LogicalNode, SortNode, SourceNode } from "../../../src/plan/logical.ts";
import { planJob } from "../../../src/plan/planner.ts";
import { Engine } from "../../../src/runtime/engine.ts";
import { ResultSink } from "../../../src/runtime/result-sink.ts";
import { numberSource } from "../../support/number-source.ts";

const noConnectors = {
  sourceFactory: () => Promise.reject(new PlanError("CONNECTOR_UNKNOWN", "None here.", "Use a local source.")),
  sinkFactory: () => Promise.reject(new PlanError("CONNECTOR_UNKNOWN", "None here.", "Use a local sink.")),
};

const sourceNode = (source: Source): SourceNode => ({
  op: "source",
  source,
  pinned: true,
  schema: source.schema,
  inputs: [],
});

async function collect(node: LogicalNode, batchRows = 100): Promise<Record<string, unknown>[]> {
  const engine = await Engine.start(nodeHost(), noConnectors, kernelModule(), 1);
  const rows: Record<string, unknown>[] = [];
  const sink = new ResultSink((batch, workspace) => {
    rows.push(...readRows(workspace, batch));
  });
  const graph = planJob([{ op: "sink", sink, isLocal: true, schema: node.schema, inputs: [node] }], 1);
  try {
    await engine.run(graph, { memoryBytes: 1 << 28, batchRows });
  } finally {
    await engine.close();
  }
  return rows;
}

describe("the engine on one thread", () => {
  it("filters and sorts what a source gives, and leaves no memory behind", async () => {
    const source = sourceNode(numberSource(1000, 3));
    const filter: FilterNode = {
      op: "filter",
      predicate: {
        kind: "call",
        fn: "ge",
        args: [
          { kind: "column", name: "n" },
          { kind: "literal", type: { kind: "int64" }, value: "990" },
        ],
      },
      schema: source.schema,
      inputs: [source],
    };
    const sort: SortNode = {
      op: "sort",
      keys: [{ column: "n", descending: true }],
      scope: "global",
      schema: source.schema,
      inputs: [filter],
    };
    const rows = await collect(sort);
    expect(rows.map((row) => row.n)).toEqual([999n, 998n, 997n, 996n, 995n, 994n, 993n, 992n, 991n, 990n]);
  });

  it("waits for a consumer that is slow", async () => {
    const engine = await Engine.start(nodeHost(), noConnectors, kernelModule(), 1);
    let count = 0;
    const sink = new ResultSink(async (batch) => {
      await new Promise((resolve) => setImmediate(resolve));
      count += batch.rowCount;
    });
    const node = sourceNode(numberSource(500));
    const graph = planJob([{ op: "sink", sink, isLocal: true, schema: node.schema, inputs: [node] }], 1);
    await engine.run(graph, { memoryBytes: 1 << 28, batchRows: 10 });
    expect(count).toBe(500);
    await engine.close();
  });

  it("names the operator that failed and frees everything", async () => {
    const failing = numberSource(10);
    const node = sourceNode({
      ...failing,
      openSplit: () => ({
        next: () => {
          throw new RangeError("broken");
        },
        close: () => undefined,
      }),
    });
    await expect(collect(node)).rejects.toSatisfy(
      (error) =>
        error instanceof EngineError && error.code === "INTERNAL" && error.operator?.includes("numbers") === true,
    );
  });

  it("stops a job whose signal aborts", async () => {
    const engine = await Engine.start(nodeHost(), noConnectors, kernelModule(), 1);
    const controller = new AbortController();
    let batches = 0;
    const sink = new ResultSink(async () => {
      if (++batches === 3) controller.abort();
      await new Promise((resolve) => setImmediate(resolve));
    });
    const node = sourceNode(numberSource(10_000));
    const graph = planJob([{ op: "sink", sink, isLocal: true, schema: node.schema, inputs: [node] }], 1);
    const run = engine.run(graph, { memoryBytes: 1 << 28, batchRows: 10, signal: controller.signal });
    await expect(run).rejects.toMatchObject({ code: "JOB_CANCELLED" });
    expect(batches).toBeLessThan(10);
    expect(engine.workspace.allocator.liveBlocks).toBe(0);
    await engine.close();
  });
});
