import { describe, expect, it } from "vitest";
import { float64, int32, utf8 } from "../../../src/core/types.ts";
import type { JoinType, LogicalNode } from "../../../src/plan/logical.ts";
import * as nodes from "../../../src/plan/nodes.ts";
import { call, column, optimizedLines, table, value } from "../../support/plan-text.ts";

const left = table("l", { a: int32, b: int32, s: utf8 });
const right = table("r", { k: int32, c: int32 });
const on = (type: JoinType) => nodes.joinNode(left, right, { type, leftKeys: ["a"], rightKeys: ["k"] });
const filter = nodes.filterNode;

describe("filters", () => {
  it("become one, in their order, each condition once", () => {
    const plan = filter(filter(filter(left, call("gt", "a", 1)), call("gt", "b", 2)), call("gt", "a", 1));
    expect(optimizedLines(plan)).toEqual([
      "filter a > 1 and b > 2",
      "└─ source rows l  [columns a, b, s; skips unless a > 1 and b > 2]",
    ]);
  });

  it("that are always true vanish; those that never are leave nothing to read", () => {
    expect(optimizedLines(filter(left, call("or", value(true), call("gt", "a", 1))))).toEqual([
      "source rows l  [columns a, b, s]",
    ]);
    expect(optimizedLines(filter(left, call("and", call("gt", "a", 1), value(false))))).toEqual([
      "limit 0 rows",
      "└─ source rows l  [columns a, b, s]",
    ]);
    expect(optimizedLines(filter(left, value(null)))[0]).toBe("limit 0 rows");
  });

  it("move below a projection in terms of its input", () => {
    const plan = filter(
      nodes.projectNode(left, [
        { name: "x", expression: call("add", "a", 1) },
        { name: "k", expression: value(7) },
      ]),
      call("and", call("gt", "x", 5), call("lt", "k", 9)),
    );
    expect(optimizedLines(plan)).toEqual([
      "project a + 1 as x, 7 as k",
      "└─ filter a + 1 > 5 and 7 < 9",
      "   └─ source rows l  [columns a]",
    ]);
  });

  it("stay above a costly expression, and keep what may fail above their guard", () => {
    const costly = nodes.projectNode(left, [
      { name: "p", expression: call("eq", "s", value("x")) },
      { name: "a", expression: column("a") },
    ]);
    const plan = filter(costly, call("and", call("not", "p"), call("gt", call("intDiv", value(8), column("a")), 1)));
    expect(optimizedLines(plan)).toEqual([
      "filter not p and 8 // a > 1",
      "└─ project s = 'x' as p, a",
      "   └─ source rows l  [columns a, s]",
    ]);
    const safe = filter(costly, call("and", call("not", "p"), call("gt", "a", 1)));
    expect(optimizedLines(safe)[2]).toBe("   └─ filter a > 1");
  });

  const sideCases: [JoinType, string[]][] = [
    ["inner", ["left", "right"]],
    ["left", ["left"]],
    ["right", ["right"]],
    ["full", []],
    ["semi", ["left"]],
    ["anti", ["left"]],
  ];
  it.each(sideCases)("move to the sides of a %s join whose rows all come through: %j", (type, sides) => {
    const isNull = (name: string) => call("isNull", name);
    const join = on(type);
    const conditions = ["b", "c"].filter((name) => join.schema.has(name)).map(isNull);
    const lines = optimizedLines(filter(join, call("and", ...conditions)));
    const below = lines.filter((line) => /─ filter/.test(line) && !line.startsWith("filter"));
    const isAtJoin = (name: string) =>
      lines.findIndex((line) => line.includes(`filter ${name} is null`)) >
      lines.findIndex((line) => line.includes("join"));
    expect(isAtJoin("b")).toBe(sides.includes("left"));
    expect(isAtJoin("c")).toBe(sides.includes("right"));
    expect(below.length).toBe(sides.length);
  });

  it("that may fail stay above a join", () => {
    const plan = filter(on("inner"), call("gt", call("intDiv", value(8), column("b")), 1));
    expect(optimizedLines(plan)[0]).toBe("filter 8 // b > 1");
  });

  it("on a join key count for the other side as well, unless rows stay there without a match", () => {
    const lines = (type: JoinType, side: "left" | "right") => {
      const condition = call("gt", side === "left" ? "a" : "k", 5);
      const [l, r] = [left, right].map((input, i) =>
        (i === 0) === (side === "left") ? filter(input, condition) : input,
      );
      const text = optimizedLines(nodes.joinNode(l, r, { type, leftKeys: ["a"], rightKeys: ["k"] })).join("\n");
      return [text.includes("filter a > 5"), text.includes("filter k > 5")];
    };
    for (const type of ["inner", "left", "semi", "anti"] as const)
      expect(lines(type, "left"), type).toEqual([true, true]);
    for (const type of ["inner", "right", "semi"] as const) expect(lines(type, "right"), type).toEqual([true, true]);
    expect(lines("right", "left")).toEqual([true, false]);
    expect(lines("left", "right")).toEqual([false, true]);
    expect(lines("anti", "right")).toEqual([false, true]);
    expect(lines("full", "left")).toEqual([true, false]);
  });

  it("that drop what an outer join fills in make it an inner one", () => {
    const typeOf = (type: JoinType, ...names: string[]) =>
      optimizedLines(filter(on(type), call("and", ...names.map((name) => call("gt", name, 1))))).find((line) =>
        line.includes("join"),
      );
    expect(typeOf("left", "c")).toContain("join inner on a = k");
    expect(typeOf("left", "b")).toContain("join left on a = k");
    expect(typeOf("right", "b")).toContain("join inner");
    expect(typeOf("full", "b", "c")).toContain("join inner");
    expect(typeOf("full", "b")).toContain("join left");
    expect(typeOf("full", "c")).toContain("join right");
    const keepsNulls = filter(on("left"), call("or", call("gt", "c", 1), call("gt", "b", 1)));
    expect(optimizedLines(keepsNulls)[1]).toContain("join left");
  });

  it("on keys move below groups; conditions on results stay", () => {
    const groups = nodes.aggregateNode(left, ["a"], [{ fn: "sum", column: "b", as: "t" }]);
    expect(optimizedLines(filter(groups, call("and", call("gt", "a", 1), call("gt", "t", 5))))).toEqual([
      "filter t > 5",
      "└─ aggregate by a: sum(b) as t",
      "   └─ filter a > 1",
      "      └─ source rows l  [columns a, b; skips unless a > 1]",
    ]);
    const all = nodes.aggregateNode(left, [], [{ fn: "countAll", as: "n" }]);
    expect(optimizedLines(filter(all, value(false)))[0]).toBe("limit 0 rows");
  });

  it("that can tell 0 from -0 stay above groups, which cannot", () => {
    const floats = nodes.distinctNode(table("f", { x: float64 }));
    expect(optimizedLines(filter(floats, call("gt", call("div", value(1), column("x")), 0)))[0]).toContain("filter");
    expect(optimizedLines(filter(floats, call("gt", "x", 0)))[0]).toBe("distinct by x");
  });

  it("move into every input of a union and below sorts and hash partitionings, not below other partitionings", () => {
    const union = nodes.unionNode([left, left]);
    expect(optimizedLines(filter(union, call("gt", "a", 1))).filter((line) => line.includes("filter")).length).toBe(2);
    const sorted = nodes.sortNode(left, [{ column: "b" }], "global");
    expect(optimizedLines(filter(sorted, call("gt", "a", 1)))[0]).toBe("sort b");
    const hashed = nodes.partitionNode(left, { kind: "hash", keys: ["a"] });
    expect(optimizedLines(filter(hashed, call("gt", "a", 1)))[0]).toBe("partition by hash of a");
    const balanced = nodes.partitionNode(left, { kind: "rebalance" });
    expect(optimizedLines(filter(balanced, call("gt", "a", 1)))[0]).toBe("filter a > 1");
  });

  it("never pass limits, top-n or user code", () => {
    const top = nodes.limitNode(nodes.sortNode(left, [{ column: "b" }], "global"), 5, 0);
    const code: LogicalNode = {
      op: "function",
      name: "map",
      schema: left.schema,
      inputs: [left],
      needs: { kind: "any" },
      create: () => {
        throw new Error("not run");
      },
    };
    for (const input of [top, nodes.limitNode(left, 5, 0), code]) {
      expect(optimizedLines(filter(input, call("gt", "a", 1)))[0]).toBe("filter a > 1");
    }
  });

  it("leave alone what others read as well", () => {
    const shared = nodes.projectNode(left, [{ name: "x", expression: call("add", "a", 1) }]);
    expect(optimizedLines(filter(shared, call("gt", "x", 1)), shared)).toEqual([
      "filter x > 1",
      "└─ #1 project a + 1 as x",
      "   └─ source rows l  [columns a]",
      "see #1 project above",
    ]);
  });
});
