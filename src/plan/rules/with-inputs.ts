import { unnestedSchema } from "../../core/operators/unnest.ts";
import type { Schema } from "../../core/schema.ts";
import type { FilterNode, LogicalNode } from "../logical.ts";

type Input = readonly [LogicalNode];
type Inputs = readonly [LogicalNode, LogicalNode];

/** The same step over other inputs, which have at least the columns that it reads; its schema follows from them. */
export function withInputs(node: LogicalNode, inputs: readonly LogicalNode[]): LogicalNode {
  if (inputs.every((input, i) => input === node.inputs[i])) return node;
  switch (node.op) {
    case "source":
      return node;
    case "filter":
      return { ...node, inputs: inputs as Input, schema: filteredSchema(node, inputs[0].schema) };
    case "distinct":
    case "sort":
    case "topN":
    case "limit":
    case "partition":
      return { ...node, inputs: inputs as Input, schema: inputs[0].schema };
    case "unnest":
      return { ...node, inputs: inputs as Input, schema: unnestedSchema(inputs[0].schema, node.column) };
    case "project":
    case "aggregate":
    case "sink":
      return { ...node, inputs: inputs as Input };
    case "join":
    case "cross":
      return { ...node, inputs: inputs as Inputs };
    case "union":
    case "function":
      return { ...node, inputs };
  }
}

/** A filter that gives all columns of its input goes on doing so; another keeps its choice. */
function filteredSchema(node: FilterNode, input: Schema): Schema {
  return keepsAllColumns(node) ? input : input.pick(node.schema.names);
}

/** False for a filter that drops columns which only its predicate reads. */
export const keepsAllColumns = (node: FilterNode): boolean =>
  node.schema.fields.length === node.inputs[0].schema.fields.length;
