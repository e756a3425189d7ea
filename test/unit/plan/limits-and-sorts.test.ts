import { describe, expect, it } from "vitest";
import { int32, utf8 } from "../../../src/core/types.ts";
import type { LogicalNode } from "../../../src/plan/logical.ts";
import * as nodes from "../../../src/plan/nodes.ts";
import { call, optimizedLines, table } from "../../support/plan-text.ts";

const rows = table("t", { a: int32, b: int32, s: utf8 });
const other = table("u", { a: int32, b: int32, s: utf8 });
const sorted = (input: LogicalNode, scope: "global" | "partition" = "global") =>
  nodes.sortNode(input, [{ column: "b", descending: true }], scope);

describe("limits", () => {
  it("and a global sort are a top-n; an order inside partitions is not", () => {
    expect(optimizedLines(nodes.limitNode(sorted(rows), 3, 2))).toEqual([
      "topN 3 rows from row 3 by b desc",
      "└─ source rows t  [columns a, b, s]",
    ]);
    expect(optimizedLines(nodes.limitNode(sorted(rows, "partition"), 3, 0))[0]).toBe("limit 3 rows");
    const shared = sorted(rows);
    expect(optimizedLines(nodes.limitNode(shared, 3, 0), shared)[0]).toBe("limit 3 rows");
  });

  it("of limits are one", () => {
    const limit = (...steps: [number, number][]) =>
      optimizedLines(
        steps.reduce<LogicalNode>((input, [count, offset]) => nodes.limitNode(input, count, offset), rows),
      )[0];
    expect(limit([10, 2], [3, 1])).toBe("limit 3 rows from row 4");
    expect(limit([10, 0], [20, 8])).toBe("limit 2 rows from row 9");
    expect(limit([10, 0], [5, 30])).toBe("limit 0 rows");
    expect(optimizedLines(nodes.limitNode(nodes.limitNode(sorted(rows), 10, 1), 4, 2))[0]).toBe(
      "topN 4 rows from row 4 by b desc",
    );
  });

  it("pass projections and cut each input of a union", () => {
    const project = nodes.projectNode(rows, [{ name: "x", expression: call("add", "a", 1) }]);
    expect(optimizedLines(nodes.limitNode(project, 3, 0))).toEqual([
      "project a + 1 as x",
      "└─ limit 3 rows",
      "   └─ source rows t  [columns a]",
    ]);
    expect(optimizedLines(nodes.limitNode(nodes.unionNode([rows, nodes.limitNode(other, 2, 0)]), 3, 4))).toEqual([
      "limit 3 rows from row 5",
      "└─ union",
      "   ├─ limit 7 rows",
      "   │  └─ source rows t  [columns a, b, s]",
      "   └─ limit 2 rows",
      "      └─ source rows u  [columns a, b, s]",
    ]);
  });

  it("that keep everything vanish", () => {
    const one = nodes.aggregateNode(rows, [], [{ fn: "countAll", as: "n" }]);
    expect(optimizedLines(nodes.limitNode(one, 1, 0))[0]).toBe("aggregate count(*) as n");
  });
});

describe("empty inputs", () => {
  const none = nodes.limitNode(rows, 0, 0);
  const join = (type: "inner" | "left" | "right" | "full" | "semi" | "anti", l: LogicalNode, r: LogicalNode) =>
    optimizedLines(nodes.joinNode(l, r, { type, leftKeys: ["a"], rightKeys: ["b"] })).join("\n");

  it("leave unions, and turn joins into one side or nothing", () => {
    expect(optimizedLines(nodes.unionNode([none, other]))).toEqual(["source rows u  [columns a, b, s]"]);
    expect(join("inner", none, other)).not.toContain("rows u");
    expect(join("semi", other, none)).not.toContain("rows u");
    expect(join("anti", other, none)).toBe("source rows u  [columns a, b, s]");
    expect(join("left", other, none)).toContain("project a, b, s, null as a_right, null as b_right, null as s_right");
    expect(join("right", none, other)).toContain("rows u");
    expect(join("full", other, none)).toContain("rows u");
  });

  it("still make one row of an aggregate without keys", () => {
    expect(optimizedLines(nodes.aggregateNode(none, [], [{ fn: "countAll", as: "n" }]))[0]).toContain("aggregate");
    expect(optimizedLines(nodes.aggregateNode(none, ["a"], [{ fn: "countAll", as: "n" }]))[0]).toContain(
      "project null as a",
    );
  });
});

