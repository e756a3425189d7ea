import type { VertexMetrics } from "./job-graph.ts";

/** Adds the counts that several threads have of the same vertices. */
export function mergeMetrics(metrics: readonly VertexMetrics[]): VertexMetrics[] {
  const merged = new Map<number, VertexMetrics>();
  for (const each of metrics) {
    const sum = merged.get(each.vertex);
    if (sum === undefined) {
      merged.set(each.vertex, { ...each, counters: { ...each.counters } });
      continue;
    }
    sum.rowsIn += each.rowsIn;
    sum.rowsOut += each.rowsOut;
    sum.batchesOut += each.batchesOut;
    sum.bytesRead += each.bytesRead;
    sum.splitsDone += each.splitsDone;
    sum.busyMs += each.busyMs;
    for (const [name, value] of Object.entries(each.counters)) sum.counters[name] = (sum.counters[name] ?? 0) + value;
  }
  return [...merged.values()];
}
