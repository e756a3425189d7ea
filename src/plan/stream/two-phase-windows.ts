import { type AggregateSpec, isExactInParts } from "../../core/aggregates/spec.ts";
import type { WindowAggregateSpec } from "../../core/operators/window-aggregate.ts";
import type { WindowPartialsSpec } from "../../core/operators/window-partials.ts";
import { PaneGrid } from "../../core/windows/pane-grid.ts";
import { windowColumns, windowPartials } from "../../core/windows/window-partials.ts";
import type { OperatorNode, OperatorSpec } from "../../runtime/job-graph.ts";
import { ANY, type StreamInput, type StreamNode, type StreamOperatorNode } from "./stream-node.ts";

type WindowAggregate = WindowAggregateSpec & OperatorSpec;
type Partials = WindowPartialsSpec & OperatorSpec;

/** What decides whether a window aggregate is worth two operators. */
export interface TwoPhaseContext {
  readonly parallelismOf: (node: StreamNode) => number;
  /** How many steps read a node. */
  readonly readersOf: (node: StreamNode) => number;
  readonly bufferTimeoutMs: number;
  readonly uid: string;
  readonly readsLateRows: boolean;
}

const isWindowAggregate = (operator: OperatorNode): operator is WindowAggregate => operator.kind === "windowAggregate";

/** Whether it is the half of a window aggregate that stands in front of the exchange. */
export const isPartials = (operator: OperatorNode): operator is Partials => operator.kind === "windowPartials";

/**
 * A window aggregate that several subtasks feed, as one that reads partial aggregates: these are made in front of the
 * exchange, where the rows are, so that a row per key and pane travels instead of all of them. It is left alone where
 *  - its results would depend on how rows are put together (first, last, lists, sums of floats);
 *  - rows are wanted as such: late ones that somebody reads;
 *  - rows are not to wait: early results, or processing time without a buffer timeout.
 * State and results are the same either way, so a snapshot of one may be restored into the other.
 */
export function inTwoPhases(node: StreamOperatorNode, context: TwoPhaseContext): StreamOperatorNode | undefined {
  const { operator, inputs } = node;
  if (!isWindowAggregate(operator) || inputs.length !== 1 || operator.partialsOf !== undefined) return undefined;
  const [input] = inputs;
  const { schema } = input.node;
  const { keys, window, aggregates, earlyEveryMs } = operator;
  const isHeld = window.domain !== "processing" || context.bufferTimeoutMs > 0;
  if (context.readsLateRows || earlyEveryMs !== undefined || !isHeld) return undefined;
  if (input.side !== undefined || !["keyed", "global"].includes(input.route.kind)) return undefined;
  if (!aggregates.every((spec: AggregateSpec) => isExactInParts(spec, schema))) return undefined;
  const members = membersOf(input, false, context);
  if (members === undefined || !members.some(({ input: { node: member } }) => context.parallelismOf(member) > 1))
    return undefined;
  const partials: Partials = {
    kind: "windowPartials",
    name: `partial ${node.name}`,
    ...(operator.callSite === undefined ? {} : { callSite: operator.callSite }),
    keys,
    window,
    aggregates,
    holdMs: context.bufferTimeoutMs,
  };
  const columns = windowColumns(keys, aggregates, schema);
  const partialSchema = windowPartials(columns, aggregates, new PaneGrid(window).isTumbling).schema;
  const partialsOf = ({ input: member, isShared }: Member, i: number): StreamOperatorNode => ({
    op: "operator",
    operator: partials,
    schema: partialSchema,
    inputs: [{ ...member, route: ANY }],
    name: partials.name,
    uid: `${context.uid}/partials${members.length === 1 ? "" : i}`,
    parallelism: context.parallelismOf(member.node),
    isUpdating: false,
    // Chained to the member, its partial aggregates would be all that the other readers get.
    ...(isShared ? { chaining: "head" as const } : {}),
    ...(node.callSite === undefined ? {} : { callSite: node.callSite }),
  });
  const made = members.map(partialsOf);
  const whole: StreamNode =
    made.length === 1
      ? made[0]
      : {
          op: "union",
          schema: partialSchema,
          inputs: made.map((each) => ({ node: each, route: ANY })),
          name: partials.name,
          isUpdating: false,
        };
  const final: WindowAggregate = { ...operator, partialsOf: schema.fields };
  return { ...node, operator: final, inputs: [{ node: whole, route: input.route }] };
}

/** Whether what travels to a window aggregate depends on how the job is laid out: rows, or partial aggregates. */
export const mayBeInTwoPhases = (node: StreamOperatorNode, context: TwoPhaseContext): boolean =>
  (isWindowAggregate(node.operator) && node.operator.partialsOf !== undefined) ||
  inTwoPhases(node, { ...context, parallelismOf: () => 2, bufferTimeoutMs: 1 }) !== undefined;

/** A stream that a window reads, by itself or as part of a union. */
interface Member {
  readonly input: StreamInput;
  /** Others read it too, through a union that the member itself does not know of. */
  readonly isShared: boolean;
}

/** The streams that a window reads, those of a union one by one; undefined where one of them is not a main output. */
function membersOf(input: StreamInput, isShared: boolean, context: TwoPhaseContext): Member[] | undefined {
  const { node, side } = input;
  if (node.op !== "union") return side === undefined ? [{ input, isShared }] : undefined;
  const isRead = isShared || context.readersOf(node) > 1;
  const members = node.inputs.map((each) => membersOf(each, isRead, context));
  return members.every((each) => each !== undefined) ? members.flat() : undefined;
}
