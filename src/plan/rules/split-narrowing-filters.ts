import { columnNode } from "../../core/expressions/node.ts";
import type { RewriteRule } from "./rule.ts";
import { keepsAllColumns } from "./with-inputs.ts";

/**
 * Law: a filter that gives some of its columns is a filter that gives all of them below a choice of columns.
 * Other rules then see one kind of filter; pruning narrows it again.
 */
export const splitNarrowingFilters: RewriteRule = {
  name: "split narrowing filters",
  apply(node) {
    if (node.op !== "filter" || keepsAllColumns(node)) return undefined;
    const { schema, ...filter } = node;
    return {
      op: "project",
      schema,
      inputs: [{ ...filter, schema: node.inputs[0].schema }],
      columns: schema.names.map((name) => ({ name, expression: columnNode(name) })),
    };
  },
};
