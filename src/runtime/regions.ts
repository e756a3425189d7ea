import type { JobEdge, JobGraph, JobVertex } from "./job-graph.ts";

/**
 * The parts of a graph between which nothing travels, neither rows nor event time: a failure of one is no matter of the
 * others. In the order of their first vertices.
 */
export function regionsOf({ vertices, edges, ...rest }: JobGraph): JobGraph[] {
  const regions: JobVertex[][] = [];
  const left = new Set(vertices);
  for (const first of vertices) {
    if (!left.delete(first)) continue;
    const region = [first];
    // The region grows while it is walked.
    for (const vertex of region) {
      for (const other of left) {
        if (!areBound(vertex, other, edges)) continue;
        left.delete(other);
        region.push(other);
      }
    }
    regions.push(vertices.filter((vertex) => region.includes(vertex)));
  }
  return regions.map((region) => {
    const ids = new Set(region.map(({ id }) => id));
    return { ...rest, vertices: region, edges: edges.filter(({ from }) => ids.has(from)) };
  });
}

/** The part of `whole` that has the vertices of `part`. */
export function sameRegionOf(whole: JobGraph, part: JobGraph): JobGraph {
  const ids = new Set(part.vertices.map(({ id }) => id));
  if (ids.size === whole.vertices.length) return whole;
  return {
    ...whole,
    vertices: whole.vertices.filter(({ id }) => ids.has(id)),
    edges: whole.edges.filter(({ from }) => ids.has(from)),
  };
}

/** Under which the steps of a graph keep their state. */
export function uidsOf({ vertices }: JobGraph): Set<string> {
  const uids = vertices.flatMap(({ source, operators, sink }) => [
    source?.stream?.uid,
    ...operators.map(({ uid }) => uid),
    sink?.uid,
  ]);
  return new Set(uids.filter((uid) => uid !== undefined));
}

function areBound(a: JobVertex, b: JobVertex, edges: readonly JobEdge[]): boolean {
  const isShared = <T>(one: T | undefined, other: T | undefined) => one !== undefined && one === other;
  return (
    isShared(a.sink?.id, b.sink?.id) ||
    isShared(alignmentGroup(a), alignmentGroup(b)) ||
    edges.some(({ from, to }) => (from === a.id && to === b.id) || (from === b.id && to === a.id))
  );
}

const alignmentGroup = ({ source }: JobVertex): string | undefined => source?.stream?.strategy?.alignment?.group;
