import { checkedOptions } from "../api/options.ts";
import { type ComputedOrdering, type Ordering, orderKey } from "../api/ordering.ts";
import { Expression } from "../core/expressions/expression.ts";
import { formatExpression } from "../core/expressions/format.ts";
import { columnNode } from "../core/expressions/node.ts";
import type { LogicalNode, NamedExpression, OrderKey, SortNode } from "../plan/logical.ts";
import { pickNode, projectNode, sortNode } from "../plan/nodes.ts";

/**
 * Orders rows by columns and computed values. These become columns for the time of the sort.
 * @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH, SORT_KEY_INVALID, SORT_KEY_UNSUPPORTED, SORT_KEYS_EMPTY
 */
export function sortedBy(
  node: LogicalNode,
  keys: readonly (string | Ordering | Expression | ComputedOrdering)[],
  scope: SortNode["scope"],
): LogicalNode {
  const { names } = node.schema;
  const computed: NamedExpression[] = [];
  const columns = keys.map((key): OrderKey => {
    const given = key instanceof Expression ? { expression: key } : key;
    if (typeof given !== "object" || !((given as Partial<ComputedOrdering>)?.expression instanceof Expression)) {
      return orderKey(given as string | Ordering);
    }
    const { expression, ...direction } = checkedOptions("A key to order by", given as ComputedOrdering, COMPUTED_KEY);
    if (expression.node.kind === "column") return { column: expression.node.name, ...direction };
    // Seen in explain; no column of the user's has the name.
    let column = formatExpression(expression.node);
    while (names.includes(column) || computed.some(({ name }) => name === column)) column += "'";
    computed.push({ name: column, expression: expression.node });
    return { column, ...direction };
  });
  if (computed.length === 0) return sortNode(node, columns, scope);
  const kept = names.map((name) => ({ name, expression: columnNode(name) }));
  return pickNode(sortNode(projectNode(node, [...kept, ...computed]), columns, scope), names);
}

const COMPUTED_KEY: readonly (keyof ComputedOrdering)[] = ["expression", "descending", "nullsFirst"];
