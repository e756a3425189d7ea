import { literalValue } from "../../src/core/expressions/literal.ts";
import type { ExpressionNode } from "../../src/core/expressions/node.ts";
import { compareValues, type Row, type Value } from "./plan-rows.ts";

/** A value that has no result; the engine raises EvaluationError there. */
export class NoResult extends Error {}

const INT32 = 2 ** 31;

/** What an expression means for one row, for the functions that tests of plans use. Integers are int32. */
export function evaluate(node: ExpressionNode, row: Row): Value {
  switch (node.kind) {
    case "column":
      if (!(node.name in row)) throw new Error(`The row has no column "${node.name}".`);
      return row[node.name];
    case "literal":
      return literalValue(node) as Value;
    case "alias":
      return evaluate(node.input, row);
    case "in": {
      const equal = node.values.map((value) =>
        strict(evaluate(node.input, row), literalValue(value) as Value, isEqual),
      );
      return equal.includes(true) ? true : equal.includes(null) ? null : false;
    }
    case "case": {
      const taken = node.branches.find((branch) => evaluate(branch.when, row) === true);
      if (taken !== undefined) return evaluate(taken.value, row);
      return node.otherwise === undefined ? null : evaluate(node.otherwise, row);
    }
    case "call":
      return call(node.fn, node.args, row);
    case "cast":
      throw new Error("The interpreter knows no casts.");
  }
}

const isEqual = (a: Value, b: Value): boolean => compareValues(a, b) === 0;

const strict = (a: Value, b: Value, f: (a: Value, b: Value) => Value): Value =>
  a === null || b === null ? null : f(a, b);

function call(fn: string, args: readonly ExpressionNode[], row: Row): Value {
  // The right side of AND and OR counts only where the left does not decide.
  if (fn === "and" || fn === "or") {
    const decides = fn === "or";
    let result: Value = !decides;
    for (const arg of args) {
      const value = evaluate(arg, row);
      if (value === decides) return decides;
      if (value === null) result = null;
    }
    return result;
  }
  const values = args.map((arg) => evaluate(arg, row));
  const [a, b, c] = values;
  switch (fn) {
    case "not":
      return a === null ? null : a !== true;
    case "isNull":
      return a === null;
    case "isNotNull":
      return a !== null;
    case "coalesce":
      return values.find((value) => value !== null) ?? null;
    case "between":
      return call(
        "and",
        [
          constant(strict(a, b, (x, y) => compareValues(x, y) >= 0)),
          constant(strict(a, c, (x, y) => compareValues(x, y) <= 0)),
        ],
        row,
      );
    case "eq":
      return strict(a, b, isEqual);
    case "ne":
      return strict(a, b, (x, y) => !isEqual(x, y));
    case "lt":
      return strict(a, b, (x, y) => compareValues(x, y) < 0);
    case "le":
      return strict(a, b, (x, y) => compareValues(x, y) <= 0);
    case "gt":
      return strict(a, b, (x, y) => compareValues(x, y) > 0);
    case "ge":
      return strict(a, b, (x, y) => compareValues(x, y) >= 0);
    case "add":
      return strict(a, b, (x, y) => checked(Number(x) + Number(y)));
    case "mul":
      return strict(a, b, (x, y) => checked(Number(x) * Number(y)));
    case "intDiv":
      return strict(a, b, (x, y) => {
        if (Number(y) === 0) throw new NoResult("division by zero");
        return checked(Math.trunc(Number(x) / Number(y)));
      });
    default:
      throw new Error(`The interpreter does not know the function "${fn}".`);
  }
}

const constant = (value: Value): ExpressionNode => ({
  kind: "literal",
  type: { kind: "bool" },
  value: value as boolean | null,
});

/** Only int32 arithmetic can overflow here; floats are small in tests of plans. */
function checked(value: number): number {
  if (Number.isInteger(value) && (value >= INT32 || value < -INT32)) throw new NoResult("overflow");
  return value;
}
