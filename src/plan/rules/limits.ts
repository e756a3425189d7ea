import type { LimitNode, LogicalNode } from "../logical.ts";
import { joinCallSites } from "./conditions.ts";
import { rowBound } from "./row-bound.ts";
import type { RewriteRule } from "./rule.ts";
import { withInputs } from "./with-inputs.ts";

/** Law: rows a to b of rows c to d of x are rows of x. Also where the inner limit is a top-n. */
export const mergeLimits: RewriteRule = {
  name: "merge limits",
  apply(node, context) {
    if (node.op !== "limit") return undefined;
    const [inner] = node.inputs;
    if ((inner.op !== "limit" && inner.op !== "topN") || context.isShared(inner)) return undefined;
    const count = Math.min(node.count, Math.max(0, inner.count - node.offset));
    const sites = joinCallSites(inner.callSite, node.callSite);
    // A top-n of no rows would still read all of them.
    if (count === 0) return { op: "limit", schema: node.schema, inputs: inner.inputs, count, offset: 0, ...sites };
    return { ...inner, count, offset: inner.offset + node.offset, ...sites };
  },
};

/** Law: the first n rows of at most n rows are all of them. */
export const dropNeedlessLimits: RewriteRule = {
  name: "drop needless limits",
  apply(node) {
    if (node.op !== "limit" || node.offset > 0) return undefined;
    const [input] = node.inputs;
    return rowBound(input) <= node.count ? input : undefined;
  },
};

/**
 * Law: the first n rows of sort(x) are the top n of x by the same keys. A sort that others read as well stays whole.
 * The order inside each subtask is no order of the whole, so it takes part in no top-n.
 */
export const sortLimitToTopN: RewriteRule = {
  name: "sort and limit to top-n",
  apply(node, context) {
    if (node.op !== "limit" || node.count === 0) return undefined;
    const [sort] = node.inputs;
    if (sort.op !== "sort" || sort.scope !== "global" || context.isShared(sort)) return undefined;
    return {
      op: "topN",
      schema: node.schema,
      inputs: sort.inputs,
      keys: sort.keys,
      count: node.count,
      offset: node.offset,
      ...joinCallSites(sort.callSite, node.callSite),
    };
  },
};

/** Law: limit(n, project(x)) = project(limit(n, x)): rows that nobody sees are not computed. */
export const pushLimitThroughProject: RewriteRule = {
  name: "push limit through project",
  apply(node, context) {
    if (node.op !== "limit") return undefined;
    const [project] = node.inputs;
    if (project.op !== "project" || context.isShared(project)) return undefined;
    const [input] = project.inputs;
    return withInputs(project, [{ ...node, schema: input.schema, inputs: [input] }]);
  },
};

/**
 * Law: limit(n, union(a, b)) = limit(n, union(limit(n, a), limit(n, b))): no input has to give more rows than are
 * wanted of all. Rows that are skipped first count as wanted.
 */
export const pushLimitIntoUnion: RewriteRule = {
  name: "push limit into union",
  apply(node, context) {
    if (node.op !== "limit") return undefined;
    const [union] = node.inputs;
    if (union.op !== "union" || context.isShared(union)) return undefined;
    const wanted = node.count + node.offset;
    const inputs = union.inputs.map((input) => (rowBound(input) <= wanted ? input : firstRows(input, wanted, node)));
    const pushed = withInputs(union, inputs);
    return pushed === union ? undefined : { ...node, inputs: [pushed] };
  },
};

const firstRows = (input: LogicalNode, count: number, { callSite }: LimitNode): LogicalNode => ({
  op: "limit",
  count,
  offset: 0,
  inputs: [input],
  schema: input.schema,
  ...(callSite === undefined ? {} : { callSite }),
});
