import { expressionColumns } from "../../core/expressions/rewrite.ts";
import type { FilterSpec } from "../../core/operators/filter.ts";
import type { ProjectSpec } from "../../core/operators/project.ts";
import type { Schema } from "../../core/schema.ts";
import type { OperatorNode, OperatorSpec } from "../../runtime/job-graph.ts";
import { joinCallSites } from "../rules/conditions.ts";
import { isFallible, passedColumn } from "../rules/expression-facts.ts";

type Filter = FilterSpec & OperatorSpec;
type Project = ProjectSpec & OperatorSpec;

const isFilter = (node: OperatorNode): node is Filter => node.kind === "filter";
const isProject = (node: OperatorNode): node is Project => node.kind === "project";

/**
 * What runs in place of two operators that follow each other in a chain: a filter copies each column that it hands on, so
 * it is told which are wanted, and two filters copy once. The operators stay as they are where nothing is won.
 * @param schema - What the first one reads.
 */
export function fuseOperators(first: OperatorNode, second: OperatorNode, schema: Schema): readonly OperatorNode[] {
  if (!isFilter(first)) return [first, second];
  if (isProject(second)) {
    const picked = pickedColumns(second);
    if (picked !== undefined) return [{ ...joined(first, second), columns: picked }];
    const wanted = new Set(second.columns.flatMap(({ expression }) => [...expressionColumns(expression)]));
    const columns = (first.columns ?? schema.names).filter((name) => wanted.has(name));
    return [{ ...first, columns }, second];
  }
  // A condition that may fail must not meet rows that the user kept from it; of two, only the second is kept from some.
  if (!isFilter(second) || isFallible(first.predicate, schema)) return [first, second];
  const columns = second.columns ?? first.columns;
  const predicate = { kind: "call", fn: "and", args: [first.predicate, second.predicate] } as const;
  return [{ ...joined(first, second), predicate, ...(columns === undefined ? {} : { columns }) }];
}

/** The names of a projection's columns where it hands them on as they are, in whatever order. */
function pickedColumns({ columns }: Project): readonly string[] | undefined {
  const isPlain = columns.every(({ name, expression }) => passedColumn(expression) === name);
  return isPlain && columns.length > 0 ? columns.map(({ name }) => name) : undefined;
}

const joined = (first: Filter, second: OperatorNode): Filter => ({
  ...first,
  name: `${first.name} -> ${second.name}`,
  ...joinCallSites(first.callSite, second.callSite),
});
