import * as types from "../../types.ts";
import type { BoundNode } from "../bound.ts";
import type { InNode } from "../node.ts";
import { bindComparison } from "./comparison.ts";
import type { TypeBinder } from "./definition.ts";

/** `input in (values)`: any value equals it; null where none does and a value or the input is null. */
export function bindMembership(binder: TypeBinder, node: InNode): BoundNode {
  const input = binder.bind(node.input);
  if (node.values.length === 0) return binder.literal({ kind: "literal", type: types.bool, value: false });
  const tests = node.values.map((value) => bindComparison(binder, "eq", node, input, binder.bind(value)));
  return tests.reduce((left, right) => binder.logical(node, true, left, right));
}
