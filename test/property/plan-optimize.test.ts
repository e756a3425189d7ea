import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { LogicalNode } from "../../src/plan/logical.ts";
import { optimize } from "../../src/plan/optimize.ts";
import { readersFirst } from "../../src/plan/readers-first.ts";
import { NoResult } from "../reference/plan-expressions.ts";
import { interpret, TooManyRows } from "../reference/plan-interpreter.ts";
import { rowText } from "../reference/plan-rows.ts";
import { anyJoinChain, anyOrderedPlan } from "../support/arbitrary-plan.ts";
import { withWorkspace } from "../support/workspace.ts";

/** Rows of each root as a multiset; undefined where the plan fails or grows too large. */
function multisets(roots: readonly LogicalNode[]): string[][] | undefined {
  try {
    return interpret(roots).map((rows, i) => rows.map((row) => rowText(row, roots[i].schema.names)).sort());
  } catch (error) {
    if (error instanceof NoResult || error instanceof TooManyRows) return undefined;
    throw error;
  }
}

const RUNS = 1000;
const TIMEOUT_MS = 60_000; // seconds alone, more beside other tests

it(
  "gives the same multiset of rows, under the same schema, however a plan is rewritten",
  () => {
    fc.assert(
      fc.property(anyOrderedPlan, (plan) => {
        const expected = multisets(plan);
        fc.pre(expected !== undefined);
        const optimized = optimize(plan);
        expect(optimized.map((root) => root.schema.toString())).toEqual(plan.map((root) => root.schema.toString()));
        // A plan that had a result has it still: rewriting makes nothing fail.
        expect(multisets(optimized)).toEqual(expected);
      }),
      { numRuns: RUNS },
    );
  },
  TIMEOUT_MS,
);

it(
  "gives the same rows in whatever order inner joins run",
  () => {
    fc.assert(
      fc.property(anyJoinChain, (plan) => {
        const expected = multisets(plan);
        fc.pre(expected !== undefined);
        expect(multisets(optimize(plan))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  },
  TIMEOUT_MS,
);

it(
  "gives the same rows where constants are computed by kernels while planning",
  () => {
    withWorkspace((workspace) => {
      fc.assert(
        fc.property(anyOrderedPlan, (plan) => {
          const expected = multisets(plan);
          fc.pre(expected !== undefined);
          expect(multisets(optimize(plan, workspace))).toEqual(expected);
        }),
        { numRuns: 200 },
      );
    });
  },
  TIMEOUT_MS,
);

it(
  "does the same twice, and gives a plan like any other: rewriting it again keeps its rows",
  () => {
    const shape = (roots: readonly LogicalNode[]): string[] =>
      readersFirst(roots).map((node) => `${node.op} ${node.schema}`);
    fc.assert(
      fc.property(anyOrderedPlan, (plan) => {
        expect(shape(optimize(plan))).toEqual(shape(optimize(plan)));
        const once = optimize(plan);
        const expected = multisets(plan);
        fc.pre(expected !== undefined);
        expect(multisets(optimize(once))).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  },
  TIMEOUT_MS,
);

it(
  "computes no step twice: a node that several read stays one",
  () => {
    fc.assert(
      fc.property(anyOrderedPlan, (plan) => {
        const blocking = (roots: readonly LogicalNode[]) =>
          readersFirst(roots).filter((node) => node.op === "aggregate" || node.op === "join" || node.op === "function");
        expect(blocking(optimize(plan)).length).toBeLessThanOrEqual(blocking(plan).length);
      }),
      { numRuns: 300 },
    );
  },
  TIMEOUT_MS,
);
