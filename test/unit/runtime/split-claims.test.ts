import { describe, expect, it } from "vitest";
import type { Split } from "../../../src/core/source.ts";
import type { JobGraph } from "../../../src/runtime/job-graph.ts";
import { claimsFor, SplitClaims } from "../../../src/runtime/split-claims.ts";

const splits = (homes: readonly (string | undefined)[]): Split[] =>
  homes.map((home, i) => ({ id: `split ${i}`, payload: i, ...(home === undefined ? {} : { home }) }));

const graphOf = (sources: readonly { parallelism: number; splits: Split[] }[]): JobGraph => ({
  vertices: sources.map((source, id) => ({
    id,
    name: `source ${id}`,
    parallelism: source.parallelism,
    placement: "workers",
    source: { spec: { kind: "test" }, splits: source.splits },
    inputs: [],
    operators: [],
  })),
  edges: [],
});

const rest = (claims: SplitClaims): unknown[] => {
  const taken: unknown[] = [];
  for (let split = claims.take(); split !== undefined; split = claims.take()) taken.push(split.payload);
  return taken;
};

describe("claims on splits", () => {
  it("go to a thread's own memory first, then to splits without one, then to others' from the end", () => {
    const graph = graphOf([{ parallelism: 2, splits: splits(["a", "b", undefined, "a", "b", "b"]) }]);
    const claims = claimsFor(graph);
    expect(rest(new SplitClaims(claims, graph.vertices[0], "a"))).toEqual([0, 3, 2, 5, 4, 1]);
    expect(rest(new SplitClaims(claims, graph.vertices[0], "b"))).toEqual([]);
  });

  it("give every split to one taker, whoever is faster", () => {
    const graph = graphOf([{ parallelism: 2, splits: splits(["a", "a", "a", "a", "b", undefined]) }]);
    const claims = claimsFor(graph);
    const [a, b] = ["a", "b"].map((home) => new SplitClaims(claims, graph.vertices[0], home));
    const taken = [b, b, a, b, a, b, b, a].map((claimer) => claimer.take()?.payload);
    expect(taken).toEqual([4, 5, 0, 3, 1, 2, undefined, undefined]);
  });

  it("are in order where one subtask reads, wherever the rows lie", () => {
    const graph = graphOf([{ parallelism: 1, splits: splits(["a", "b", undefined, "a"]) }]);
    expect(rest(new SplitClaims(claimsFor(graph), graph.vertices[0], "b"))).toEqual([0, 1, 2, 3]);
  });

  it("of several sources do not touch each other", () => {
    const graph = graphOf([
      { parallelism: 2, splits: splits([undefined, undefined]) },
      { parallelism: 2, splits: splits([]) },
      { parallelism: 2, splits: splits([undefined, undefined, undefined]) },
    ]);
    const claims = claimsFor(graph);
    expect([2, 1, 0].map((vertex) => rest(new SplitClaims(claims, graph.vertices[vertex], "a")))).toEqual([
      [0, 1, 2],
      [],
      [0, 1],
    ]);
  });
});
