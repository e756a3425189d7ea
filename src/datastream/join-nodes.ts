import { callSite } from "../api/call-site.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import type { ExpressionNode } from "../core/expressions/node.ts";
import { expressionColumns } from "../core/expressions/rewrite.ts";
import type { JoinSide, JoinSpec } from "../core/joins/join-plan.ts";
import { Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import { joinOutput } from "../plan/join-output.ts";
import type { JoinType } from "../plan/logical.ts";
import type { StreamNode } from "../plan/stream/stream-node.ts";
import type { OperatorNode } from "../runtime/job-graph.ts";
import { DataStream } from "./data-stream.ts";
import type { KeyedStream } from "./keyed-stream.ts";
import { operatorNode, projectNode } from "./nodes.ts";
import { plainWindow } from "./session-gaps.ts";
import type { StreamPlan } from "./stream-plan.ts";

// The nodes of joins that kernels run, with the columns that the API promises.

/** Columns of a join of streams: the left ones, and the right ones without keys of the same name. */
export type JoinedFields<F extends Fields, K extends string, G extends Fields> = F & {
  readonly [N in Exclude<keyof G & string, K> as N extends keyof F ? `${N}_right` : N]: G[N];
};

/** Two keyed streams, and which of their rows a join gives. */
export interface JoinSides {
  readonly left: KeyedStream<Fields, string>;
  readonly right: KeyedStream<Fields, string>;
  readonly type: JoinType;
}

/** What a join of changelogs needs to know of its inputs. */
interface Updates {
  readonly spec?: { readonly [key: string]: unknown };
  /** The sides whose rows may be taken back; both unless said. */
  readonly from?: readonly JoinSide[];
  readonly emitsUpdates: boolean;
  readonly condition?: ExpressionNode;
}

type JoinOperatorSpec = {
  readonly kind: string;
  readonly window?: { readonly kind: string };
  readonly [key: string]: unknown;
};

/** The stream of `joinPlan`. @throws {PlanError} JOIN_KEYS_MISMATCH, UPDATES_NOT_ACCEPTED */
export const joined = <J extends Fields>(
  sides: JoinSides,
  name: string,
  spec: JoinOperatorSpec,
  updatesOf?: (left: StreamNode, right: StreamNode) => Updates,
): DataStream<J> => new DataStream<J>(sides.left.context, joinPlan(sides, name, spec, updatesOf));

/**
 * The join's node: both sides by key, and what the output columns need behind it.
 * @throws {PlanError} JOIN_KEYS_MISMATCH, UPDATES_NOT_ACCEPTED
 */
export function joinPlan(
  { left, right, type }: JoinSides,
  name: string,
  spec: JoinOperatorSpec,
  updatesOf?: (left: StreamNode, right: StreamNode) => Updates,
): StreamPlan {
  const site = callSite();
  return PlanHandle.combine([left.plan, right.plan], ([first, second]): StreamNode => {
    const on = { type, leftKeys: left.keys, rightKeys: right.keys };
    const { projection, ...join } = joinOutput(first.schema, second.schema, on);
    const updates = updatesOf?.(first, second);
    const accepts = (side: JoinSide): boolean => updates !== undefined && (updates.from?.includes(side) ?? true);
    const { window } = spec;
    const plain = window && plainWindow(left.context, window);
    const operator: OperatorNode = {
      ...spec,
      ...(plain && { window: plain.window }),
      ...updates?.spec,
      name: `${type} ${name}(${left.keys.join(", ")})`,
      type,
      ...join,
      ...(updates?.condition && { residual: residualOf(updates.condition, first.schema, second.schema, on) }),
    };
    const given = (node: StreamNode) => plain?.withGap(node) ?? node;
    const node = operatorNode(
      [
        { node: given(first), route: { kind: "keyed", keys: left.keys }, acceptsUpdates: accepts("left") },
        { node: given(second), route: { kind: "keyed", keys: right.keys }, acceptsUpdates: accepts("right") },
      ],
      operator,
      {
        ...(updates === undefined ? {} : { emitsUpdates: updates.emitsUpdates }),
        ...(site === undefined ? {} : { callSite: site }),
      },
    );
    if (projection === undefined) return node;
    const extra = node.schema.names.slice(join.output.length).map((column) => ({
      name: column,
      expression: { kind: "column", name: column } as const,
    }));
    return projectNode(node, [...projection, ...extra]);
  });
}

/**
 * A condition over pairs, whose columns have the names that an inner join gives them.
 * @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH
 */
function residualOf(
  condition: ExpressionNode,
  left: Schema,
  right: Schema,
  on: { readonly leftKeys: readonly string[]; readonly rightKeys: readonly string[] },
): NonNullable<JoinSpec["residual"]> {
  const { output } = joinOutput(left, right, { ...on, type: "inner" });
  const pairs = new Schema(
    output.map(({ side, column, name }) => ({ name, type: (side === "left" ? left : right).typeOf(column) })),
  );
  const used = expressionColumns(condition);
  for (const name of used) pairs.indexOf(name);
  return { columns: output.filter(({ name }) => used.has(name)), condition };
}