describe("sorts", () => {
  it("vanish below what promises no order", () => {
    const sum = nodes.aggregateNode(sorted(rows), ["a"], [{ fn: "sum", column: "b", as: "t" }]);
    expect(optimizedLines(sum).join()).not.toContain("sort");
    expect(optimizedLines(nodes.distinctNode(sorted(rows))).join()).not.toContain("sort");
    const join = nodes.joinNode(nodes.filterNode(sorted(rows), call("gt", "a", 1)), sorted(other), {
      type: "inner",
      leftKeys: ["a"],
      rightKeys: ["a"],
    });
    expect(optimizedLines(join).join()).not.toContain("sort");
  });

  it("stay where somebody can see the order", () => {
    const first = nodes.aggregateNode(sorted(rows), ["a"], [{ fn: "first", column: "s", as: "f" }]);
    expect(optimizedLines(first).join()).toContain("sort");
    expect(optimizedLines(nodes.distinctNode(sorted(rows), ["a"])).join()).toContain("sort");
    expect(optimizedLines(nodes.limitNode(nodes.filterNode(sorted(rows), call("gt", "a", 1)), 3, 0)).join()).toContain(
      "topN",
    );
    expect(optimizedLines(sorted(rows))[0]).toBe("sort b desc");
    const twice = nodes.sortNode(sorted(rows), [{ column: "a" }], "global");
    expect(optimizedLines(twice).filter((line) => line.includes("sort")).length).toBe(2);
  });

  it("vanish below a sort by the same columns and more", () => {
    const twice = nodes.sortNode(sorted(rows), [{ column: "a" }, { column: "b" }], "global");
    expect(optimizedLines(twice)).toEqual(["sort a, b", "└─ source rows t  [columns a, b, s]"]);
  });
});

describe("distinct", () => {
  it("vanishes where rows are distinct already", () => {
    const groups = nodes.aggregateNode(rows, ["a"], [{ fn: "sum", column: "b", as: "t" }]);
    expect(optimizedLines(nodes.distinctNode(groups))[0]).toBe("aggregate by a: sum(b) as t");
    const renamed = nodes.projectNode(groups, [{ name: "x", expression: { kind: "column", name: "a" } }]);
    expect(
      optimizedLines(nodes.distinctNode(nodes.filterNode(renamed, call("gt", "x", 1)), ["x"])).join(),
    ).not.toContain("distinct by x");
    expect(optimizedLines(nodes.distinctNode(groups, ["t"]))[0]).toBe("distinct by t");
  });

  it("vanishes behind a join that repeats no row, and stays behind one that may", () => {
    const left = nodes.distinctNode(rows, ["a"]);
    const join = (right: LogicalNode) =>
      nodes.joinNode(left, right, { type: "inner", leftKeys: ["b"], rightKeys: ["b"] });
    const unique = nodes.aggregateNode(other, ["b"], [{ fn: "countAll", as: "n" }]);
    expect(optimizedLines(nodes.distinctNode(join(unique)))[0]).toContain("join inner");
    expect(optimizedLines(nodes.distinctNode(join(nodes.pickNode(other, ["b", "s"]))))[0]).toContain("distinct");
    const semi = nodes.joinNode(left, other, { type: "semi", leftKeys: ["b"], rightKeys: ["b"] });
    expect(optimizedLines(nodes.distinctNode(semi, ["a"]))[0]).toContain("join semi");
  });
});
