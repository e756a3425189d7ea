import { PlanError } from "../core/errors.ts";
import { resolveType } from "../core/expressions/bind.ts";
import { formatExpression } from "../core/expressions/format.ts";
import { columnNode, type ExpressionNode } from "../core/expressions/node.ts";
import { formatType, sameType } from "../core/types.ts";
import type { NamedExpression } from "../plan/logical.ts";
import { ANY, inputSchema, type Route, type StreamNode, type StreamOperatorNode } from "../plan/stream/stream-node.ts";
import type { OperatorNode } from "../runtime/job-graph.ts";
import { createOperator } from "../runtime/operator-factory.ts";

// Constructors of stream nodes: each checks names and types, so that mistakes surface where the user made them.

interface Reads {
  readonly node: StreamNode;
  readonly route?: Route | undefined;
  /** Rows that this input takes back do no harm, and leave nothing to take back in the result. */
  readonly acceptsUpdates?: boolean;
}

/** A node for an operator; its schema is what the operator says it gives. */
export function operatorNode(
  inputs: readonly Reads[],
  operator: OperatorNode,
  options: { readonly acceptsUpdates?: boolean; readonly emitsUpdates?: boolean; readonly callSite?: string } = {},
): StreamOperatorNode {
  const { acceptsUpdates = false, callSite } = options;
  const updating = inputs.find(({ node, acceptsUpdates: isHarmless = false }) => node.isUpdating && !isHarmless);
  if (updating !== undefined && !acceptsUpdates) {
    throw new PlanError(
      "UPDATES_NOT_ACCEPTED",
      `${operator.name} reads rows of "${updating.node.name}" that later rows may take back, which it cannot.`,
      "Use it before the step that updates its results, or take the changelog as rows with toChangelog().",
    );
  }
  const reads = inputs.map(({ node, route = ANY }) => ({ node, route }));
  const { outputSchema } = createOperator(operator, reads.map(inputSchema));
  return {
    op: "operator",
    operator,
    schema: outputSchema,
    name: operator.name,
    inputs: reads,
    isUpdating: options.emitsUpdates ?? (acceptsUpdates && updating !== undefined),
    ...(callSite === undefined ? {} : { callSite }),
  };
}

/** @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH, PREDICATE_NOT_BOOLEAN */
export function filterNode(node: StreamNode, predicate: ExpressionNode): StreamNode {
  const type = resolveType(predicate, node.schema);
  if (type.kind !== "bool" && type.kind !== "null") {
    throw new PlanError(
      "PREDICATE_NOT_BOOLEAN",
      `The filter "${formatExpression(predicate)}" gives ${formatType(type)} where true or false is needed.`,
      "Compare the value with something, for example .gt(0) or .isNotNull().",
    );
  }
  const name = `filter(${formatExpression(predicate)})`;
  return operatorNode([{ node }], { kind: "filter", name, predicate }, { acceptsUpdates: true });
}

/** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, TYPE_MISMATCH */
export function projectNode(node: StreamNode, columns: readonly NamedExpression[]): StreamNode {
  const name = `select(${columns.map((column) => column.name).join(", ")})`;
  return operatorNode([{ node }], { kind: "project", name, columns }, { acceptsUpdates: true });
}

/** All columns with some added or replaced. */
export function withColumnsNode(node: StreamNode, computed: readonly NamedExpression[]): StreamNode {
  const kept = node.schema.names.map(
    (name) => computed.find((column) => column.name === name) ?? { name, expression: columnNode(name) },
  );
  return projectNode(node, [...kept, ...computed.filter(({ name }) => !node.schema.has(name))]);
}

export const pickNode = (node: StreamNode, names: readonly string[]): StreamNode =>
  projectNode(
    node,
    names.map((name) => ({ name, expression: columnNode(name) })),
  );

/** @throws {PlanError} UNION_SCHEMAS_DIFFER */
export function unionNode(members: readonly Reads[]): StreamNode {
  const [{ node: first }, ...others] = members;
  for (const {
    node: { schema, name },
  } of others) {
    const isSame =
      schema.names.length === first.schema.names.length &&
      schema.fields.every(
        (field, i) => field.name === first.schema.names[i] && sameType(field.type, first.schema.fields[i].type),
      );
    if (!isSame) {
      throw new PlanError(
        "UNION_SCHEMAS_DIFFER",
        `"${name}" has the columns (${schema}), and "${first.name}" has (${first.schema}).`,
        "Bring both to the same columns in the same order with select.",
      );
    }
  }
  return {
    op: "union",
    schema: first.schema,
    name: "union",
    inputs: members.map(({ node, route = ANY }) => ({ node, route })),
    isUpdating: members.some(({ node }) => node.isUpdating),
  };
}
