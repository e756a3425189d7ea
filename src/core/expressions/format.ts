import { formatType } from "../types.ts";
import type { ExpressionNode, LiteralNode } from "./node.ts";

/** Operators written between their operands, by how tightly they bind. */
const INFIX: Readonly<Record<string, readonly [symbol: string, precedence: number]>> = {
  or: ["or", 1],
  and: ["and", 2],
  eq: ["=", 4],
  ne: ["<>", 4],
  lt: ["<", 4],
  le: ["<=", 4],
  gt: [">", 4],
  ge: [">=", 4],
  isDistinctFrom: ["is distinct from", 4],
  isNotDistinctFrom: ["is not distinct from", 4],
  like: ["like", 4],
  ilike: ["ilike", 4],
  add: ["+", 5],
  sub: ["-", 5],
  mul: ["*", 6],
  div: ["/", 6],
  intDiv: ["//", 6],
  mod: ["%", 6],
};

const LONGEST_LIST = 8;

/** One line that reads like SQL, for explain() and for messages: `price * (1 - discount) > 100`. */
export function formatExpression(node: ExpressionNode): string {
  return format(node, 0);
}

function format(node: ExpressionNode, outer: number): string {
  switch (node.kind) {
    case "column":
      return /^[A-Za-z_]\w*$/.test(node.name) ? node.name : JSON.stringify(node.name);
    case "literal":
      return formatLiteral(node);
    case "call":
      return formatCall(node.fn, node.args, outer);
    case "case": {
      const branches = node.branches.map(({ when, value }) => `when ${format(when, 0)} then ${format(value, 0)}`);
      const otherwise = node.otherwise === undefined ? "" : ` else ${format(node.otherwise, 0)}`;
      return `case ${branches.join(" ")}${otherwise} end`;
    }
    case "cast":
      return `${node.safe ? "tryCast" : "cast"}(${format(node.input, 0)} as ${formatType(node.to)})`;
    case "in": {
      const shown = node.values.slice(0, LONGEST_LIST).map(formatLiteral);
      const more = node.values.length - shown.length;
      return bracket(
        4,
        outer,
        `${format(node.input, 5)} in (${shown.join(", ")}${more > 0 ? `, ... ${more} more` : ""})`,
      );
    }
    case "alias":
      return `${format(node.input, 3)} as ${node.name}`;
  }
}

function formatCall(fn: string, args: readonly ExpressionNode[], outer: number): string {
  const infix = INFIX[fn];
  if (infix !== undefined && args.length === 2) {
    const [symbol, precedence] = infix;
    // The right side binds one tighter, so that a - (b - c) keeps its brackets.
    return bracket(precedence, outer, `${format(args[0], precedence)} ${symbol} ${format(args[1], precedence + 1)}`);
  }
  if (fn === "not") return bracket(3, outer, `not ${format(args[0], 3)}`);
  if (fn === "neg") return bracket(7, outer, `-${format(args[0], 7)}`);
  if (fn === "isNull") return bracket(4, outer, `${format(args[0], 5)} is null`);
  if (fn === "isNotNull") return bracket(4, outer, `${format(args[0], 5)} is not null`);
  if (fn === "between") {
    const [value, low, high] = args.map((arg) => format(arg, 5));
    return bracket(4, outer, `${value} between ${low} and ${high}`);
  }
  return `${fn}(${args.map((arg) => format(arg, 0)).join(", ")})`;
}

const bracket = (precedence: number, outer: number, text: string): string => (precedence < outer ? `(${text})` : text);

export function formatLiteral({ type, value }: LiteralNode): string {
  if (value === null) return "null";
  switch (type.kind) {
    case "utf8":
      return `'${String(value).replaceAll("'", "''")}'`;
    case "date":
    case "time":
    case "timestamp":
      return `${type.kind} '${value}'`;
    case "binary":
      return `x'${value}'`;
    default:
      return String(value);
  }
}
