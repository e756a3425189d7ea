import { passedColumn } from "./expression-facts.ts";
import type { RewriteRule } from "./rule.ts";

/** Law: a projection that gives all columns of its input, unchanged and in order, is its input. */
export const removeIdentityProject: RewriteRule = {
  name: "remove identity project",
  apply(node) {
    if (node.op !== "project") return undefined;
    const [input] = node.inputs;
    if (!node.schema.equals(input.schema)) return undefined;
    return node.columns.every(({ name, expression }) => passedColumn(expression) === name) ? input : undefined;
  },
};
