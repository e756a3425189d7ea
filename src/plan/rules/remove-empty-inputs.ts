import type { Schema } from "../../core/schema.ts";
import type { CrossNode, JoinColumn, JoinNode, LogicalNode, NamedExpression } from "../logical.ts";
import { rowBound } from "./row-bound.ts";
import type { RewriteRule } from "./rule.ts";

const isEmpty = (node: LogicalNode): boolean => rowBound(node) === 0;

/**
 * Law: what is done to no rows gives no rows (an aggregate without keys aside), a union leaves out empty inputs, and
 * a join with an empty side is the other side with nulls, or nothing. What cannot matter is not read.
 */
export const removeEmptyInputs: RewriteRule = {
  name: "remove empty inputs",
  apply(node) {
    switch (node.op) {
      case "filter":
      case "sort":
      case "topN":
      case "distinct":
        return isEmpty(node.inputs[0]) && node.schema.equals(node.inputs[0].schema) ? node.inputs[0] : undefined;
      case "aggregate":
        return node.keys.length > 0 && isEmpty(node.inputs[0]) ? nullsOver(node.inputs[0], node.schema) : undefined;
      case "union": {
        const inputs = node.inputs.filter((input) => !isEmpty(input));
        if (inputs.length === node.inputs.length) return undefined;
        if (inputs.length > 1) return { ...node, inputs };
        return inputs[0] ?? node.inputs[0];
      }
      case "cross":
      case "join":
        return joinWithEmpty(node);
      default:
        return undefined;
    }
  },
};

function joinWithEmpty(node: JoinNode | CrossNode): LogicalNode | undefined {
  const [left, right] = node.inputs;
  const [noLeft, noRight] = [isEmpty(left), isEmpty(right)];
  if (!noLeft && !noRight) return undefined;
  const type = node.op === "cross" ? "inner" : node.type;
  if (noLeft) {
    const keepsRight = (type === "right" || type === "full") && !noRight;
    return keepsRight ? sideOf(node, "right") : nullsOver(left, node.schema);
  }
  if (type === "left" || type === "full" || type === "anti") return sideOf(node, "left");
  return nullsOver(right, node.schema);
}

/** The rows of one side; columns of the other side are null. */
function sideOf(node: JoinNode | CrossNode, side: JoinColumn["side"]): LogicalNode {
  const input = node.inputs[side === "left" ? 0 : 1];
  const columns = node.output.map((output, i): NamedExpression => {
    const isOwn = output.side === side;
    const { type } = node.schema.fields[i];
    return {
      name: output.name,
      expression: isOwn ? { kind: "column", name: output.column } : { kind: "literal", type, value: null },
    };
  });
  return { op: "project", schema: node.schema, inputs: [input], columns };
}

/** An input without rows, under another schema. */
const nullsOver = (input: LogicalNode, schema: Schema): LogicalNode => ({
  op: "project",
  schema,
  inputs: [input],
  columns: schema.fields.map(({ name, type }) => ({ name, expression: { kind: "literal", type, value: null } })),
});
