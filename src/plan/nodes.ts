import { type AggregateSpec, aggregateType } from "../core/aggregates/spec.ts";
import { checkSortable } from "../core/columns/sort-keys.ts";
import { PlanError } from "../core/errors.ts";
import { resolveType } from "../core/expressions/bind.ts";
import { formatExpression } from "../core/expressions/format.ts";
import { columnNode, type ExpressionNode } from "../core/expressions/node.ts";
import { unnestedSchema } from "../core/operators/unnest.ts";
import { type Field, Schema } from "../core/schema.ts";
import type { Sink } from "../core/sink.ts";
import type { Source } from "../core/source.ts";
import { formatType } from "../core/types.ts";
import { joinedColumns, joinOutput } from "./join-output.ts";
import type {
  AggregateNode,
  CrossNode,
  DistinctNode,
  FilterNode,
  JoinColumn,
  JoinHint,
  JoinNode,
  JoinType,
  LimitNode,
  LogicalNode,
  NamedExpression,
  OrderKey,
  Partitioning,
  PartitionNode,
  ProjectNode,
  SinkNode,
  SortNode,
  SourceNode,
  UnionNode,
  UnnestNode,
} from "./logical.ts";

// Constructors of logical nodes: each checks names and types, so that mistakes surface where the user made them.

export const sourceNode = (source: Source, pinned = false): SourceNode => ({
  op: "source",
  source,
  pinned,
  schema: source.schema,
  inputs: [],
});

/** @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH, PREDICATE_NOT_BOOLEAN */
export function filterNode(input: LogicalNode, predicate: ExpressionNode): FilterNode {
  const type = resolveType(predicate, input.schema);
  if (type.kind !== "bool" && type.kind !== "null") {
    throw new PlanError(
      "PREDICATE_NOT_BOOLEAN",
      `The filter "${formatExpression(predicate)}" gives ${formatType(type)} where true or false is needed.`,
      "Compare the value with something, for example .gt(0) or .isNotNull().",
    );
  }
  return { op: "filter", predicate, schema: input.schema, inputs: [input] };
}

/** @throws {PlanError} COLUMN_UNKNOWN, COLUMN_DUPLICATE, TYPE_MISMATCH */
export function projectNode(input: LogicalNode, columns: readonly NamedExpression[]): ProjectNode {
  const fields = columns.map(({ name, expression }) => ({ name, type: resolveType(expression, input.schema) }));
  return { op: "project", columns, schema: new Schema(fields), inputs: [input] };
}

/** The given columns as they are, in the given order. */
export const pickNode = (input: LogicalNode, names: readonly string[]): ProjectNode =>
  projectNode(
    input,
    names.map((name) => ({ name, expression: columnNode(name) })),
  );

export function aggregateNode(
  input: LogicalNode,
  keys: readonly string[],
  aggregates: readonly AggregateSpec[],
): AggregateNode {
  const keyFields = keys.map((key): Field => ({ name: key, type: input.schema.typeOf(key) }));
  const valueFields = aggregates.map((spec): Field => ({ name: spec.as, type: aggregateType(spec, input.schema) }));
  return { op: "aggregate", keys, aggregates, schema: new Schema([...keyFields, ...valueFields]), inputs: [input] };
}

export function distinctNode(input: LogicalNode, keys: readonly string[] = input.schema.names): DistinctNode {
  for (const key of keys) input.schema.indexOf(key);
  return { op: "distinct", keys, schema: input.schema, inputs: [input] };
}

/** @throws {PlanError} COLUMN_UNKNOWN, SORT_KEY_UNSUPPORTED, SORT_KEYS_EMPTY */
export function checkOrderKeys(keys: readonly OrderKey[], schema: Schema): void {
  if (keys.length === 0) {
    throw new PlanError("SORT_KEYS_EMPTY", "A sort was given no column to order by.", "Name at least one column.");
  }
  for (const { column } of keys) checkSortable(schema.typeOf(column), column);
}

/** @throws {PlanError} COLUMN_UNKNOWN, SORT_KEY_UNSUPPORTED, SORT_KEYS_EMPTY */
export function sortNode(input: LogicalNode, keys: readonly OrderKey[], scope: SortNode["scope"]): SortNode {
  checkOrderKeys(keys, input.schema);
  return { op: "sort", keys, scope, schema: input.schema, inputs: [input] };
}

