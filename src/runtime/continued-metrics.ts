import type { CheckpointStatistics } from "./checkpoint-statistics.ts";
import type { SubtaskMetrics, VertexMetrics } from "./metrics.ts";

/**
 * Counts of a job over its attempts: what was counted before goes on, what tells of a moment (watermarks, state) is that
 * of the newest attempt. Rows that were read again count again.
 */
export function continuedMetrics(
  before: readonly VertexMetrics[],
  now: readonly VertexMetrics[],
): readonly VertexMetrics[] {
  if (before.length === 0) return now;
  const vertices = new Map(now.map((vertex) => [vertex.vertex, vertex]));
  const continued = before.map((vertex) => {
    const newer = vertices.get(vertex.vertex);
    vertices.delete(vertex.vertex);
    return newer === undefined ? vertex : continuedVertex(vertex, newer);
  });
  return [...continued, ...vertices.values()];
}

function continuedVertex(before: VertexMetrics, now: VertexMetrics): VertexMetrics {
  const counters = { ...before.counters };
  for (const [name, value] of Object.entries(now.counters)) counters[name] = (counters[name] ?? 0) + value;
  return {
    ...now,
    ...sums(before, now),
    splitsDone: before.splitsDone + now.splitsDone,
    counters,
    ...(now.subtasks === undefined
      ? {}
      : {
          idleMs: (before.idleMs ?? 0) + (now.idleMs ?? 0),
          backpressuredMs: (before.backpressuredMs ?? 0) + (now.backpressuredMs ?? 0),
          subtasks: now.subtasks.map((subtask) => continuedSubtask(before.subtasks, subtask)),
        }),
  };
}

function continuedSubtask(before: readonly SubtaskMetrics[] | undefined, now: SubtaskMetrics): SubtaskMetrics {
  const earlier = before?.find(({ subtask }) => subtask === now.subtask);
  if (earlier === undefined) return now;
  return {
    ...now,
    ...sums(earlier, now),
    idleMs: earlier.idleMs + now.idleMs,
    backpressuredMs: earlier.backpressuredMs + now.backpressuredMs,
  };
}

const COUNTS = ["rowsIn", "rowsOut", "batchesOut", "bytesOut", "bytesRead", "busyMs"] as const;
type Counts = Readonly<Record<(typeof COUNTS)[number], number>>;

const sums = (before: Counts, now: Counts): Counts =>
  Object.fromEntries(COUNTS.map((name) => [name, before[name] + now[name]])) as Counts;

/** Checkpoints of a job over its attempts. */
export function continuedStatistics(
  before: CheckpointStatistics | undefined,
  now: CheckpointStatistics | undefined,
): CheckpointStatistics | undefined {
  if (before === undefined) return now;
  if (now === undefined) return before;
  return {
    ...before,
    ...now,
    completed: before.completed + now.completed,
    failed: before.failed + now.failed,
    failedInARow: now.completed > 0 ? now.failedInARow : before.failedInARow + now.failedInARow,
  };
}

/** What is left of the statistics of an attempt that has failed. */
export function endedStatistics(statistics: CheckpointStatistics | undefined): CheckpointStatistics | undefined {
  if (statistics === undefined) return undefined;
  const { underWay: _, ...rest } = statistics;
  return rest;
}
