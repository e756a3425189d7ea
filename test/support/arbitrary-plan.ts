import * as fc from "fast-check";
import type { AggregateSpec } from "../../src/core/aggregates/spec.ts";
import { literalNode } from "../../src/core/expressions/literal.ts";
import { callNode, columnNode, type ExpressionNode } from "../../src/core/expressions/node.ts";
import { type Field, Schema } from "../../src/core/schema.ts";
import { bool, float64, int32, utf8 } from "../../src/core/types.ts";
import type { FunctionNode, JoinType, LogicalNode, NamedExpression, OrderKey } from "../../src/plan/logical.ts";
import * as nodes from "../../src/plan/nodes.ts";
import type { Row, Value } from "../reference/plan-rows.ts";
import { RowsSource } from "./rows-source.ts";

/** A stream of small numbers that fast-check shrinks towards zero; every choice of a plan is one of them. */
class Choices {
  readonly #numbers: readonly number[];
  #next = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  below(count: number): number {
    // Few numbers go round: a step must not run into zeros alone.
    return (this.#numbers[this.#next++ % this.#numbers.length] ?? 0) % Math.max(1, count);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  some<T>(values: readonly T[]): T[] {
    return values.filter(() => this.below(2) === 1);
  }
}

const INTS: readonly Value[] = [null, 0, 1, 2, 3, -1, 2_147_483_647];
const FLOATS: readonly Value[] = [null, 0, -0, 1.5, -2.5, Number.NaN, Number.POSITIVE_INFINITY];
const TEXTS: readonly Value[] = [null, "", "a", "b", "\uffff", "😀"];
const BOOLS: readonly Value[] = [null, true, false];

const row = fc.record({
  i: fc.constantFrom(...INTS),
  j: fc.constantFrom(...INTS),
  x: fc.constantFrom(...FLOATS),
  s: fc.constantFrom(...TEXTS),
  b: fc.constantFrom(...BOOLS),
});
const COLUMNS = { i: int32, j: int32, x: float64, s: utf8, b: bool };

/** Statistics may be missing, and they may be wrong: results must not depend on them. */
const anyStatistics = fc.oneof(
  fc.constant({}),
  fc.record({ rows: fc.constantFrom(0, 3, 1000, 1_000_000) }),
  fc.record({
    rows: fc.constantFrom(10, 100_000),
    columns: fc.record({
      i: fc.record({ min: fc.constant(0), max: fc.constant(5), distinct: fc.constantFrom(2, 500) }),
    }),
  }),
);

const anySource = (name: string) =>
  fc
    .tuple(fc.array(row, { maxLength: 7 }), anyStatistics)
    .map(([rows, statistics]) => new RowsSource(name, Schema.of(COLUMNS), rows as Row[], statistics));

/** Few values, so that joins of joins still find matches. */
const matchingRow = fc.record({
  i: fc.constantFrom(0, 1, 1, null),
  j: fc.constantFrom(0, 1),
  x: fc.constantFrom(0, -0, Number.NaN),
  s: fc.constantFrom("a", "a", "b"),
  b: fc.boolean(),
});

/** Chains of inner joins over sources whose sizes are known: what join ordering works on. */
export const anyJoinChain: fc.Arbitrary<LogicalNode[]> = fc
  .tuple(
    fc.array(
      fc.record({
        rows: fc.array(matchingRow, { minLength: 1, maxLength: 5 }),
        size: fc.constantFrom(1, 50, 2000, 1_000_000),
      }),
      { minLength: 3, maxLength: 5, size: "max" },
    ),
    fc.array(fc.nat({ max: 59 }), { maxLength: 40, size: "max" }),
  )
  .map(([tables, numbers]) => {
    const choices = new Choices(numbers);
    const parts = tables.map(({ rows, size }, i) => {
      const source = nodes.sourceNode(new RowsSource(`t${i}`, Schema.of(COLUMNS), rows as Row[], { rows: size }));
      const names = source.schema.names.map((name) => ({ name: `${name}${i}`, expression: columnNode(name) }));
      const renamed = nodes.projectNode(source, names);
      return choices.below(5) === 4 ? nodes.filterNode(renamed, condition(renamed.schema, choices, 1)) : renamed;
    });
    return [parts.reduce<LogicalNode>((left, right) => innerJoin(left, right, choices), parts[0])];
  });

