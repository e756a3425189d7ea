import { describe, expect, it } from "vitest";
import { date, int32, timestamp, utf8 } from "../../../src/core/types.ts";
import type { JoinType, LogicalNode } from "../../../src/plan/logical.ts";
import * as nodes from "../../../src/plan/nodes.ts";
import { planJob } from "../../../src/plan/planner.ts";
import { estimateBytes, estimateRows, hardlyRepeats } from "../../../src/plan/statistics.ts";
import { ResultSink } from "../../../src/runtime/result-sink.ts";
import { call, column, table, value } from "../../support/plan-text.ts";

const orders = table(
  "orders",
  { o_key: int32, o_cust: int32, o_date: date, o_status: utf8 },
  {
    rows: 1_500_000,
    columns: {
      o_key: { min: 1, max: 6_000_000, distinct: 1_500_000, nullCount: 0 },
      o_cust: { min: 1, max: 150_000 },
      o_date: { min: 8035, max: 10_440 }, // 1992-01-01 to 1998-08-02
      o_status: { distinct: 3, nullCount: 150_000 },
    },
  },
);
const lines = table(
  "lines",
  { l_key: int32, l_qty: int32 },
  { rows: 6_000_000, columns: { l_key: { min: 1, max: 6_000_000 } } },
);
const customers = table(
  "customers",
  { c_key: int32, c_nation: int32 },
  { rows: 150_000, columns: { c_nation: { distinct: 25 } } },
);
const unknown = table("unknown", { a: int32 });

const rowsAfter = (input: LogicalNode, ...args: Parameters<typeof call>) =>
  Math.round(estimateRows(nodes.filterNode(input, call(...args))) ?? -1);

