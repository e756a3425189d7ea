import { literalValue } from "../../src/core/expressions/literal.ts";
import type { ExpressionNode, LiteralNode } from "../../src/core/expressions/node.ts";
import type { DataType } from "../../src/core/types.ts";

const TYPE_NAMES: Readonly<Record<string, string>> = {
  bool: "boolean",
  int8: "tinyint",
  int16: "smallint",
  int32: "integer",
  int64: "bigint",
  uint8: "utinyint",
  uint16: "usmallint",
  uint32: "uinteger",
  uint64: "ubigint",
  float32: "float",
  float64: "double",
  utf8: "varchar",
  date: "date",
};

/** DuckDB's name of a type. */
export const sqlType = (type: DataType): string =>
  type.kind === "decimal"
    ? `decimal(${type.precision},${type.scale})`
    : type.kind === "timestamp"
      ? "timestamp"
      : (TYPE_NAMES[type.kind] ?? type.kind);

export function sqlLiteral(value: unknown, type: DataType): string {
  if (value === null) return `null::${sqlType(type)}`;
  if (type.kind === "date") return `(date '1970-01-01' + ${value}::integer)`;
  if (type.kind === "timestamp") return `make_timestamp(${value}::bigint)`;
  return `'${String(value).replaceAll("'", "''")}'::${sqlType(type)}`;
}

const INFIX: Readonly<Record<string, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  intDiv: "//",
  mod: "%",
  eq: "=",
  ne: "<>",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  like: "like",
  and: "and",
  or: "or",
  isDistinctFrom: "is distinct from",
  isNotDistinctFrom: "is not distinct from",
};
const RENAMED: Readonly<Record<string, string>> = {
  startsWith: "starts_with",
  endsWith: "suffix",
  byteLength: "strlen",
  dayOfWeek: "isodow",
};

/** An expression in DuckDB's SQL. */
export function toSql(node: ExpressionNode): string {
  switch (node.kind) {
    case "column":
      return node.name;
    case "literal":
      return sqlLiteral(literalValue(node), node.type);
    case "alias":
      return toSql(node.input);
    case "cast":
      return `${node.safe ? "try_cast" : "cast"}(${toSql(node.input)} as ${sqlType(node.to)})`;
    case "in":
      return `(${toSql(node.input)} in (${node.values.map((value: LiteralNode) => toSql(value)).join(", ")}))`;
    case "case": {
      const branches = node.branches.map(({ when, value }) => `when ${toSql(when)} then ${toSql(value)}`);
      return `(case ${branches.join(" ")}${node.otherwise === undefined ? "" : ` else ${toSql(node.otherwise)}`} end)`;
    }
    case "call": {
      const args = node.args.map(toSql);
      const infix = INFIX[node.fn];
      if (infix !== undefined) return `(${args[0]} ${infix} ${args[1]})`;
      if (node.fn === "div") return `(${args[0]}::double / ${args[1]}::double)`;
      if (node.fn === "neg") return `(-${args[0]})`;
      if (node.fn === "not") return `(not ${args[0]})`;
      if (node.fn === "isNull") return `(${args[0]} is null)`;
      if (node.fn === "isNotNull") return `(${args[0]} is not null)`;
      if (node.fn === "dateTrunc") return `date_trunc(${args[1]}, ${args[0]})`;
      if (node.fn === "between") return `(${args[0]} between ${args[1]} and ${args[2]})`;
      return `${RENAMED[node.fn] ?? node.fn}(${args.join(", ")})`;
    }
  }
}
