import { ExternalError, PlanError } from "../core/errors.ts";
import { subtaskOfKeyGroup } from "../core/key-group.ts";
import { Schema } from "../core/schema.ts";
import { KeyColumns } from "../core/state/state-key.ts";
import type { Workspace } from "../core/workspace.ts";
import type { OperatorChain } from "./chain.ts";
import type { JobGraph, JobVertex } from "./job-graph.ts";

/** A question for what a keyed state has for one key. */
export interface StateQuestion {
  readonly uid: string;
  readonly name: string;
  /** A value per key column. */
  readonly key: readonly unknown[];
}

/** What of a subtask it takes to answer. */
interface Answering {
  readonly vertex: number;
  readonly chain: Pick<OperatorChain, "operators">;
}

/** Where a question is answered. */
export interface StatePlace {
  readonly vertex: JobVertex;
  /** The subtask that has the key, or any where the operator reads without keys. */
  readonly owner: number;
}

/**
 * Finds the subtask that owns the key group of a question's key.
 * @throws {PlanError} UID_UNKNOWN, STATE_NOT_QUERYABLE, STATE_KEY_INVALID. @throws {EvaluationError} VALUE_INVALID
 */
export function placeOfState(graph: JobGraph, workspace: Workspace, { uid, key }: StateQuestion): StatePlace {
  const vertex = vertexOf(graph, uid);
  // Only functions have state with names.
  if (vertex.operators.every((operator) => operator.uid !== uid || operator.kind !== "local")) throw notQueryable(uid);
  for (const { to, input, exchange } of graph.edges) {
    if (to !== vertex.id || exchange.kind !== "keyGroup") continue;
    const { keys, maxParallelism } = exchange;
    const columns = new KeyColumns(workspace, new Schema(vertex.inputs[input]), keys, maxParallelism);
    const { keyGroup } = columns.asked(key);
    return { vertex, owner: subtaskOfKeyGroup(keyGroup, vertex.parallelism, maxParallelism) };
  }
  return { vertex, owner: 0 };
}

/**
 * Answers from the subtasks of one thread; null where none of them has the key.
 * @throws {PlanError} UID_UNKNOWN, STATE_NOT_QUERYABLE, STATE_UNKNOWN, STATE_KEY_INVALID
 */
export function queryState(graph: JobGraph, subtasks: readonly Answering[], question: StateQuestion): unknown {
  const { uid, name, key } = question;
  const vertex = vertexOf(graph, uid);
  const operators = subtasks
    .filter((subtask) => subtask.vertex === vertex.id)
    .flatMap(({ chain }) => chain.operators.filter((operator) => operator.uid === uid));
  if (operators.length === 0) throw notQueryable(uid);
  let unknown: PlanError | undefined;
  let isKnown = false;
  for (const { operator } of operators) {
    if (operator.queryState === undefined) throw notQueryable(uid);
    try {
      const found = operator.queryState(name, key);
      if (found !== null) return found;
      isKnown = true;
    } catch (thrown) {
      // A subtask knows a state once its function has asked for it, which one without rows may not have done.
      if (!isUnknown(thrown)) throw thrown;
      unknown ??= thrown;
    }
  }
  if (!isKnown && unknown !== undefined) throw unknown;
  return null;
}

/** Whether no function of the subtasks that were asked has asked for the state so far. */
export const isUnknown = (thrown: unknown): thrown is PlanError =>
  thrown instanceof PlanError && thrown.code === "STATE_UNKNOWN";

/** The vertex of an operator that may have state. @throws {PlanError} UID_UNKNOWN, STATE_NOT_QUERYABLE */
export function vertexOf(graph: JobGraph, uid: string): JobVertex {
  const vertex = graph.vertices.find(({ operators }) => operators.some((operator) => operator.uid === uid));
  if (vertex !== undefined) return vertex;
  const others = graph.vertices.flatMap(({ source, sink }) => [source?.stream?.uid, sink?.uid]);
  if (others.includes(uid)) throw notQueryable(uid);
  const uids = graph.vertices.flatMap(({ operators }) => operators.flatMap((operator) => operator.uid ?? []));
  throw new PlanError(
    "UID_UNKNOWN",
    `No operator of the job has the uid ${JSON.stringify(uid)}.`,
    `Give the operator one with uid("..."). Known are ${uids.map((each) => `"${each}"`).join(", ")}.`,
  );
}

/** The value has come from another thread, which could not send it. */
export const notSendable = ({ uid, name }: StateQuestion, reason: string): PlanError =>
  new PlanError(
    "STATE_NOT_SENDABLE",
    `What the state "${name}" of the operator with the uid "${uid}" has cannot be sent between threads: ${reason}`,
    "Let the function keep plain data in it, and an aggregate give plain data as its result.",
  );

export const jobNotRunning = (): ExternalError =>
  new ExternalError(
    "JOB_NOT_RUNNING",
    false,
    "The job, or its part that would have the answer, has ended.",
    "Ask while it runs.",
  );

const notQueryable = (uid: string): PlanError =>
  new PlanError(
    "STATE_NOT_QUERYABLE",
    `The operator with the uid "${uid}" keeps no state per key that has a name.`,
    "Query process functions and reduce on keyed streams. Windows and aggregates keep their state in tables without names.",
  );