/** By one or two columns of equal type; a choice of columns stands between some joins. */
function innerJoin(left: LogicalNode, right: LogicalNode, choices: Choices): LogicalNode {
  if (left === right) return left;
  const kinds = choices.of([["ij", "ij"], ["s", "ij"], ["ij"], ["ij"], ["s"], ["b"]]);
  const pairs = kinds.flatMap((kind) => {
    const of = (node: LogicalNode) => node.schema.names.filter((name) => kind.includes(name[0]));
    const [a, b] = [of(left), of(right)];
    return a.length > 0 && b.length > 0 ? [[choices.of(a), choices.of(b)] as const] : [];
  });
  if (pairs.length === 0) return nodes.crossNode(left, right);
  const [leftKeys, rightKeys] = [pairs.map(([key]) => key), pairs.map(([, key]) => key)];
  const joined =
    choices.below(2) === 0
      ? nodes.joinNode(left, right, { type: "inner", leftKeys, rightKeys })
      : nodes.joinNode(right, left, { type: "inner", leftKeys: rightKeys, rightKeys: leftKeys });
  if (choices.below(3) > 0) return joined;
  const kept = joined.schema.names.filter((_, i) => i < 3 || choices.below(3) > 0);
  return nodes.pickNode(joined, kept);
}

/** Roots of a random plan over small sources. Steps build on a stack of nodes, so that any subset of them is a plan. */
const planOf = (binary: readonly Step[]): fc.Arbitrary<LogicalNode[]> =>
  fc
    .record({
      sources: fc.tuple(anySource("a"), anySource("b"), anySource("c")),
      steps: fc.array(fc.array(fc.nat({ max: 59 }), { minLength: 1, maxLength: 14, size: "max" }), {
        minLength: 1,
        maxLength: 14,
        size: "max",
      }),
    })
    .map(({ sources, steps }) => {
      let stack: LogicalNode[] = sources.map((source) => nodes.sourceNode(source));
      for (const numbers of steps) stack = step(stack, new Choices(numbers), binary);
      return stack;
    });

type Step = (input: LogicalNode, choices: Choices, other: LogicalNode) => LogicalNode;

const UNARY: readonly Step[] = [
  (input, choices) => nodes.filterNode(input, condition(input.schema, choices, 3)),
  project,
  aggregate,
  distinct,
  sort,
  firstRows,
  identityFunction,
  (input, choices) => nodes.limitNode(input, choices.below(3) === 0 ? 0 : 5000, 0),
  firstRows,
  (input, choices) => nodes.partitionNode(input, { kind: "hash", keys: [choices.of(input.schema.names)] }),
];
const BINARY: readonly Step[] = [
  join,
  join,
  outerJoinWithNullTest,
  outerJoinWithNullTest,
  union,
  (left, choices, right) => smallCross(left, right, choices),
];

/** Plans whose result is the same multiset of rows wherever and in whatever order their steps run. */
export const anyPlan = planOf(BINARY);

/** Plans that may also take the first rows of a union: they mean something only where inputs are read in turn. */
export const anyOrderedPlan = planOf([...BINARY, firstOfUnion]);

function step(stack: LogicalNode[], choices: Choices, binary: readonly Step[]): LogicalNode[] {
  // Filters are what most rules are about, so most steps are.
  const kind = choices.below(20);
  const [top, ...rest] = stack;
  if (kind < 5) return [UNARY[0](top, choices, top), ...rest];
  if (kind < 12) return [choices.of(UNARY)(top, choices, top), ...rest];
  if (kind === 12) return [top, ...stack]; // read by two
  if (kind < 15 && rest.length > 0) return [...rest, top];
  return rest.length > 0 ? [choices.of(binary)(top, choices, rest[0]), ...rest.slice(1)] : stack;
}

const columnsOf = (schema: Schema, kind: string): readonly Field[] =>
  schema.fields.filter((field) => field.type.kind === kind);