/** @throws {PlanError} LIMIT_INVALID */
export function limitNode(input: LogicalNode, count: number, offset: number): LimitNode {
  for (const number of [count, offset]) {
    if (Number.isSafeInteger(number) && number >= 0) continue;
    throw new PlanError("LIMIT_INVALID", `${number} is not a number of rows.`, "Give a whole number from 0.");
  }
  return { op: "limit", count, offset, schema: input.schema, inputs: [input] };
}

/** @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH */
export const unnestNode = (input: LogicalNode, column: string, keepsEmpty: boolean): UnnestNode => ({
  op: "unnest",
  column,
  keepsEmpty,
  schema: unnestedSchema(input.schema, column),
  inputs: [input],
});

/**
 * Joins on equal keys. Output: the left columns, then the right ones without the keys that have the same name as their
 * left key; another clash of names gets the suffix `_right`. Semi and anti joins give the left columns only.
 * @throws {PlanError} JOIN_KEYS_MISMATCH, COLUMN_UNKNOWN
 */
export function joinNode(
  left: LogicalNode,
  right: LogicalNode,
  on: { type: JoinType; leftKeys: readonly string[]; rightKeys: readonly string[]; hint?: JoinHint },
): LogicalNode {
  const { type, hint = "OPTIMIZER_CHOOSES" } = on;
  const { projection, ...join } = joinOutput(left.schema, right.schema, on);
  const joined = joinOf(left, right, { type, hint, ...join });
  return projection === undefined ? joined : projectNode(joined, projection);
}

/** A join with its output columns spelled out; `joinNode` finds them by rule. */
export function joinOf(
  left: LogicalNode,
  right: LogicalNode,
  join: Pick<JoinNode, "type" | "leftKeys" | "rightKeys" | "hint" | "output">,
): JoinNode {
  return { op: "join", ...join, schema: joinedSchema(left, right, join.output), inputs: [left, right] };
}

/** Every pair of rows. */
export function crossNode(left: LogicalNode, right: LogicalNode): CrossNode {
  const output = joinedColumns(left.schema, right.schema, "inner", () => true);
  return { op: "cross", output, schema: joinedSchema(left, right, output), inputs: [left, right] };
}

const joinedSchema = (left: LogicalNode, right: LogicalNode, output: readonly JoinColumn[]): Schema =>
  new Schema(
    output.map(({ side, column, name }) => ({ name, type: (side === "left" ? left : right).schema.typeOf(column) })),
  );

/** @throws {PlanError} UNION_SCHEMAS_DIFFER */
export function unionNode(inputs: readonly LogicalNode[]): UnionNode {
  const [first, ...rest] = inputs;
  for (const other of rest) {
    if (first.schema.equals(other.schema)) continue;
    throw new PlanError(
      "UNION_SCHEMAS_DIFFER",
      `A union needs equal columns; one input has (${first.schema}), another (${other.schema}).`,
      "Select the same columns in the same order, with casts where types differ.",
    );
  }
  return { op: "union", schema: first.schema, inputs };
}

/**
 * A union of columns by name, in the order in which they first come. With `allowsMissing`, a column that an input lacks
 * is null there.
 * @throws {PlanError} UNION_SCHEMAS_DIFFER
 */
export function unionByNameNode(inputs: readonly LogicalNode[], allowsMissing: boolean): UnionNode {
  const fields = new Map(inputs.flatMap(({ schema }) => schema.fields).map((field) => [field.name, field]));
  const aligned = inputs.map((input) =>
    projectNode(
      input,
      [...fields.values()].map(({ name, type }) => {
        if (input.schema.has(name)) return { name, expression: columnNode(name) };
        if (allowsMissing) return { name, expression: { kind: "literal", type, value: null } };
        throw new PlanError(
          "UNION_SCHEMAS_DIFFER",
          `A union by name needs the same columns; one input has no "${name}", but (${input.schema}).`,
          "Add the column, or set allowMissing to have nulls there.",
        );
      }),
    ),
  );
  return unionNode(aligned);
}

export const partitionNode = (input: LogicalNode, partitioning: Partitioning, parallelism?: number): PartitionNode => ({
  op: "partition",
  partitioning,
  schema: input.schema,
  inputs: [input],
  ...(parallelism === undefined ? {} : { parallelism }),
});

export const sinkNode = (input: LogicalNode, sink: Sink, isLocal = false): SinkNode => ({
  op: "sink",
  sink,
  isLocal,
  schema: input.schema,
  inputs: [input],
});
