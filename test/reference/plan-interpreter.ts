import type { AggregateSpec } from "../../src/core/aggregates/spec.ts";
import { bindExpression } from "../../src/core/expressions/bind.ts";
import { splitConjuncts } from "../../src/core/expressions/rewrite.ts";
import type { AggregateNode, FilterNode, JoinColumn, JoinNode, LogicalNode, OrderKey } from "../../src/plan/logical.ts";
import { RowsSource } from "../support/rows-source.ts";
import { evaluate } from "./plan-expressions.ts";
import { compareValues, groupText, type Row, type Value } from "./plan-rows.ts";

/** The plan gives more rows than a test should hold. */
export class TooManyRows extends Error {}

const MOST_ROWS = 3000;

/** What a logical plan means: the rows of a node, each shared node computed once. Sources are `RowsSource`s. */
export function interpret(roots: readonly LogicalNode[]): Row[][] {
  const known = new Map<LogicalNode, Row[]>();
  const rowsOf = (node: LogicalNode): Row[] => {
    let rows = known.get(node);
    if (rows === undefined) {
      rows = run(node, node.inputs.map(rowsOf));
      if (rows.length > MOST_ROWS) throw new TooManyRows();
      known.set(node, rows);
    }
    return rows;
  };
  return roots.map(rowsOf);
}

function run(node: LogicalNode, inputs: readonly Row[][]): Row[] {
  const [rows] = inputs;
  switch (node.op) {
    case "source":
      if (!(node.source instanceof RowsSource)) throw new Error("The interpreter reads RowsSource only.");
      return [...node.source.rows];
    case "filter":
      return filter(node, rows).map((row) => pick(row, node.schema.names));
    case "project":
      return rows.map((row) => Object.fromEntries(node.columns.map((c) => [c.name, evaluate(c.expression, row)])));
    case "aggregate":
      return aggregate(node, rows);
    case "distinct":
      return [...groupBy(rows, node.keys).values()].map(([first]) => first);
    case "sort":
      return sorted(rows, node.keys);
    case "topN":
      return sorted(rows, node.keys).slice(node.offset, node.offset + node.count);
    case "limit":
      return rows.slice(node.offset, node.offset + node.count);
    case "join":
      return join(node, inputs[0], inputs[1]);
    case "cross":
      return inputs[0].flatMap((left) => inputs[1].map((right) => output(node.output, left, right)));
    case "union":
      for (const input of node.inputs) checkColumns(input, node.schema.names);
      return inputs.flat();
    case "function":
      // Stands for the identity; what it sees must be what the user's function was promised.
      return inputs.flat().map((row) => pick(row, node.schema.names));
    default:
      return rows;
  }
}

const pick = (row: Row, names: readonly string[]): Row =>
  Object.fromEntries(names.map((name) => [name, cell(row, name)]));

/** A column that a step reads must be there: pruning may not take it away. */
function cell(row: Row, name: string): Value {
  if (!Object.hasOwn(row, name)) throw new Error(`The row has no column "${name}".`);
  return row[name];
}

function checkColumns(node: LogicalNode, names: readonly string[]): void {
  if (node.schema.names.join() !== names.join()) throw new Error(`An input of a union gives (${node.schema.names}).`);
}

/** Conditions that cannot fail run first, as in the engine; the others see only rows that passed. */
function filter(node: FilterNode, rows: readonly Row[]): Row[] {
  const { schema } = node.inputs[0];
  const conditions = splitConjuncts(node.predicate);
  const fallible = conditions.filter((condition) => bindExpression(condition, schema).root.isFallible);
  const safe = conditions.filter((condition) => !fallible.includes(condition));
  return rows.filter((row) => [...safe, ...fallible].every((condition) => evaluate(condition, row) === true));
}

function groupBy(rows: readonly Row[], keys: readonly string[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keys.map((name) => groupText(cell(row, name))).join("|");
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}

function aggregate(node: AggregateNode, rows: readonly Row[]): Row[] {
  const groups = node.keys.length === 0 ? [rows] : [...groupBy(rows, node.keys).values()];
  return groups.map((group) => ({
    ...(node.keys.length === 0 ? {} : pick(group[0], node.keys)),
    ...Object.fromEntries(node.aggregates.map((spec) => [spec.as, aggregated(spec, group)])),
  }));
}

function aggregated({ fn, column }: AggregateSpec, rows: readonly Row[]): Value {
  if (column === undefined) return BigInt(rows.length);
  const values = rows.map((row) => cell(row, column)).filter((value) => value !== null);
  if (fn === "count") return BigInt(values.length);
  if (values.length === 0) return null;
  switch (fn) {
    case "sum":
      return values.reduce<number>((sum, value) => sum + Number(value), 0);
    case "min":
      return values.reduce((least, value) => (compareValues(value, least) < 0 ? value : least));
    case "max":
      return values.reduce((most, value) => (compareValues(value, most) > 0 ? value : most));
    default:
      throw new Error(`The interpreter does not know the aggregate "${fn}".`);
  }
}

/** Stable, nulls last unless said. */
function sorted(rows: readonly Row[], keys: readonly OrderKey[]): Row[] {
  return [...rows].sort((a, b) => {
    for (const { column, descending, nullsFirst } of keys) {
      const [x, y] = [cell(a, column), cell(b, column)];
      if (x === null || y === null) {
        const order = Number(x === null) - Number(y === null);
        if (order !== 0) return nullsFirst === true ? -order : order;
        continue;
      }
      const order = compareValues(x, y);
      if (order !== 0) return descending === true ? -order : order;
    }
    return 0;
  });
}

function join(node: JoinNode, left: readonly Row[], right: readonly Row[]): Row[] {
  const isMatch = (a: Row, b: Row): boolean =>
    node.leftKeys.every((key, i) => {
      const [x, y] = [cell(a, key), cell(b, node.rightKeys[i])];
      return x !== null && y !== null && compareValues(x, y) === 0; // null matches nothing
    });
  if (node.type === "semi" || node.type === "anti") {
    const keeps = node.type === "semi";
    return left.filter((a) => right.some((b) => isMatch(a, b)) === keeps).map((a) => output(node.output, a, undefined));
  }
  const rows: Row[] = [];
  const matched = new Set<Row>();
  for (const a of left) {
    const matches = right.filter((b) => isMatch(a, b));
    for (const b of matches) {
      matched.add(b);
      rows.push(output(node.output, a, b));
    }
    if (matches.length === 0 && (node.type === "left" || node.type === "full"))
      rows.push(output(node.output, a, undefined));
  }
  if (node.type === "right" || node.type === "full") {
    for (const b of right) if (!matched.has(b)) rows.push(output(node.output, undefined, b));
  }
  return rows;
}

const output = (columns: readonly JoinColumn[], left: Row | undefined, right: Row | undefined): Row =>
  Object.fromEntries(
    columns.map(({ side, column, name }) => {
      const source = side === "left" ? left : right;
      return [name, source === undefined ? null : cell(source, column)] as const;
    }),
  );
