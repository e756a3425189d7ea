import { START_OF_TIME_MS } from "../core/time/time.ts";
import { type Backlog, sumOfBacklogs } from "./backlog.ts";
import type { StepResult } from "./stream-task.ts";
import type { Subtask } from "./subtask.ts";

/** What a running job counts, per vertex and summed over its subtasks. */
export interface VertexMetrics {
  readonly vertex: number;
  /** Of its steps, as explain shows them. */
  readonly name: string;
  rowsIn: number;
  rowsOut: number;
  batchesOut: number;
  /** Of the rows that went out, once however many read them; dictionaries, which batches may share, are left out. */
  bytesOut: number;
  bytesRead: number;
  splitsDone: number;
  busyMs: number;
  /** Of a stream: wall clock of all its subtasks without input, and with input but no room for results. */
  idleMs?: number;
  backpressuredMs?: number;
  /** Of a stream: what the state of its subtasks takes, see `SubtaskMetrics`. */
  stateBytes?: number;
  /** Of a stream's source: what it has found and not read yet, once all of its subtasks know. */
  backlog?: Backlog;
  /** What operators, sources and sinks count themselves: "lateRowsDropped", say. */
  counters: Record<string, number>;
  /** Of a stream, in the order of their numbers. */
  subtasks?: readonly SubtaskMetrics[];
}

/** What one subtask of a running stream counts. */
export interface SubtaskMetrics {
  readonly subtask: number;
  readonly isFinished: boolean;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly batchesOut: number;
  readonly bytesOut: number;
  readonly bytesRead: number;
  /** Wall clock in which it had work, had no input, and had input but no room for results. */
  readonly busyMs: number;
  readonly idleMs: number;
  readonly backpressuredMs: number;
  /** The event time that its input has reached, epoch milliseconds; absent before the first watermark. */
  readonly watermarkMs?: number;
  /** How far the clock is ahead of that now; absent once the subtask has finished. */
  readonly watermarkLagMs?: number;
  /** Of its operators' state: exact in linear memory, an estimate in the JavaScript heap. */
  readonly stateBytes: number;
  /** Of a source: what it has found and not read yet. Absent elsewhere, and before it has looked. */
  readonly backlog?: Backlog;
}

/** The counts of the subtasks of one vertex that run on one thread. */
export function metricsOf(
  { id, name }: { readonly id: number; readonly name: string },
  subtasks: readonly Subtask[],
  counters: Readonly<Record<string, number>>,
  isStream: boolean,
): VertexMetrics {
  const sum = (of: (subtask: Subtask) => number) => subtasks.reduce((total, subtask) => total + of(subtask), 0);
  const counted = {
    vertex: id,
    name,
    rowsIn: sum(({ rowsIn }) => rowsIn),
    rowsOut: sum(({ rowsOut }) => rowsOut),
    batchesOut: sum(({ batchesOut }) => batchesOut),
    bytesOut: sum(({ bytesOut }) => bytesOut),
    bytesRead: sum(({ bytesRead }) => bytesRead),
    splitsDone: sum(({ splitsDone }) => splitsDone),
    busyMs: sum(({ busyMs }) => busyMs),
    counters: { ...counters },
  };
  if (!isStream) return counted;
  const each = subtasks.map(subtaskMetrics);
  return {
    ...counted,
    idleMs: sum(({ idleMs }) => idleMs),
    backpressuredMs: sum(({ backpressuredMs }) => backpressuredMs),
    stateBytes: each.reduce((total, { stateBytes }) => total + stateBytes, 0),
    ...backlogOf(each),
    subtasks: each,
  };
}

function backlogOf(subtasks: readonly SubtaskMetrics[]): { readonly backlog?: Backlog } {
  const known = subtasks.flatMap(({ backlog }) => (backlog === undefined ? [] : [backlog]));
  return known.length === 0 || known.length < subtasks.length ? {} : { backlog: sumOfBacklogs(known) };
}

function subtaskMetrics(subtask: Subtask): SubtaskMetrics {
  const { index, isFinished, rowsIn, rowsOut, batchesOut, bytesOut, bytesRead } = subtask;
  const { busyMs, idleMs, backpressuredMs, stateBytes, watermarkMs, backlog } = subtask;
  return {
    subtask: index,
    isFinished,
    ...{ rowsIn, rowsOut, batchesOut, bytesOut, bytesRead, busyMs, idleMs, backpressuredMs, stateBytes },
    ...(watermarkMs === START_OF_TIME_MS ? {} : { watermarkMs }),
    ...(backlog === undefined ? {} : { backlog }),
  };
}

/** The same with how far the clock is ahead of each subtask that runs. */
export const withLags = (metrics: readonly VertexMetrics[], nowMs: number): VertexMetrics[] =>
  metrics.map((vertex) => ({
    ...vertex,
    ...(vertex.subtasks === undefined ? {} : { subtasks: vertex.subtasks.map((subtask) => withLag(subtask, nowMs)) }),
  }));

function withLag(subtask: SubtaskMetrics, nowMs: number): SubtaskMetrics {
  const { watermarkMs, isFinished } = subtask;
  return watermarkMs === undefined || isFinished ? subtask : { ...subtask, watermarkLagMs: nowMs - watermarkMs };
}

/** Puts together what several threads have of the same vertices. */
export function mergeMetrics(metrics: readonly VertexMetrics[]): VertexMetrics[] {
  const merged = new Map<number, VertexMetrics>();
  for (const each of metrics) {
    const sum = merged.get(each.vertex);
    merged.set(each.vertex, sum === undefined ? { ...each, counters: { ...each.counters } } : addTo(sum, each));
  }
  return [...merged.values()];
}

function addTo(sum: VertexMetrics, more: VertexMetrics): VertexMetrics {
  sum.rowsIn += more.rowsIn;
  sum.rowsOut += more.rowsOut;
  sum.batchesOut += more.batchesOut;
  sum.bytesOut += more.bytesOut;
  sum.bytesRead += more.bytesRead;
  sum.splitsDone += more.splitsDone;
  sum.busyMs += more.busyMs;
  for (const [name, value] of Object.entries(more.counters)) sum.counters[name] = (sum.counters[name] ?? 0) + value;
  if (more.subtasks === undefined) return sum;
  sum.idleMs = (sum.idleMs ?? 0) + (more.idleMs ?? 0);
  sum.backpressuredMs = (sum.backpressuredMs ?? 0) + (more.backpressuredMs ?? 0);
  sum.stateBytes = (sum.stateBytes ?? 0) + (more.stateBytes ?? 0);
  sum.subtasks = [...(sum.subtasks ?? []), ...more.subtasks].sort((a, b) => a.subtask - b.subtask);
  delete sum.backlog;
  Object.assign(sum, backlogOf(sum.subtasks));
  return sum;
}

/** Adds time in which no subtask could do anything to each of them, by what it waited for. */
export function countWaiting(results: ReadonlyMap<Subtask, StepResult>, waitedMs: number): void {
  for (const [subtask, result] of results) {
    if (result === "starved") subtask.idleMs += waitedMs;
    else if (result === "backpressured") subtask.backpressuredMs += waitedMs;
  }
}
