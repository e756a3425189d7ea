import { checkedOptions } from "../api/options.ts";
import { PlanError } from "../core/errors.ts";
import { Expression } from "../core/expressions/expression.ts";
import { formatExpression } from "../core/expressions/format.ts";
import { columnNode } from "../core/expressions/node.ts";
import type { LogicalNode, NamedExpression, OrderKey, SortNode } from "../plan/logical.ts";
import { pickNode, projectNode, sortNode } from "../plan/nodes.ts";

/** A column with a direction, for `orderBy`, `sortPartition` and `sortGroup`. */
export interface Ordering<N extends string = string> extends OrderKey {
  readonly column: N;
}

/** A computed value with a direction, for `orderBy` and `sortPartition`; `C` are the columns that it reads. */
export interface ComputedOrdering<C extends string = string> extends Omit<OrderKey, "column"> {
  readonly expression: Expression<C>;
}

interface OrderingOptions {
  readonly nullsFirst?: boolean;
}

/** Smallest first, nulls last unless said. */
export function asc<const N extends string>(column: N, options?: OrderingOptions): Ordering<N>;
export function asc<C extends string>(expression: Expression<C>, options?: OrderingOptions): ComputedOrdering<C>;
export function asc(by: string | Expression, options: OrderingOptions = {}): Ordering | ComputedOrdering {
  return { ...ordered(by), ...checkedOptions("asc", options, ["nullsFirst"]) };
}

/** Greatest first, nulls last unless said. */
export function desc<const N extends string>(column: N, options?: OrderingOptions): Ordering<N>;
export function desc<C extends string>(expression: Expression<C>, options?: OrderingOptions): ComputedOrdering<C>;
export function desc(by: string | Expression, options: OrderingOptions = {}): Ordering | ComputedOrdering {
  return { ...ordered(by), descending: true, ...checkedOptions("desc", options, ["nullsFirst"]) };
}

const ordered = (by: string | Expression): Ordering | ComputedOrdering =>
  by instanceof Expression ? { expression: by } : { column: by };

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
const ORDER_KEY: readonly (keyof OrderKey)[] = ["column", "descending", "nullsFirst"];

/**
 * A key that is a column.
 * @throws {PlanError} SORT_KEY_INVALID, OPTION_UNKNOWN
 */
export function orderKey(key: string | Ordering): OrderKey {
  const column: unknown = typeof key === "string" ? key : key?.column;
  if (typeof column === "string")
    return typeof key === "string" ? { column } : checkedOptions("A key to order by", key, ORDER_KEY);
  const computed: unknown = (key as Partial<ComputedOrdering> | null)?.expression;
  throw new PlanError(
    "SORT_KEY_INVALID",
    `A key to order by is ${key instanceof Expression || computed instanceof Expression ? "an expression" : `the ${typeof key} ${String(key)}`}.`,
    "Name a column, as it is or in asc(...) or desc(...); compute what is to be ordered by with withColumns first.",
  );
}
