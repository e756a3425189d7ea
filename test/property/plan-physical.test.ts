import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Schema } from "../../src/core/schema.ts";
import { explain } from "../../src/plan/explain.ts";
import { optimize } from "../../src/plan/optimize.ts";
import { planJob } from "../../src/plan/planner.ts";
import type { JobGraph } from "../../src/runtime/job-graph.ts";
import { createOperator } from "../../src/runtime/operator-factory.ts";
import { anyJoinChain, anyPlan } from "../support/arbitrary-plan.ts";

const TIMEOUT_MS = 60_000;
const anyRoots = fc.oneof({ weight: 3, arbitrary: anyPlan }, { weight: 1, arbitrary: anyJoinChain });

/** The columns that each vertex gives, having built all of its operators over what their inputs give. */
function outputs(graph: JobGraph): Schema[] {
  return graph.vertices.map((vertex) => {
    const inputs = vertex.inputs.map((fields) => new Schema(fields));
    let schemas = vertex.source?.local === undefined ? inputs : [vertex.source.local.schema];
    for (const operator of vertex.operators) schemas = [createOperator(operator, schemas).outputSchema];
    return schemas[0];
  });
}

it(
  "makes a job of any plan, optimized or not, whose operators fit what their inputs give",
  () => {
    fc.assert(
      fc.property(anyRoots, fc.constantFrom(1, 2, 3), (plan, parallelism) => {
        for (const roots of [plan, optimize(plan)]) {
          const graph = planJob(roots, parallelism);
          const schemas = outputs(graph);
          for (const { from, to, exchange } of graph.edges) {
            const read = graph.vertices[to].inputs.map((fields) => new Schema(fields).toString());
            expect(read).toContain(schemas[from].toString());
            // Every exchange by keys finds its keys.
            if (exchange.kind === "hash") for (const key of exchange.keys) expect(schemas[from].has(key)).toBe(true);
          }
        }
      }),
      { numRuns: 300 },
    );
  },
  TIMEOUT_MS,
);

it(
  "explains any plan, as text and as JSON",
  () => {
    fc.assert(
      fc.property(anyRoots, (plan) => {
        const optimized = optimize(plan);
        const graph = planJob(optimized, 2);
        const text = explain(plan, optimized, graph);
        expect(text).not.toMatch(/undefined|NaN rows|\[object/);
        const { vertices } = JSON.parse(explain(plan, optimized, graph, "json"));
        expect(vertices.length).toBe(graph.vertices.length);
      }),
      { numRuns: 150 },
    );
  },
  TIMEOUT_MS,
);
