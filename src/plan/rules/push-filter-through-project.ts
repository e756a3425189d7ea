import type { ExpressionNode } from "../../core/expressions/node.ts";
import { expressionColumns } from "../../core/expressions/rewrite.ts";
import type { ProjectNode } from "../logical.ts";
import { filterBy, isPlainFilter, partitionConditions } from "./conditions.ts";
import { isCostly, isDeterministic } from "./expression-facts.ts";
import type { RewriteRule } from "./rule.ts";
import { substituteDefinitions } from "./substitute-definitions.ts";
import { withInputs } from "./with-inputs.ts";

/**
 * Law: filter(p(c), project(c = e, x)) = project(c = e, filter(p(e), x)), for deterministic e.
 * The projection then computes fewer rows, and p can travel on. Where e is costly p stays, since rows that pass would
 * compute it twice. Both sides evaluate e on every row of x, so nothing new can fail.
 */
export const pushFilterThroughProject: RewriteRule = {
  name: "push filter through project",
  apply(node, context) {
    if (!isPlainFilter(node)) return undefined;
    const [project] = node.inputs;
    if (project.op !== "project" || context.isShared(project)) return undefined;
    const definitions = new Map(project.columns.map(({ name, expression }) => [name, expression]));
    const { moving, staying } = partitionConditions(node, (condition) => mayMove(condition, project, definitions));
    if (moving.length === 0) return undefined;
    const below = moving.map((condition) => substituteDefinitions(condition, project.columns));
    const pushed = withInputs(project, [filterBy(project.inputs[0], below, node.callSite)]);
    return filterBy(pushed, staying, node.callSite);
  },
};

function mayMove(
  condition: ExpressionNode,
  project: ProjectNode,
  definitions: ReadonlyMap<string, ExpressionNode>,
): boolean {
  return [...expressionColumns(condition)].every((name) => {
    const definition = definitions.get(name);
    return definition !== undefined && isDeterministic(definition) && !isCostly(definition, project.inputs[0].schema);
  });
}
