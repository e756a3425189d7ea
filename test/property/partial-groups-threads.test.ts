import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { SequenceSource } from "../../src/connectors/sequence/sequence-source.ts";
import type { PartialPolicyOptions } from "../../src/core/aggregates/partial-policy.ts";
import type { AggregateSpec } from "../../src/core/aggregates/spec.ts";
import { readRows } from "../../src/core/columns/read.ts";
import { int64 } from "../../src/core/types.ts";
import { kernelModule } from "../../src/host/kernel-module.ts";
import { nodeHost } from "../../src/host/node-host.ts";
import { aggregateNode, partitionNode, projectNode, sinkNode, sourceNode } from "../../src/plan/nodes.ts";
import { planJob } from "../../src/plan/planner.ts";
import { Engine } from "../../src/runtime/engine.ts";
import type { JobGraph } from "../../src/runtime/job-graph.ts";
import { ResultSink } from "../../src/runtime/result-sink.ts";

const noConnectors = {
  sourceFactory: (kind: string) => Promise.reject(new Error(`no source ${kind}`)),
  sinkFactory: (kind: string) => Promise.reject(new Error(`no sink ${kind}`)),
};

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start(nodeHost(), noConnectors, kernelModule(), 2);
});
afterAll(() => engine.close());

const aggregates: AggregateSpec[] = [
  { fn: "countAll", as: "rows" },
  { fn: "sum", column: "value", as: "sum" },
  { fn: "avg", column: "value", as: "avg" },
  { fn: "min", column: "text", as: "min" },
  { fn: "median", column: "value", as: "median" },
  { fn: "countDistinct", column: "value", as: "distinct" },
  { fn: "list", column: "value", as: "list" },
];

/** Values 0 to rowCount - 1 by their remainder and that as text, spread over two threads. */
function plan(rowCount: number, keyCount: number): { graph: JobGraph; rows: Record<string, unknown>[] } {
  const rows: Record<string, unknown>[] = [];
  const value = { kind: "column", name: "value" } as const;
  const divisor = { kind: "literal", type: int64, value: String(keyCount) } as const;
  const key = { kind: "call", fn: "mod", args: [value, divisor] } as const;
  const text = { kind: "cast", to: { kind: "utf8" }, input: key, safe: false } as const;
  const numbers = sourceNode(new SequenceSource({ kind: "sequence", from: 0, to: rowCount }));
  const keyed = projectNode(numbers, [
    { name: "key", expression: key },
    { name: "text", expression: text },
    { name: "value", expression: value },
  ]);
  const spread = partitionNode(keyed, { kind: "rebalance" });
  const sink = new ResultSink((batch, workspace) => {
    rows.push(...readRows(workspace, batch));
  });
  return { graph: planJob([sinkNode(aggregateNode(spread, ["key", "text"], aggregates), sink, true)], 2), rows };
}

const withPartial = (graph: JobGraph, partial: PartialPolicyOptions): JobGraph => ({
  ...graph,
  vertices: graph.vertices.map((vertex) => ({
    ...vertex,
    operators: vertex.operators.map((operator) =>
      operator.kind === "aggregate" && "mode" in operator && operator.mode === "partial"
        ? { ...operator, partial }
        : operator,
    ),
  })),
});

const inOrder = (list: unknown): bigint[] => [...(list as bigint[])].sort((a, b) => (a < b ? -1 : 1));

it("gives the same groups on two threads whenever groups or rows are sent on", { timeout: 60_000 }, async () => {
  const anyRun = fc.record({
    rowCount: fc.integer({ min: 0, max: 3000 }),
    keyCount: fc.integer({ min: 1, max: 3000 }),
    batchRows: fc.integer({ min: 20, max: 500 }),
    partial: fc.record({
      cacheBytes: fc.constantFrom(0, 20_000, Number.POSITIVE_INFINITY),
      maximumBytes: fc.constantFrom(0, Number.POSITIVE_INFINITY),
      emittedShare: fc.constantFrom(0, 0.6, 1),
      passedRows: fc.integer({ min: 1, max: 2000 }),
    }),
  });
  await fc.assert(
    fc.asyncProperty(anyRun, async ({ rowCount, keyCount, batchRows, partial }) => {
      const { graph, rows } = plan(rowCount, keyCount);
      const forced = withPartial(graph, partial);
      expect(JSON.stringify(forced)).toContain('"partial":{');
      await engine.run(forced, { memoryBytes: 2 ** 30, batchRows });
      const groups = rows
        .map((row) => ({ ...row, list: inOrder(row.list) }) as Record<string, unknown>)
        .sort((a, b) => Number(a.key) - Number(b.key));
      const expected = Array.from({ length: Math.min(rowCount, keyCount) }, (_, key) => {
        const list: bigint[] = [];
        for (let value = key; value < rowCount; value += keyCount) list.push(BigInt(value));
        const middle = (Number(list[0]) + Number(list[list.length - 1])) / 2;
        return {
          key: BigInt(key),
          text: String(key),
          rows: BigInt(list.length),
          sum: list.reduce((sum, value) => sum + value, 0n),
          avg: middle,
          min: String(key),
          median: middle,
          distinct: BigInt(list.length),
          list,
        };
      });
      expect(groups).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});
