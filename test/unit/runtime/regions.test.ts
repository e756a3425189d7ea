import { expect, it } from "vitest";
import type { JobGraph, JobVertex } from "../../../src/runtime/job-graph.ts";
import { regionsOf, sameRegionOf, uidsOf } from "../../../src/runtime/regions.ts";

const vertex = (id: number, rest: Partial<JobVertex> = {}): JobVertex => ({
  ...{ id, name: `v${id}`, parallelism: 1, placement: "workers", inputs: [], operators: [] },
  ...rest,
});

const graph = (vertices: readonly JobVertex[], edges: readonly (readonly [number, number])[]): JobGraph => ({
  vertices,
  edges: edges.map(([from, to]) => ({ from, to, input: 0, exchange: { kind: "forward" } })),
});

const ids = (regions: readonly JobGraph[]) => regions.map(({ vertices }) => vertices.map(({ id }) => id));

const aligned = (group: string) => ({
  source: {
    spec: { kind: "sequence" },
    splits: [],
    stream: {
      uid: group,
      strategy: {
        timestamps: { kind: "kept" as const },
        generator: { kind: "none" as const },
        alignment: { group, maxDriftMs: 1, updateIntervalMs: 1 },
      },
    },
  },
});

it("vertices with a way between them, in whichever direction, are one region", () => {
  const all = [0, 1, 2, 3, 4, 5].map((id) => vertex(id));
  const regions = regionsOf(
    graph(all, [
      [3, 5],
      [0, 4],
      [2, 4],
    ]),
  );
  expect(ids(regions)).toEqual([[0, 2, 4], [1], [3, 5]]);
  expect(regions.map(({ edges }) => edges.length)).toEqual([2, 0, 1]);
});

it("sources that wait for each other, and vertices that write to one sink, are one region", () => {
  const sink = { id: 7, spec: { kind: "print" } };
  const all = [
    vertex(0, aligned("a")),
    vertex(1, { sink }),
    vertex(2, aligned("b")),
    vertex(3, aligned("a")),
    vertex(4, { sink }),
  ];
  expect(ids(regionsOf(graph(all, [])))).toEqual([[0, 3], [1, 4], [2]]);
});

it("finds a region in another plan of the same program, and what its state is kept under", () => {
  const operators = [{ kind: "filter", name: "filter", uid: "kept" }];
  const whole = graph([vertex(0), vertex(1, { operators }), vertex(2), vertex(3, aligned("a"))], [[1, 3]]);
  const [, region] = regionsOf(whole);
  expect(sameRegionOf(whole, region)).toEqual(region);
  expect(uidsOf(region)).toEqual(new Set(["kept", "a"]));
});
