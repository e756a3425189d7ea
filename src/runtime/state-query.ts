import { PlanError } from "../core/errors.ts";
import type { Operator } from "../core/operator.ts";
import type { OperatorChain } from "./chain.ts";
import type { JobGraph } from "./job-graph.ts";

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

/**
 * Answers from the subtasks of the planning thread: state with names belongs to user functions, and these run there at
 * every parallelism, but for those of job modules, which are on worker threads.
 * @throws {PlanError} UID_UNKNOWN, STATE_NOT_QUERYABLE, STATE_ON_WORKERS, STATE_UNKNOWN, STATE_KEY_INVALID
 */
export function queryState(graph: JobGraph, subtasks: readonly Answering[], question: StateQuestion): unknown {
  const { uid, name, key } = question;
  let unknown: PlanError | undefined;
  let isKnown = false;
  for (const operator of operatorsOf(graph, subtasks, uid)) {
    if (operator.queryState === undefined) throw notQueryable(uid);
    try {
      const found = operator.queryState(name, key);
      if (found !== null) return found;
      isKnown = true;
    } catch (thrown) {
      // A subtask knows a state once its function has asked for it, which one without rows may not have done.
      if (!(thrown instanceof PlanError) || thrown.code !== "STATE_UNKNOWN") throw thrown;
      unknown ??= thrown;
    }
  }
  if (!isKnown && unknown !== undefined) throw unknown;
  return null;
}

function operatorsOf(graph: JobGraph, subtasks: readonly Answering[], uid: string): Operator[] {
  const vertex = graph.vertices.find(({ operators }) => operators.some((operator) => operator.uid === uid));
  if (vertex === undefined) {
    const uids = graph.vertices.flatMap(({ operators }) => operators.flatMap((operator) => operator.uid ?? []));
    const others = graph.vertices.flatMap(({ source, sink }) => [source?.stream?.uid, sink?.uid]);
    if (others.includes(uid)) throw notQueryable(uid);
    throw new PlanError(
      "UID_UNKNOWN",
      `No operator of the job has the uid ${JSON.stringify(uid)}.`,
      `Give the operator one with uid("..."). Known are ${uids.map((each) => `"${each}"`).join(", ")}.`,
    );
  }
  const found = subtasks
    .filter((subtask) => subtask.vertex === vertex.id)
    .flatMap(({ chain }) => chain.operators.filter((operator) => operator.uid === uid));
  if (found.length === 0) {
    const isFunction = vertex.operators.some((operator) => operator.uid === uid && operator.kind === "local");
    throw isFunction ? onWorkers(uid) : notQueryable(uid);
  }
  return found.map(({ operator }) => operator);
}

const onWorkers = (uid: string): PlanError =>
  new PlanError(
    "STATE_ON_WORKERS",
    `The operator with the uid "${uid}" belongs to a job module and runs on worker threads, which cannot be asked.`,
    "Run the module with a parallelism of 1, or start the same program without a module: its functions stay on one thread.",
  );

const notQueryable = (uid: string): PlanError =>
  new PlanError(
    "STATE_NOT_QUERYABLE",
    `The operator with the uid "${uid}" keeps no state per key that has a name.`,
    "Query process functions and reduce on keyed streams. Windows and aggregates keep their state in tables without names.",
  );