describe("expected rows", () => {
  it("of a filter follow bounds, distinct values and nulls of its columns", () => {
    expect(rowsAfter(orders, "lt", "o_cust", 75_000)).toBeCloseTo(750_000, -4);
    expect(rowsAfter(orders, "ge", "o_date", value("1998-01-01"))).toBeLessThan(150_000);
    expect(rowsAfter(orders, "eq", "o_key", 7)).toBe(1);
    expect(rowsAfter(orders, "eq", "o_status", value("F"))).toBe(450_000);
    expect(rowsAfter(orders, "isNull", "o_status")).toBe(150_000);
    expect(rowsAfter(orders, "isNotNull", "o_status")).toBe(1_350_000);
    expect(rowsAfter(orders, "eq", "o_key", 7_000_000)).toBe(0);
    expect(rowsAfter(orders, "gt", "o_cust", 150_000)).toBe(0);
    expect(rowsAfter(orders, "le", "o_cust", 150_000)).toBe(1_500_000);
    const between = call("between", "o_cust", 50_000, 100_000);
    expect(estimateRows(nodes.filterNode(orders, between))).toBeCloseTo(500_000, -4);
  });

  it("of conditions combine as if independent, and a second bound counts within the first", () => {
    expect(rowsAfter(orders, "and", call("lt", "o_cust", 75_000), call("eq", "o_status", value("F")))).toBeCloseTo(
      225_000,
      -4,
    );
    expect(rowsAfter(orders, "or", call("lt", "o_cust", 75_000), call("eq", "o_status", value("F")))).toBeCloseTo(
      975_000,
      -4,
    );
    expect(rowsAfter(orders, "and", call("lt", "o_cust", 75_000), call("gt", "o_cust", 37_500))).toBeCloseTo(
      375_000,
      -4,
    );
    expect(rowsAfter(orders, "not", call("lt", "o_cust", 75_000))).toBeCloseTo(750_000, -4);
  });

  it("of dates and timestamps understand literals in text", () => {
    const events = table(
      "e",
      { at: timestamp("ms") },
      { rows: 1000, columns: { at: { min: 0n, max: 1000n * 86_400_000n } } },
    );
    expect(rowsAfter(events, "lt", "at", value("1971-05-16"))).toBe(500);
  });

  const join = (left: LogicalNode, right: LogicalNode, leftKey: string, rightKey: string, type: JoinType = "inner") =>
    nodes.joinNode(left, right, { type, leftKeys: [leftKey], rightKeys: [rightKey] });

  it("of a join are the foreign keys that find their key, thinned with it", () => {
    expect(estimateRows(join(lines, orders, "l_key", "o_key"))).toBeCloseTo(6_000_000, -3);
    const recent = nodes.filterNode(orders, call("lt", "o_cust", 15_000));
    expect(estimateRows(join(lines, recent, "l_key", "o_key"))).toBeCloseTo(600_000, -4);
    expect(estimateRows(join(orders, customers, "o_cust", "c_key"))).toBeCloseTo(1_500_000, -3);
    const nation = nodes.filterNode(customers, call("eq", "c_nation", 3));
    expect(estimateRows(join(orders, nation, "o_cust", "c_key"))).toBeCloseTo(60_000, -3);
    expect(estimateRows(join(orders, nation, "o_cust", "c_key", "left"))).toBeCloseTo(1_500_000, -3);
    expect(estimateRows(join(orders, nation, "o_cust", "c_key", "semi"))).toBeCloseTo(60_000, -3);
    expect(estimateRows(join(orders, nation, "o_cust", "c_key", "anti"))).toBeCloseTo(1_440_000, -3);
  });

  it("of groups are their distinct keys, never more than rows", () => {
    const groups = (input: LogicalNode, ...keys: string[]) =>
      estimateRows(nodes.aggregateNode(input, keys, [{ fn: "countAll", as: "n" }]));
    expect(groups(orders, "o_status")).toBe(3);
    expect(groups(customers, "c_nation")).toBe(25);
    expect(groups(orders, "o_key")).toBe(1_500_000);
    expect(groups(orders)).toBe(1);
    expect(groups(nodes.filterNode(customers, call("eq", "c_nation", 3)), "c_nation")).toBe(1);
    expect(estimateRows(nodes.distinctNode(customers, ["c_nation"]))).toBe(25);
  });

  it("of limits, unions and unknown inputs", () => {
    expect(estimateRows(nodes.limitNode(orders, 10, 0))).toBe(10);
    expect(estimateRows(nodes.limitNode(orders, 2_000_000, 1_000_000))).toBe(500_000);
    expect(estimateRows(nodes.limitNode(unknown, 10, 0))).toBe(10);
    expect(estimateRows(nodes.unionNode([orders, orders]))).toBe(3_000_000);
    expect(estimateRows(unknown)).toBeUndefined();
    expect(estimateRows(nodes.filterNode(unknown, call("gt", "a", 1)))).toBeUndefined();
    expect(estimateRows(nodes.unionNode([unknown, unknown]))).toBeUndefined();
  });

  it("keep what is known of a column under a new name", () => {
    const renamed = nodes.projectNode(orders, [{ name: "x", expression: column("o_cust") }]);
    expect(rowsAfter(renamed, "lt", "x", 75_000)).toBeCloseTo(750_000, -4);
    expect(estimateBytes(renamed)).toBe(6_000_000);
  });

  it("are found in time for deep plans that share steps", () => {
    let node: LogicalNode = customers;
    for (let i = 0; i < 60; i++) node = nodes.unionNode([node, node]);
    expect(estimateRows(node)).toBe(150_000 * 2 ** 60);
  });
});

describe("keys", () => {
  it("hardly repeat where distinct values are known to be nearly as many as rows, not where nothing is known", () => {
    expect(hardlyRepeats(orders, ["o_status", "o_key"])).toBe(true);
    expect(hardlyRepeats(nodes.filterNode(orders, call("lt", "o_cust", 75_000)), ["o_key"])).toBe(true);
    expect(hardlyRepeats(orders, ["o_cust", "o_status"])).toBe(false);
    expect(hardlyRepeats(unknown, ["a"])).toBe(false);
    expect(hardlyRepeats(orders, [])).toBe(false);
  });

  it("that hardly repeat are grouped behind the exchange alone", () => {
    const modes = (key: string): unknown[] => {
      const spread = nodes.partitionNode(orders, { kind: "rebalance" });
      const grouped = nodes.aggregateNode(spread, [key], [{ fn: "countAll", as: "rows" }]);
      const sink = nodes.sinkNode(grouped, new ResultSink(() => {}), true);
      return planJob([sink], 2).vertices.flatMap(({ operators }) =>
        operators.flatMap((operator) => ("mode" in operator ? [operator.mode] : [])),
      );
    };
    expect(modes("o_key")).toEqual(["complete"]);
    expect(modes("o_cust")).toEqual(["partial", "final"]);
  });
});
