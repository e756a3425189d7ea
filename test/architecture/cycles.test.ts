import { expect, it } from "vitest";
import { engineFiles } from "./source-files.ts";

type Graph = ReadonlyMap<string, readonly string[]>;

/** A shortest circle through some file of each strongly connected set of files, as "a -> b -> a". */
function circles(graph: Graph): string[] {
  const found: string[] = [];
  const reported = new Set<string>();
  for (const start of graph.keys()) {
    if (reported.has(start)) continue;
    const circle = shortestCircle(graph, start);
    if (circle === undefined) continue;
    for (const path of circle) reported.add(path);
    found.push([...circle, start].join(" -> "));
  }
  return found;
}

/** Breadth-first from a file back to itself. */
function shortestCircle(graph: Graph, start: string): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const path of queue) {
    for (const next of graph.get(path) ?? []) {
      if (next === start) return trail(cameFrom, path, start);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, path);
      queue.push(next);
    }
  }
  return undefined;
}

function trail(cameFrom: ReadonlyMap<string, string>, end: string, start: string): string[] {
  const path = [end];
  for (let at = end; at !== start; ) {
    at = cameFrom.get(at) ?? start;
    path.unshift(at);
  }
  return path;
}

it("imports form no circle, type imports included: a circle means that files share an idea of its own", () => {
  const graph = new Map(
    engineFiles().map(({ path, references }) => [path, references.flatMap(({ target }) => target ?? [])] as const),
  );
  expect(circles(graph)).toEqual([]);
});

it("finds circles of any length", () => {
  const graph = new Map([
    ["a", ["b"]],
    ["b", ["c", "d"]],
    ["c", ["a"]],
    ["d", []],
    ["e", ["e"]],
  ]);
  expect(circles(graph)).toEqual(["a -> b -> c -> a", "e -> e"]);
});
