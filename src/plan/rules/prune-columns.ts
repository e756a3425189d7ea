import { expressionColumns } from "../../core/expressions/rewrite.ts";
import type { Field } from "../../core/schema.ts";
import { byteWidth, isNested, isVariableLength } from "../../core/types.ts";
import type { AggregateNode, JoinColumn, LogicalNode, ProjectNode, SourceNode } from "../logical.ts";
import { pickNode } from "../nodes.ts";
import { readersFirst } from "../readers-first.ts";
import { aggregateColumns } from "./aggregate-facts.ts";
import { isTrivial } from "./expression-facts.ts";
import { withInputs } from "./with-inputs.ts";

/**
 * Law: a column that nobody reads need not exist. Going down from the roots, each node gets what its readers need,
 * taken together, and asks its inputs for what it needs for that; sources read only what is left.
 * Roots, sinks and user functions need all columns of their inputs. No node is left without a column, so that rows can
 * still be counted; the narrowest stays. Schemas of roots stay as they are.
 */
export function pruneColumns(roots: readonly LogicalNode[]): LogicalNode[] {
  const needed = findNeeded(roots);
  const pruned = new Map<LogicalNode, LogicalNode>();
  const visit = (node: LogicalNode): LogicalNode => {
    let result = pruned.get(node);
    if (result === undefined) {
      const names = keptNames(node, needed.get(node) ?? new Set());
      result = prune(node, names, node.inputs.map(visit));
      pruned.set(node, result);
    }
    return result;
  };
  return roots.map(visit);
}

function findNeeded(roots: readonly LogicalNode[]): ReadonlyMap<LogicalNode, ReadonlySet<string>> {
  const needed = new Map<LogicalNode, Set<string>>();
  const need = (node: LogicalNode, names: Iterable<string>): void => {
    const known = needed.get(node) ?? new Set();
    for (const name of names) known.add(name);
    needed.set(node, known);
  };
  for (const root of roots) need(root, root.schema.names);
  for (const node of readersFirst(roots)) {
    const kept = keptNames(node, needed.get(node) ?? new Set());
    for (const [i, input] of node.inputs.entries()) need(input, inputNeeds(node, kept, i));
  }
  return needed;
}

/** The needed columns of a node in order, or the one that is cheapest to have. */
function keptNames(node: LogicalNode, needed: ReadonlySet<string>): readonly string[] {
  const kept = node.schema.names.filter((name) => needed.has(name));
  return kept.length > 0 ? kept : cheapest(node);
}

function cheapest(node: LogicalNode): readonly string[] {
  const fields = [...node.schema.fields].sort((a, b) => width(a) - width(b));
  if (node.op === "project") {
    const free = node.columns.find(({ expression }) => isTrivial(expression));
    if (free !== undefined) return [free.name];
  }
  return fields.slice(0, 1).map((field) => field.name);
}

const width = ({ type }: Field): number =>
  isNested(type) ? 1000 : isVariableLength(type) ? 100 : byteWidth(type) || 1;

/** What a node that gives the columns `kept` reads of its input number `i`. */
function inputNeeds(node: LogicalNode, kept: readonly string[], i: number): Iterable<string> {
  switch (node.op) {
    case "filter":
      return [...kept, ...expressionColumns(node.predicate)];
    case "project": {
      const read = new Set<string>();
      for (const { name, expression } of node.columns) {
        if (kept.includes(name)) expressionColumns(expression, read);
      }
      return read;
    }
    case "aggregate":
      return [...node.keys, ...keptAggregates(node, kept).flatMap(aggregateColumns)];
    case "distinct":
      return [...kept, ...node.keys];
    case "sort":
    case "topN":
      return [...kept, ...node.keys.map((key) => key.column)];
    case "limit":
    case "union":
      return kept;
    case "unnest":
      return [...kept, node.column];
    case "partition":
      // What a range or the user's partitioner reads is not known here.
      if (node.partitioning.kind === "numbered") return node.inputs[0].schema.names;
      return [...kept, ...(node.partitioning.kind === "hash" ? node.partitioning.keys : [])];
    case "join":
    case "cross": {
      const side = i === 0 ? "left" : "right";
      const columns = node.output.filter((column) => column.side === side && kept.includes(column.name));
      const keys = node.op === "cross" ? [] : side === "left" ? node.leftKeys : node.rightKeys;
      return [...columns.map(({ column }) => column), ...keys];
    }
    default:
      return node.inputs[i].schema.names;
  }
}

const keptAggregates = (node: AggregateNode, kept: readonly string[]): AggregateNode["aggregates"] =>
  node.aggregates.filter((spec) => kept.includes(spec.as));

/** The node giving the columns `names` (at least), over inputs that have been pruned. */
function prune(node: LogicalNode, names: readonly string[], inputs: readonly LogicalNode[]): LogicalNode {
  switch (node.op) {
    case "source":
      return pruneSource(node, names);
    case "filter": {
      const [input] = inputs;
      return { ...node, inputs: [input], schema: input.schema.pick(names) };
    }
    case "project":
      return pruneProject(node, names, inputs[0]);
    case "aggregate":
      return pruneAggregate(node, names, inputs[0]);
    case "join":
    case "cross": {
      const output = node.output.filter((column: JoinColumn) => names.includes(column.name));
      const picked = inputs.map((input, i) => pick(input, inputNeeds(node, names, i)));
      return { ...node, output, schema: node.schema.pick(names), inputs: [picked[0], picked[1]] };
    }
    case "union":
      return { ...node, schema: node.schema.pick(names), inputs: inputs.map((input) => pick(input, names)) };
    case "sort":
    case "topN":
    case "distinct":
    case "partition":
    case "unnest":
      // These move, keep or repeat rows: what is not needed is left behind first.
      return withInputs(node, [pick(inputs[0], inputNeeds(node, names, 0))]);
    default:
      return withInputs(node, inputs);
  }
}

/** Exactly these columns, in the order of the input. */
function pick(input: LogicalNode, needed: Iterable<string>): LogicalNode {
  const wanted = new Set(needed);
  const names = input.schema.names.filter((name) => wanted.has(name));
  if (names.length === 0 || names.length === input.schema.fields.length) return input;
  return pickNode(input, names);
}

function pruneSource(node: SourceNode, names: readonly string[]): SourceNode {
  const { source } = node;
  if (source.withColumns === undefined || names.length === node.schema.fields.length) return node;
  const narrow = source.withColumns(names);
  return { ...node, source: narrow, schema: narrow.schema };
}

function pruneProject(node: ProjectNode, names: readonly string[], input: LogicalNode): ProjectNode {
  const columns = node.columns.filter(({ name }) => names.includes(name));
  return { ...node, columns, schema: node.schema.pick(names), inputs: [input] };
}

/** Without aggregates that anybody reads, groups are the distinct keys. */
function pruneAggregate(node: AggregateNode, names: readonly string[], input: LogicalNode): LogicalNode {
  const aggregates = keptAggregates(node, names);
  const { callSite } = node;
  if (aggregates.length === 0 && node.keys.length > 0) {
    return {
      op: "distinct",
      keys: node.keys,
      schema: node.schema.pick(node.keys),
      inputs: [input.schema.names.join() === node.keys.join() ? input : pickNode(input, node.keys)],
      ...(callSite === undefined ? {} : { callSite }),
    };
  }
  const kept = [...node.keys, ...aggregates.map((spec) => spec.as)];
  return { ...node, aggregates, schema: node.schema.pick(kept), inputs: [input] };
}
