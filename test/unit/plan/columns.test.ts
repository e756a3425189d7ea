import { describe, expect, it } from "vitest";
import { resolveType } from "../../../src/core/expressions/bind.ts";
import { int8, int32, utf8 } from "../../../src/core/types.ts";
import type { LogicalNode } from "../../../src/plan/logical.ts";
import * as nodes from "../../../src/plan/nodes.ts";
import { optimize } from "../../../src/plan/optimize.ts";
import { call, column, optimizedLines, table, value } from "../../support/plan-text.ts";

const wide = table("w", { a: int32, b: int32, c: int32, s: utf8 });
const right = table("r", { k: int32, v: int32, s: utf8 });

describe("columns that nobody reads", () => {
  it("are not read from sources, nor carried through filters and joins", () => {
    const filtered = nodes.filterNode(wide, call("gt", "b", 1));
    const join = nodes.joinNode(filtered, right, { type: "inner", leftKeys: ["a"], rightKeys: ["k"] });
    const plan = optimize([nodes.aggregateNode(join, ["c"], [{ fn: "sum", column: "v", as: "t" }])])[0];
    const [joined] = plan.inputs;
    expect(joined?.schema.names).toEqual(["c", "v"]);
    expect(joined?.inputs.map((input) => input.schema.names)).toEqual([
      ["a", "c"],
      ["k", "v"],
    ]);
    // The filter's own column ends with the filter.
    expect(joined?.inputs[0]?.inputs[0]?.schema.names).toEqual(["a", "b", "c"]);
  });

  it("are all there for user code, sinks and results", () => {
    const code: LogicalNode = {
      op: "function",
      name: "map",
      schema: right.schema,
      inputs: [wide],
      needs: { kind: "any" },
      create: () => {
        throw new Error("not run");
      },
    };
    const plan = optimize([nodes.pickNode(code, ["k"])])[0];
    expect(plan.inputs[0]?.inputs[0]?.schema.names).toEqual(["a", "b", "c", "s"]);
    expect(optimize([wide])[0]?.schema.names).toEqual(["a", "b", "c", "s"]);
  });

  it("leave the narrowest column where only rows count", () => {
    const count = nodes.aggregateNode(table("t", { s: utf8, a: int32, n: int8 }), [], [{ fn: "countAll", as: "n" }]);
    expect(optimizedLines(count)[1]).toBe("└─ source rows t  [columns n]");
  });

  it("take their aggregates with them; groups without any are distinct keys", () => {
    const groups = nodes.aggregateNode(
      wide,
      ["a"],
      [
        { fn: "sum", column: "b", as: "t" },
        { fn: "max", column: "s", as: "m" },
      ],
    );
    expect(optimizedLines(nodes.pickNode(groups, ["t"]))).toEqual([
      "project t",
      "└─ aggregate by a: sum(b) as t",
      "   └─ source rows w  [columns a, b]",
    ]);
    expect(optimizedLines(nodes.pickNode(groups, ["a"]))).toEqual(["distinct by a", "└─ source rows w  [columns a]"]);
  });

  it("do not reach what moves rows between threads, where a source cannot leave them out", () => {
    const { withColumns: _, ...rest } = { ...wide.source, withColumns: undefined };
    const stubborn = nodes.sourceNode({
      ...rest,
      description: "stubborn",
      schema: wide.schema,
      splits: () => [],
      openSplit: wide.source.openSplit,
    });
    const sorted = nodes.pickNode(nodes.sortNode(stubborn, [{ column: "b" }], "global"), ["a"]);
    expect(optimizedLines(sorted)).toEqual([
      "project a",
      "└─ sort b",
      "   └─ project a, b",
      "      └─ source stubborn  [columns a, b, c, s]",
    ]);
  });

  it("stay where another reader needs them: a shared step gives what all need", () => {
    const groups = nodes.aggregateNode(
      wide,
      ["a"],
      [
        { fn: "sum", column: "b", as: "t" },
        { fn: "max", column: "c", as: "m" },
      ],
    );
    const lines = optimizedLines(nodes.pickNode(groups, ["t"]), nodes.pickNode(groups, ["m"]));
    expect(lines).toContain("└─ #2 aggregate by a: sum(b) as t, max(c) as m");
    expect(lines).toContain("└─ see #2 aggregate above");
  });
});

describe("projections", () => {
  const inner = nodes.projectNode(wide, [
    { name: "x", expression: call("add", "a", "b") },
    { name: "y", expression: column("c") },
  ]);

  it("become one, unless that would compute something twice", () => {
    const once = nodes.projectNode(inner, [{ name: "z", expression: call("mul", "x", "y") }]);
    expect(optimizedLines(once)[0]).toBe("project (a + b) * c as z");
    const twice = nodes.projectNode(inner, [{ name: "z", expression: call("mul", "x", "x") }]);
    expect(optimizedLines(twice)).toEqual([
      "project x * x as z",
      "└─ project a + b as x",
      "   └─ source rows w  [columns a, b]",
    ]);
  });

  it("are left alone where others read them as well", () => {
    const outer = nodes.projectNode(inner, [{ name: "z", expression: call("mul", "x", "y") }]);
    expect(optimizedLines(outer, inner)[0]).toBe("project x * y as z");
    const filtered = nodes.filterNode(wide, call("gt", "a", 1));
    const lines = optimizedLines(nodes.filterNode(filtered, call("gt", "b", 1)), filtered);
    expect(lines[0]).toBe("filter b > 1");
  });

  it("that change nothing vanish; an order or a name is a change", () => {
    expect(optimizedLines(nodes.pickNode(wide, wide.schema.names))).toEqual(["source rows w  [columns a, b, c, s]"]);
    expect(optimizedLines(nodes.pickNode(wide, ["b", "a"]))[0]).toBe("project b, a");
  });

  it("keep types where a constant takes the place of a column", () => {
    const narrow = table("n", { i: int8 });
    const constant = nodes.projectNode(narrow, [
      { name: "i", expression: column("i") },
      { name: "k", expression: value(100) },
    ]);
    const plan = nodes.projectNode(constant, [{ name: "sum", expression: call("add", "i", "k") }]);
    const [optimized] = optimize([plan]);
    expect(optimized?.schema.typeOf("sum")).toEqual(int32);
    // 100 alone would adapt to int8 beside i, and 100 + 100 overflow.
    const [{ expression }] = optimized?.op === "project" ? optimized.columns : [];
    expect(resolveType(expression, narrow.schema)).toEqual(int32);
  });
});
