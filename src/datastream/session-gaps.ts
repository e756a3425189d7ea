import { callSite } from "../api/call-site.ts";
import { columnNode } from "../core/expressions/node.ts";
import { KeyRows } from "../core/operators/key-rows.ts";
import type { Row } from "../core/rows/row-view.ts";
import type { Schema } from "../core/schema.ts";
import { int64 } from "../core/types.ts";
import { checkedGap, type DynamicSessionSpec } from "../core/windows/window-assigner.ts";
import type { SessionWindowSpec } from "../core/windows/window-spec.ts";
import type { StreamNode } from "../plan/stream/stream-node.ts";
import { operatorNode } from "./nodes.ts";
import { siteOf } from "./stream-functions.ts";
import type { StreamContext } from "./stream-plan.ts";

/** Windows as plain data: a function that gives gaps runs ahead and writes them into a column. */
export interface PlainWindow<W> {
  readonly window: W;
  /** The name of the column, where there is one. */
  readonly gap?: string;
  /** The rows, with the column behind theirs. */
  withGap(node: StreamNode): StreamNode;
}

export function plainWindow<W extends { readonly kind: string }>(
  context: StreamContext,
  spec: W,
): PlainWindow<Exclude<W, DynamicSessionSpec> | SessionWindowSpec> {
  if (!isDynamic(spec)) return { window: spec as Exclude<W, DynamicSessionSpec>, withGap: (node) => node };
  const { gapOf, domain } = spec;
  const site = siteOf(context, "withDynamicGap", callSite());
  const create = ([input]: readonly Schema[]) =>
    new KeyRows((row: Row) => BigInt(checkedGap(gapOf(row))), input, { name: GAP, type: int64 }, site);
  return {
    gap: GAP,
    window: { kind: "session", gap: columnNode(GAP), ...(domain === undefined ? {} : { domain }) },
    withGap: (node) => operatorNode([{ node }], { kind: "local", name: "withDynamicGap", create }),
  };
}

const GAP = "(session gap)";

const isDynamic = (window: { readonly kind: string }): window is DynamicSessionSpec => window.kind === "dynamicSession";
