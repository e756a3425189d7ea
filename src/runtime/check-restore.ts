import { PlanError } from "../core/errors.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import { WATERMARK_TABLE } from "./chain-watermarks.ts";
import { overtakenEdge } from "./in-flight-owner.ts";
import { inFlightIncompatible, inputsInFlight } from "./in-flight-tables.ts";
import { inputUid, type JobGraph } from "./job-graph.ts";
import { stepsOf } from "./step-names.ts";

/** Where a job is to go on from, for messages and for what may differ. */
export interface RestoreSite {
  readonly what: "checkpoint" | "savepoint";
  /** Where it was found; absent where it was given as it is. */
  readonly where?: string;
  /** Names of the steps of the job that it was taken of, by uid, where it tells. */
  readonly steps?: Readonly<Record<string, string>>;
  /** State of steps that the job does not have is left behind. */
  readonly allowNonRestoredState?: boolean;
  /** By uid, new names of state by old ones. */
  readonly renamedState?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * Before anything of a job runs that goes on from a checkpoint or savepoint: whether that is one of this job. Gives what
 * there is for the steps of the job.
 * @throws {PlanError} MAX_PARALLELISM_CHANGED, STATE_NOT_IN_JOB, IN_FLIGHT_INCOMPATIBLE
 */
export function checkRestore(graph: JobGraph, snapshot: JobSnapshot, site: RestoreSite): JobSnapshot {
  const { stream } = graph;
  if (stream !== undefined && stream.maxParallelism !== snapshot.maxParallelism) {
    throw new PlanError(
      "MAX_PARALLELISM_CHANGED",
      `The job has a maxParallelism of ${stream.maxParallelism}, and ${nameOf(site)} one of ${snapshot.maxParallelism}.`,
      `Set maxParallelism to ${snapshot.maxParallelism}: it is fixed for the life of the state.`,
    );
  }
  checkInFlight(graph, snapshot);
  const { renamedState = {} } = site;
  const [first] = unmatched(graph, snapshot);
  if (first === undefined && Object.keys(renamedState).length === 0) return snapshot;
  const known = stepsOf(graph);
  if (first !== undefined && site.allowNonRestoredState !== true) throw notInJob(first, known, snapshot, site);
  const left = Object.entries(snapshot.operators).filter(([uid]) => Object.hasOwn(known, uid));
  const named = left.map(([uid, state]) => {
    return [uid, Object.hasOwn(renamedState, uid) ? { ...state, renamed: renamedState[uid] } : state] as const;
  });
  return { ...snapshot, operators: Object.fromEntries(named) };
}

/** Rows that were on their way to a step that is there are for it: they are never left behind. */
function checkInFlight(graph: JobGraph, { operators }: JobSnapshot): void {
  const known = stepsOf(graph);
  for (const [uid, { tables }] of Object.entries(operators)) {
    const inputs = inputsInFlight(Object.keys(tables));
    if (inputs === undefined || !Object.hasOwn(known, uid)) continue;
    const vertex = graph.vertices.find((each) => each.source === undefined && inputUid(each) === uid);
    const isLost = (input: number) => vertex === undefined || overtakenEdge(graph, vertex, input) === undefined;
    if (inputs.some(isLost)) throw inFlightIncompatible(uid, undefined);
  }
}

/** Steps without state come and go with the parallelism. */
const isStateless = ({ tables }: JobSnapshot["operators"][string]): boolean =>
  Object.keys(tables).every((name) => name === WATERMARK_TABLE);

/** Uids of steps that a job lacks, with state. */
export const unmatched = (graph: JobGraph, snapshot: JobSnapshot): string[] => {
  const known = stepsOf(graph);
  return Object.entries(snapshot.operators).flatMap(([uid, state]) =>
    Object.hasOwn(known, uid) || isStateless(state) ? [] : [uid],
  );
};

function notInJob(
  uid: string,
  known: Readonly<Record<string, string>>,
  snapshot: JobSnapshot,
  site: RestoreSite,
): PlanError {
  const { what, steps } = site;
  const name = steps?.[uid];
  const whose = name === undefined || name === uid ? `"${uid}"` : `"${uid}" (${name})`;
  // A step that was moved has another uid, if it was derived, and the name of before.
  const moved = Object.entries(known).filter(
    ([other, called]) => called === name && !Object.hasOwn(snapshot.operators, other),
  );
  const derived = uid.startsWith("auto-") ? " It was derived from what the step did and read, which has changed." : "";
  const advice =
    moved.length === 1
      ? `If "${name}" is that step, give it .uid("${uid}").`
      : `Give the step that goes on from it .uid("${uid}").`;
  const otherwise =
    what === "savepoint"
      ? "set allowNonRestoredState to leave it behind"
      : "begin anew, without this checkpoint, or set allowNonRestoredState";
  return new PlanError(
    "STATE_NOT_IN_JOB",
    `${capital(nameOf(site))} has state of ${whose}, and no step of the job has this uid.${derived}`,
    `${advice} Else ${otherwise}.`,
  );
}

const nameOf = ({ what, where }: RestoreSite): string =>
  where === undefined ? `the ${what}` : `the ${what} in "${where}"`;
const capital = (text: string): string => text[0].toUpperCase() + text.slice(1);
