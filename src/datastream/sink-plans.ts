import { callSite } from "../api/call-site.ts";
import { checkedOptions } from "../api/options.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import { connectorRegistry } from "../connectors/registry.ts";
import { PlanError } from "../core/errors.ts";
import { HIGHEST_MAX_PARALLELISM } from "../core/key-group.ts";
import type { Sink, SinkSpec } from "../core/sink.ts";
import { ANY, type Route, type StreamNode } from "../plan/stream/stream-node.ts";
import { checkedName, oneOf, whole } from "./arguments.ts";
import type { StreamContext, StreamPlan } from "./stream-plan.ts";

/** Options of every sink. */
export interface StreamSinkOptions {
  /** Under which its writers' state is kept across restarts and changes of the program; unique in the job. */
  readonly uid?: string;
  /** For metrics and errors. */
  readonly name?: string;
  readonly parallelism?: number;
  /** As the method of steps: its writers share worker threads with subtasks of the same group alone. */
  readonly slotSharingGroup?: string;
  /** "head": a queue in front of it, as with `startNewChain`; it shares its subtask with no other step then. */
  readonly chaining?: "default" | "head";
}

export const SINK_OPTIONS = ["uid", "name", "parallelism", "slotSharingGroup", "chaining"];

interface Routed {
  readonly plan: StreamPlan;
  readonly route?: Route;
}

/** A live sink behind a stream; `isLocal`: on the calling thread, since other threads could not make it again. */
export function sinkPlan(
  { plan, route = ANY }: Routed,
  sink: Sink,
  isLocal: boolean,
  options: StreamSinkOptions,
): StreamPlan {
  const settings = sinkSettings(options);
  return plan.map((node) => sinkNode({ node, route }, sink, isLocal, settings));
}

/** A sink of the engine behind a stream; its connector is imported when the job starts. */
export function connectorSinkPlan(
  { host }: StreamContext,
  { plan, route = ANY }: Routed,
  spec: SinkSpec,
  options: StreamSinkOptions & { readonly isLocal?: boolean },
): StreamPlan {
  const { isLocal = false, ...own } = options;
  const settings = sinkSettings(own);
  return PlanHandle.deferred(async (signal) => {
    const [node, factory] = await Promise.all([plan.resolve(signal), connectorRegistry.sinkFactory(spec.kind)]);
    const sink = factory(spec, host);
    return sinkNode({ node, route }, sink, isLocal, settings);
  });
}

/**
 * In a stream that goes on, a changelog goes to sinks only that know of row kinds; in batch mode its final rows go to any.
 * @throws {PlanError} UPDATES_NOT_ACCEPTED
 */
export function refuseUpdates(sinks: readonly StreamNode[]): void {
  for (const sink of sinks) {
    const updating = sink.inputs.find(({ node, side }) => node.isUpdating && side === undefined);
    if (updating === undefined || (sink.op === "sink" && sink.sink.acceptsUpdates === true)) continue;
    throw new PlanError(
      "UPDATES_NOT_ACCEPTED",
      `"${sink.name}" would take rows of "${updating.node.name}" that later rows may take back for rows that stand.`,
      "Write rows that stand, such as the results of windows, or the changes themselves with toChangelog().",
    );
  }
}

interface SinkSettings extends StreamSinkOptions {
  readonly callSite?: string;
}

/** @throws {PlanError} OPTION_UNKNOWN, OPTION_INVALID, ARGUMENT_INVALID */
function sinkSettings(options: StreamSinkOptions): SinkSettings {
  const given = checkedOptions("the sink", options, SINK_OPTIONS);
  if (given.parallelism !== undefined) whole("parallelism", given.parallelism, 1, HIGHEST_MAX_PARALLELISM);
  for (const name of ["uid", "name", "slotSharingGroup"] as const) {
    if (given[name] !== undefined) checkedName(name, given[name]);
  }
  if (given.chaining !== undefined) oneOf("chaining", given.chaining, ["default", "head"]);
  const site = callSite();
  return { ...given, ...(site === undefined ? {} : { callSite: site }) };
}

/** @throws {PlanError} SINK_NOT_FOR_STREAMS */
function sinkNode(
  input: { readonly node: StreamNode; readonly route: Route },
  sink: Sink,
  isLocal: boolean,
  settings: SinkSettings,
): StreamNode {
  if (sink.isOneRun === true) {
    throw new PlanError(
      "SINK_NOT_FOR_STREAMS",
      `"${sink.description}" commits all that a run wrote at its end, and would lose rows of a stream that is restored.`,
      "Use writeToFiles, whose files roll and belong to checkpoints.",
    );
  }
  return {
    op: "sink",
    sink,
    isLocal,
    schema: input.node.schema,
    name: sink.description,
    inputs: [input],
    isUpdating: false,
    ...settings,
  };
}
