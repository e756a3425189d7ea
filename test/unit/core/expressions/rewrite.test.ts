import { describe, expect, it } from "vitest";
import { and, col, lit, or, when } from "../../../../src/core/expressions/builders.ts";
import type { Expression } from "../../../../src/core/expressions/expression.ts";
import { foldConstants } from "../../../../src/core/expressions/fold.ts";
import { formatExpression } from "../../../../src/core/expressions/format.ts";
import { columnNode } from "../../../../src/core/expressions/node.ts";
import { toPruningPredicate } from "../../../../src/core/expressions/pruning.ts";
import { expressionColumns, splitConjuncts, substituteColumns } from "../../../../src/core/expressions/rewrite.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({
  a: types.int32,
  long: types.int64,
  x: types.float64,
  s: types.utf8,
  day: types.date,
  price: types.decimal(15, 2),
  flag: types.bool,
});

const text = (expression: Expression) => formatExpression(expression.node);

describe("formatExpression", () => {
  it.each([
    [col("a").mul(lit(1).sub(col("x"))), "a * (1 - x)"],
    [col("a").sub(col("a").sub(1)), "a - (a - 1)"],
    [col("a").sub(col("a")).sub(1), "a - a - 1"],
    [or(col("flag"), col("a").gt(1)).and(col("s").isNull()), "(flag or a > 1) and s is null"],
    [col("s").eq("it's"), "s = 'it''s'"],
    [col("odd name").add(1), '"odd name" + 1'],
    [when(col("a").gt(0)).then("up").otherwise(null), "case when a > 0 then 'up' else null end"],
    [col("a").cast(types.decimal(5, 1)), "cast(a as decimal(5,1))"],
    [col("a").isIn([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), "a in (1, 2, 3, 4, 5, 6, 7, 8, ... 2 more)"],
    [col("s").upper().startsWith("A"), "startsWith(upper(s), 'A')"],
    [col("a").between(1, 2).not(), "not a between 1 and 2"],
  ] as const)("%# reads like SQL", (expression, expected) => {
    expect(text(expression)).toBe(expected);
  });
});

describe("expression nodes", () => {
  it("survive JSON, also what JSON has no numbers for", () => {
    const { node } = col("x")
      .gt(Number.NaN)
      .and(col("x").ne(-0))
      .and(col("long").lt(2n ** 62n));
    expect(JSON.parse(JSON.stringify(node))).toEqual(node);
  });

  it("tell their columns, conjuncts and substitutions", () => {
    const { node } = and(col("a").gt(1), col("x").lt(col("a")), or(col("s").isNull(), col("flag")));
    expect([...expressionColumns(node)]).toEqual(["a", "x", "s", "flag"]);
    expect(splitConjuncts(node).map(formatExpression)).toEqual(["a > 1", "x < a", "s is null or flag"]);
    const replaced = substituteColumns(col("a").mul(2).node, new Map([["a", col("x").add(1).as("a").node]]));
    expect(formatExpression(replaced)).toBe("(x + 1) * 2");
    expect(formatExpression(substituteColumns(col("a").node, new Map([["b", columnNode("c")]])))).toBe("a");
  });
});

describe("foldConstants", () => {
  it.each([
    [col("a").add(lit(2).mul(3)), "a + 6"],
    [col("day").lt(lit("1998-12-01").cast(types.date).dateAdd(-90, "day")), "day < date '10471'"],
    [and(lit(true), col("flag")), "flag"],
    [and(col("flag"), lit(1).gt(2)), "false"],
    [or(col("flag"), lit(true)), "true"],
    [
      when(lit(false)).then(1).when(col("flag")).then(2).otherwise(3),
      "case when flag then cast(2 as int32) else cast(3 as int32) end",
    ],
    // An error belongs to the rows that meet it.
    [col("a").add(lit(1).intDiv(0)), "a + 1 // 0"],
  ] as const)("%# computes what no row decides", (expression, expected) =>
    withWorkspace((workspace) => {
      expect(formatExpression(foldConstants(expression.node, schema, workspace))).toBe(expected);
    }),
  );
});

describe("toPruningPredicate", () => {
  const prune = (expression: Expression) => toPruningPredicate(expression.node, schema);

  it("keeps what statistics can decide", () => {
    expect(prune(col("a").gt(5))).toEqual({ op: "gt", column: "a", value: 5 });
    expect(prune(lit(5).gt(col("long")))).toEqual({ op: "lt", column: "long", value: 5n });
    expect(prune(col("day").between("1970-01-02", "1970-01-11"))).toEqual({
      op: "and",
      args: [
        { op: "ge", column: "day", value: 1 },
        { op: "le", column: "day", value: 10 },
      ],
    });
    expect(prune(col("price").eq(1.5))).toEqual({ op: "eq", column: "price", value: "1.5" });
    expect(prune(col("s").isIn(["x", "y"]))).toEqual({ op: "in", column: "s", values: ["x", "y"] });
    expect(prune(col("flag"))).toEqual({ op: "eq", column: "flag", value: true });
    expect(prune(col("s").isNotNull())).toEqual({ op: "isNotNull", column: "s" });
    expect(prune(col("s").startsWith("ab"))).toEqual({ op: "ge", column: "s", value: "ab" });
  });

  it("gives up only the parts that it cannot use", () => {
    expect(prune(and(col("a").gt(5), col("s").upper().eq("X")))).toEqual({ op: "gt", column: "a", value: 5 });
    expect(prune(or(col("a").gt(5), col("s").upper().eq("X")))).toBeUndefined();
    expect(prune(col("a").gt(1.5))).toBeUndefined();
    expect(prune(col("a").eq(col("long")))).toBeUndefined();
    expect(prune(col("a").eq(null))).toBeUndefined();
  });

  it("pushes negation inwards", () => {
    expect(prune(or(col("a").gt(5), col("s").isNull()).not())).toEqual({
      op: "and",
      args: [
        { op: "le", column: "a", value: 5 },
        { op: "isNotNull", column: "s" },
      ],
    });
    expect(prune(col("s").isIn(["x"]).not())).toBeUndefined();
  });
});