/** A condition over any columns: three-valued logic, comparisons, arithmetic that may fail, constants. */
function condition(schema: Schema, choices: Choices, depth: number): ExpressionNode {
  const kind = choices.below(depth > 0 ? 12 : 9);
  if (kind >= 9) {
    if (kind === 11) return callNode("not", condition(schema, choices, depth - 1));
    const args = [condition(schema, choices, depth - 1), condition(schema, choices, depth - 1)];
    return callNode(kind === 9 ? "and" : "or", ...args);
  }
  if (kind === 8) return literalNode(choices.of([true, false]));
  if (kind === 7) return callNode("eq", literalNode(1), literalNode(choices.below(2)));
  if (schema.fields.length === 0) return literalNode(true);
  const field = choices.of(schema.fields);
  const column = columnNode(field.name);
  if (kind === 6) return callNode(choices.of(["isNull", "isNotNull"]), column);
  const compare = choices.of(["lt", "eq", "le", "gt", "ge", "ne"]);
  switch (field.type.kind) {
    case "bool":
      return column;
    case "utf8":
      return callNode(compare, column, literalNode(choices.of(["a", "b", ""])));
    case "float64":
      return callNode(compare, column, literalNode(choices.of([1.5, 0, -2.5, 2])));
    case "int32": {
      if (kind === 5) {
        const values = [0, 2, ...(choices.below(2) === 0 ? [] : [null])].map((value) => literalNode(value));
        return { kind: "in", input: column, values };
      }
      if (kind === 4) return callNode("between", column, literalNode(choices.below(2)), literalNode(2));
      if (kind === 3) return callNode("gt", integer(schema, choices), literalNode(0));
      const other = choices.of(columnsOf(schema, "int32"));
      const right = choices.below(3) === 0 ? columnNode(other.name) : literalNode(choices.below(4));
      return callNode(compare, column, right);
    }
    default:
      return callNode("isNotNull", column);
  }
}

/** An int32 expression, which may fail for some rows. */
function integer(schema: Schema, choices: Choices): ExpressionNode {
  const [a, b] = [choices.of(columnsOf(schema, "int32")), choices.of(columnsOf(schema, "int32"))];
  const fn = choices.of(["add", "mul", "intDiv"]);
  return callNode(fn, columnNode(a.name), choices.below(2) === 0 ? literalNode(2) : columnNode(b.name));
}

function project(input: LogicalNode, choices: Choices): LogicalNode {
  const { schema } = input;
  const columns: NamedExpression[] = schema.fields
    .filter((_, i) => i === 0 || choices.below(3) > 0)
    .map(({ name }, i) => ({ name: choices.below(3) === 0 ? `c${i}` : name, expression: columnNode(name) }));
  if (choices.below(2) === 1) columns.push({ name: "p", expression: condition(schema, choices, 1) });
  if (choices.below(2) === 1) columns.push({ name: "k", expression: literalNode(choices.of([1, 2])) });
  if (choices.below(2) === 1 && columnsOf(schema, "int32").length > 0) {
    columns.push({ name: "q", expression: integer(schema, choices) });
  }
  const unique = columns.filter(({ name }, i) => columns.findIndex((other) => other.name === name) === i);
  return nodes.projectNode(input, unique);
}

function aggregate(input: LogicalNode, choices: Choices): LogicalNode {
  const keys = choices.some(input.schema.names).slice(0, 2);
  const integers = columnsOf(input.schema, "int32");
  const specs: AggregateSpec[] = [{ fn: "countAll", as: "n" }];
  if (integers.length > 0) {
    specs.push({ fn: choices.of(["min", "max"]), column: choices.of(integers).name, as: "m" });
    specs.push({ fn: choices.of(["sum", "count"]), column: choices.of(integers).name, as: "t" });
  }
  return nodes.aggregateNode(
    input,
    keys,
    specs.filter((spec) => !keys.includes(spec.as)),
  );
}

function distinct(input: LogicalNode, choices: Choices): LogicalNode {
  const keys = choices.some(input.schema.names);
  if (keys.length === 0) return nodes.distinctNode(input);
  // Which row stands for the others is open, so only keys are looked at.
  return nodes.pickNode(nodes.distinctNode(input, keys), keys);
}

const orderKey = (column: string, choices: Choices): OrderKey => ({
  column,
  descending: choices.below(2) === 1,
  nullsFirst: choices.below(2) === 1,
});

function sort(input: LogicalNode, choices: Choices): LogicalNode {
  const keys = choices.some(input.schema.names).map((name) => orderKey(name, choices));
  if (keys.length === 0) keys.push({ column: input.schema.names[0] });
  return nodes.sortNode(input, keys, choices.of(["global", "partition"]));
}

