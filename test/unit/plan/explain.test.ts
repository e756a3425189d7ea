import { describe, expect, it } from "vitest";
import { int32, utf8 } from "../../../src/core/types.ts";
import { formatPruning } from "../../../src/plan/explain/pruning.ts";
import { explain, explainPlan } from "../../../src/plan/explain.ts";
import * as nodes from "../../../src/plan/nodes.ts";
import { optimize } from "../../../src/plan/optimize.ts";
import type { JobGraph } from "../../../src/runtime/job-graph.ts";
import { call, column, table, value } from "../../support/plan-text.ts";

const flights = table(
  "flights",
  { origin: utf8, delay: int32, distance: int32 },
  { rows: 3_000_000, columns: { delay: { min: -100, max: 1900 } } },
);
const late = { ...nodes.filterNode(flights, call("gt", "delay", 900)), callSite: "job.ts:3:9" };
const groups = {
  ...nodes.aggregateNode(
    late,
    ["origin"],
    [
      { fn: "avg", column: "delay", as: "mean" },
      { fn: "countAll", as: "n" },
    ],
  ),
  callSite: "job.ts:4:9",
};
const plan = [nodes.sortNode(groups, [{ column: "mean", descending: true }], "global")];

const graph: JobGraph = {
  vertices: [
    {
      id: 0,
      name: "scan",
      parallelism: 2,
      placement: "workers",
      source: { spec: { kind: "rows" }, splits: [], local: flights.source },
      inputs: [],
      operators: [{ kind: "filter", name: "filter(delay > 900)" }],
    },
    {
      id: 1,
      name: "aggregate",
      parallelism: 2,
      placement: "workers",
      inputs: [[]],
      operators: [{ kind: "aggregate", name: "final aggregate(origin, mean, n)" }],
    },
    {
      id: 2,
      name: "merge",
      parallelism: 1,
      placement: "planner",
      inputs: [[], []],
      operators: [{ kind: "mergeSorted", name: "merge(mean desc)" }],
      sink: { id: 0, spec: { kind: "parquet" } },
    },
  ],
  edges: [
    { from: 0, to: 1, input: 0, exchange: { kind: "hash", keys: ["origin"] }, buffered: true },
    { from: 1, to: 2, input: 0, exchange: { kind: "gather" }, ordered: true },
    { from: 0, to: 2, input: 1, exchange: { kind: "broadcast" }, buffered: true },
  ],
};

describe("explain", () => {
  it("draws the plan as written and as optimized, then what runs", () => {
    expect(explain(plan, optimize(plan), graph)).toBe(`Plan as written
  sort mean desc  [~150,000 rows]
  └─ aggregate by origin: avg(delay) as mean, count(*) as n  [~150,000 rows; at job.ts:4:9]
     └─ filter delay > 900  [~1,500,000 rows; at job.ts:3:9]
        └─ source rows flights  [columns origin, delay, distance; skips unless delay > 900; ~3,000,000 rows]

Plan as optimized
  sort mean desc  [~150,000 rows]
  └─ aggregate by origin: avg(delay) as mean, count(*) as n  [~150,000 rows; at job.ts:4:9]
     └─ filter delay > 900  [~1,500,000 rows; at job.ts:3:9]
        └─ source rows flights  [columns origin, delay; skips unless delay > 900; ~3,000,000 rows]

Job
  #0 read rows flights -> filter(delay > 900)  [2 subtasks]
  #1 final aggregate(origin, mean, n)  [2 subtasks]
     <- #0 hash(origin), buffered: #0 also feeds #2, which may read at another time
  #2 merge(mean desc) -> write parquet  [1 subtask on the planning thread]
     <- #1 gather, input 0, merged in order
     <- #0 broadcast, input 1, buffered: #0 also feeds #1, which may read at another time
`);
  });

  it("gives the same as JSON of a stated shape", () => {
    const parsed = JSON.parse(explain(plan, optimize(plan), graph, "json"));
    expect(parsed).toEqual(JSON.parse(JSON.stringify(explainPlan(plan, optimize(plan), graph))));
    expect(Object.keys(parsed)).toEqual(["version", "logical", "optimized", "vertices"]);
    expect(parsed.version).toBe(1);
    expect(parsed.optimized.roots).toEqual([0]);
    expect(parsed.optimized.steps[2]).toEqual({
      id: 2,
      operator: "filter",
      description: "delay > 900",
      columns: [
        { name: "origin", type: "utf8" },
        { name: "delay", type: "int32" },
      ],
      estimatedRows: 1_500_000,
      estimatedBytes: 42_000_000,
      callSite: "job.ts:3:9",
      inputs: [3],
    });
    expect(parsed.optimized.steps[3].skips).toBe("delay > 900");
    expect(parsed.vertices[1]).toEqual({
      id: 1,
      parallelism: 2,
      placement: "workers",
      chain: ["final aggregate(origin, mean, n)"],
      inputs: [
        {
          from: 0,
          input: 0,
          exchange: "hash",
          keys: ["origin"],
          isOrdered: false,
          buffered: "#0 also feeds #2, which may read at another time",
        },
      ],
    });
  });

  it("draws a step that several read once", () => {
    const text = explain([nodes.unionNode([late, late])], [], { vertices: [], edges: [] });
    expect(text.split("\n").slice(1, 5)).toEqual([
      "  union  [~3,000,000 rows]",
      "  ├─ #1 filter delay > 900  [~1,500,000 rows; at job.ts:3:9]",
      "  │  └─ source rows flights  [columns origin, delay, distance; skips unless delay > 900; ~3,000,000 rows]",
      "  └─ see #1 filter above",
    ]);
  });

  it("reads pruning predicates and joins out loud", () => {
    const predicate = {
      op: "and",
      args: [
        { op: "ge", column: "delay", value: 1 },
        {
          op: "or",
          args: [
            { op: "in", column: "origin", values: ["JFK", "O'Hare"] },
            { op: "isNull", column: "origin" },
          ],
        },
      ],
    } as const;
    expect(formatPruning(predicate)).toBe("delay >= 1 and (origin in ('JFK', 'O''Hare') or origin is null)");
    const join = nodes.joinNode(
      flights,
      nodes.projectNode(flights, [
        { name: "o", expression: column("origin") },
        { name: "k", expression: value(1) },
      ]),
      {
        type: "left",
        leftKeys: ["origin"],
        rightKeys: ["o"],
        hint: "BROADCAST_HASH_SECOND",
      },
    );
    const [line] = explain([join], [], { vertices: [], edges: [] }).split("\n").slice(1);
    expect(line).toContain("join left on origin = o, hint BROADCAST_HASH_SECOND");
  });
});
