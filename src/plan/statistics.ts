import type { Schema } from "../core/schema.ts";
import { byteWidth, type DataType } from "../core/types.ts";
import { crossed, groupCount, joined } from "./estimates/joined.ts";
import { type ColumnEstimate, columnEstimate, type Relation, withShare } from "./estimates/relation.ts";
import { filtered } from "./estimates/selectivity.ts";
import type { LogicalNode, ProjectNode, SourceNode } from "./logical.ts";
import { perNode } from "./per-node.ts";
import { passedColumn } from "./rules/expression-facts.ts";

/**
 * Rows that a node is expected to give, at least 1 unless none can come; undefined where even its sources are unknown.
 * A guide for the planner only: a wrong guess costs time, never a result.
 */
export function estimateRows(node: LogicalNode): number | undefined {
  const rows = relationOf(node)?.rows;
  return rows === undefined || rows === 0 ? rows : Math.max(1, rows);
}

/** Rows times the width of the columns that are really kept. */
export function estimateBytes(node: LogicalNode): number | undefined {
  const rows = estimateRows(node);
  return rows === undefined ? undefined : rows * rowBytes(node.schema);
}

/** Distinct keys per row from which grouping rows before they travel saves less than it costs. */
const HARDLY_REPEATED = 0.6;

/** Whether statistics tell that most rows have a key of their own; false where they tell nothing. */
export function hardlyRepeats(node: LogicalNode, keys: readonly string[]): boolean {
  const relation = relationOf(node);
  if (relation === undefined) return false;
  return keys.some((key) => (relation.columns.get(key)?.distinct ?? 0) > relation.rows * HARDLY_REPEATED);
}

/** Expected bytes of a row in memory. */
export const rowBytes = (schema: Schema): number =>
  schema.fields.reduce((sum, field) => sum + valueBytes(field.type), 0);

const relationOf = perNode(estimate);

function estimate(node: LogicalNode): Relation | undefined {
  switch (node.op) {
    case "source":
      return ofSource(node);
    case "union":
      return ofUnion(node.inputs.map(relationOf));
    case "join":
    case "cross": {
      const [left, right] = node.inputs.map(relationOf);
      if (left === undefined || right === undefined) return undefined;
      return node.op === "join" ? joined(node, left, right) : crossed(node, left, right);
    }
    case "topN":
    case "limit":
      // Even of an unknown input, no more than that many rows come.
      return ofLimit(relationOf(node.inputs[0]), node.count, node.offset);
    case "aggregate":
      if (node.keys.length === 0) return { rows: 1, columns: new Map() };
      break;
    case "unnest":
      // How long lists are is unknown.
      return withoutColumns(relationOf(node.inputs[0]));
    case "function":
      // What user code gives is unknown; for one input, as many rows are as good a guess as any.
      return node.inputs.length === 1 ? withoutColumns(relationOf(node.inputs[0])) : undefined;
  }
  const input = relationOf(node.inputs[0]);
  if (input === undefined) return undefined;
  switch (node.op) {
    case "filter":
      return filtered(input, node.predicate, node.inputs[0].schema);
    case "project":
      return projected(node, input);
    case "aggregate":
    case "distinct":
      return grouped(node.keys, input);
    default:
      return input;
  }
}

function ofSource({ source, schema }: SourceNode): Relation | undefined {
  const { rows, columns = {} } = source.statistics;
  if (rows === undefined) return undefined;
  const estimates = schema.fields.map(
    ({ name, type }) =>
      [name, columnEstimate(type, Object.hasOwn(columns, name) ? columns[name] : undefined, rows)] as const,
  );
  return { rows, columns: new Map(estimates) };
}

function ofUnion(inputs: readonly (Relation | undefined)[]): Relation | undefined {
  let rows = 0;
  for (const input of inputs) {
    if (input === undefined) return undefined;
    rows += input.rows;
  }
  return { rows, columns: new Map() };
}

function ofLimit(input: Relation | undefined, count: number, offset: number): Relation {
  if (input === undefined) return { rows: count, columns: new Map() };
  const rows = Math.min(count, Math.max(0, input.rows - offset));
  return withShare(input, input.rows === 0 ? 0 : rows / input.rows);
}

const withoutColumns = (relation: Relation | undefined): Relation | undefined =>
  relation && { rows: relation.rows, columns: new Map() };

function projected(node: ProjectNode, input: Relation): Relation {
  const columns = new Map<string, ColumnEstimate>();
  for (const { name, expression } of node.columns) {
    const column = passedColumn(expression);
    const known = column === undefined ? undefined : input.columns.get(column);
    if (known !== undefined) columns.set(name, known);
  }
  return { rows: input.rows, columns };
}

function grouped(keys: readonly string[], input: Relation): Relation {
  const rows = groupCount(keys, input);
  const columns = new Map([...input.columns].filter(([name]) => keys.includes(name)));
  for (const [name, column] of columns) {
    if (column.distinct !== undefined) columns.set(name, { ...column, distinct: Math.min(column.distinct, rows) });
    // A single key is unique now.
    else if (keys.length === 1) columns.set(name, { ...column, distinct: rows });
  }
  return { rows, columns };
}

/** Text is taken to have this many bytes. */
const VARIABLE_BYTES = 20;

function valueBytes(type: DataType): number {
  if (type.kind === "utf8" || type.kind === "binary") return 4 + VARIABLE_BYTES;
  if (type.kind === "list") return 4 + 4 * valueBytes(type.element);
  if (type.kind === "map") return 4 + 4 * (valueBytes(type.key) + valueBytes(type.value));
  if (type.kind === "struct") return Object.values(type.fields).reduce((sum, field) => sum + valueBytes(field), 0);
  return byteWidth(type) || 1;
}
