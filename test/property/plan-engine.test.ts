import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readRows } from "../../src/core/columns/read.ts";
import { EvaluationError } from "../../src/core/errors.ts";
import { nodeHost } from "../../src/host/node-host.ts";
import type { LogicalNode } from "../../src/plan/logical.ts";
import { sinkNode } from "../../src/plan/nodes.ts";
import { optimize } from "../../src/plan/optimize.ts";
import { planJob } from "../../src/plan/planner.ts";
import { Engine } from "../../src/runtime/engine.ts";
import { ResultSink } from "../../src/runtime/result-sink.ts";
import { NoResult } from "../reference/plan-expressions.ts";
import { interpret, TooManyRows } from "../reference/plan-interpreter.ts";
import { type Row, rowText } from "../reference/plan-rows.ts";
import { anyJoinChain, anyPlan } from "../support/arbitrary-plan.ts";

const noConnectors = {
  sourceFactory: (kind: string) => Promise.reject(new Error(`no source ${kind}`)),
  sinkFactory: (kind: string) => Promise.reject(new Error(`no sink ${kind}`)),
};

let engine: Engine;
beforeAll(async () => {
  const module = new WebAssembly.Module(readFileSync(new URL("../../build/kernels.wasm", import.meta.url)));
  engine = await Engine.start(nodeHost(), noConnectors, module, 1);
});
afterAll(() => engine.close());

type Multisets = string[][] | "fails";

const multisets = (roots: readonly LogicalNode[], rows: readonly (readonly Row[])[]): string[][] =>
  rows.map((each, i) => each.map((row) => rowText(row, roots[i].schema.names)).sort());

async function runInEngine(roots: readonly LogicalNode[], rewrite: boolean): Promise<Multisets> {
  const results: Row[][] = roots.map(() => []);
  const sinks = roots.map((root, i) => {
    const sink = new ResultSink((batch, workspace) => {
      results[i].push(...(readRows(workspace, batch) as Row[]));
    });
    return sinkNode(root, sink, true);
  });
  try {
    const plan = rewrite ? optimize(sinks, engine.workspace) : sinks;
    await engine.run(planJob(plan, 1), { memoryBytes: 2 ** 30, batchRows: 3 });
  } catch (error) {
    if (error instanceof EvaluationError) return "fails";
    throw error;
  }
  return multisets(roots, results);
}

function expected(roots: readonly LogicalNode[]): Multisets | undefined {
  try {
    return multisets(roots, interpret(roots));
  } catch (error) {
    if (error instanceof NoResult) return "fails";
    if (error instanceof TooManyRows) return undefined;
    throw error;
  }
}

it("runs any plan to the rows that it means, optimized or as written", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof({ weight: 4, arbitrary: anyPlan }, anyJoinChain), fc.boolean(), async (plan, rewrite) => {
      const rows = expected(plan);
      // Where a plan fails for some row, how much of it runs before is open.
      fc.pre(rows !== undefined && rows !== "fails");
      expect(await runInEngine(plan, rewrite)).toEqual(rows);
      expect(engine.workspace.allocator.liveBlocks).toBe(0);
    }),
    { numRuns: 300 },
  );
}, 120_000);
