import { InternalError } from "../core/errors.ts";
import type { Operator } from "../core/operator.ts";
import { FilterOperator, type FilterSpec } from "../core/operators/filter.ts";
import { ProjectOperator, type ProjectSpec } from "../core/operators/project.ts";
import { SortOperator, type SortSpec } from "../core/operators/sort.ts";
import type { Schema } from "../core/schema.ts";
import type { LocalOperator, OperatorNode, OperatorSpec } from "./job-graph.ts";

type Factory = (spec: OperatorSpec, inputs: readonly Schema[]) => Operator;

/** Every operator that a plan can name, by kind. */
const FACTORIES: Readonly<Record<string, Factory>> = {
  filter: (spec, [schema]) => new FilterOperator(spec as unknown as FilterSpec, schema),
  project: (spec, [schema]) => new ProjectOperator(spec as unknown as ProjectSpec, schema),
  sort: (spec, [schema]) => new SortOperator(schema, spec as unknown as SortSpec),
};

/** Makes an operator from its node; only what it declares is valid before `open`. */
export function createOperator(node: OperatorNode, inputs: readonly Schema[]): Operator {
  if (isLocal(node)) return node.create(inputs);
  const factory = FACTORIES[node.kind];
  if (factory === undefined) throw new InternalError(`There is no operator of kind "${node.kind}"`);
  return factory(node, inputs);
}

const isLocal = (node: OperatorNode): node is LocalOperator => node.kind === "local";