/** The first rows of a total order: behind it, a filter, a projection or another limit leave them defined. */
function firstRows(input: LogicalNode, choices: Choices): LogicalNode {
  let node = inTotalOrder(input, choices);
  if (choices.below(3) === 0) node = nodes.filterNode(node, condition(node.schema, choices, 1));
  if (choices.below(3) === 0) node = project(node, choices);
  node = nodes.limitNode(node, choices.below(6), choices.below(3));
  return choices.below(3) === 0 ? nodes.limitNode(node, choices.below(4), choices.below(2)) : node;
}

const inTotalOrder = (input: LogicalNode, choices: Choices): LogicalNode =>
  nodes.sortNode(
    input,
    input.schema.names.map((name) => orderKey(name, choices)),
    "global",
  );

/** A union of ordered inputs, in order: what the first rows are is defined, and its inputs may be cut. */
function firstOfUnion(left: LogicalNode, choices: Choices, right: LogicalNode): LogicalNode {
  const both = union(left, choices, right);
  if (both.op !== "union") return both;
  const ordered = nodes.unionNode(both.inputs.map((input) => inTotalOrder(input, choices)));
  return nodes.limitNode(ordered, choices.below(6), choices.below(4));
}

/** User code that gives its rows back; the interpreter checks that it sees all columns. */
function identityFunction(input: LogicalNode): FunctionNode {
  return {
    op: "function",
    name: "identity",
    schema: input.schema,
    inputs: [input],
    needs: { kind: "any" },
    create: ([schema]) => ({
      outputSchema: schema,
      open() {},
      processBatch(batch, output) {
        output.emit(batch.retain());
        return "done";
      },
      endInput: () => "done",
      close() {},
    }),
  };
}

function join(left: LogicalNode, choices: Choices, right: LogicalNode): LogicalNode {
  const pairs = left.schema.fields.flatMap((a) =>
    right.schema.fields.filter((b) => a.type.kind === b.type.kind).map((b) => [a.name, b.name] as const),
  );
  if (pairs.length === 0) return left;
  const keys = [choices.of(pairs)];
  const second = choices.of(pairs);
  if (choices.below(4) === 0 && second[0] !== keys[0][0]) keys.push(second);
  const types: readonly JoinType[] = ["inner", "inner", "inner", "left", "right", "full", "semi", "anti"];
  return nodes.joinNode(left, right, {
    type: choices.of(types),
    leftKeys: keys.map(([key]) => key),
    rightKeys: keys.map(([, key]) => key),
  });
}

/** What an outer join fills in is what a filter above it must see. */
function outerJoinWithNullTest(left: LogicalNode, choices: Choices, right: LogicalNode): LogicalNode {
  const joined = join(left, choices, right);
  const { names } = joined.schema;
  const tests = [choices.of(names), choices.of(names)].map((name) =>
    choices.below(3) === 0
      ? callNode(
          "eq",
          callNode("coalesce", callNode("isNull", columnNode(name)), literalNode(false)),
          literalNode(true),
        )
      : callNode(choices.of(["isNull", "isNotNull"]), columnNode(name)),
  );
  return nodes.filterNode(joined, choices.below(2) === 0 ? tests[0] : callNode("or", ...tests));
}

/** Inputs brought to one schema. */
function union(left: LogicalNode, choices: Choices, right: LogicalNode): LogicalNode {
  const pairs = left.schema.fields.flatMap((a) => {
    const b = right.schema.fields.find((field) => field.type.kind === a.type.kind);
    return b === undefined ? [] : [[a.name, b.name] as const];
  });
  if (pairs.length === 0) return left;
  const kept = pairs.slice(0, 1 + choices.below(pairs.length));
  const side = (input: LogicalNode, i: 0 | 1) =>
    nodes.projectNode(
      input,
      kept.map((pair) => ({ name: pair[0], expression: columnNode(pair[i]) })),
    );
  return nodes.unionNode([side(left, 0), side(right, 1)]);
}

const smallCross = (left: LogicalNode, right: LogicalNode, choices: Choices): LogicalNode =>
  nodes.crossNode(firstRows(left, choices), nodes.pickNode(right, right.schema.names.slice(0, 2)));
