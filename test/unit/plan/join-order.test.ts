import { describe, expect, it } from "vitest";
import { int32 } from "../../../src/core/types.ts";
import type { JoinHint, LogicalNode, SourceNode } from "../../../src/plan/logical.ts";
import * as nodes from "../../../src/plan/nodes.ts";
import { optimize } from "../../../src/plan/optimize.ts";
import { call, optimizedLines, table } from "../../support/plan-text.ts";

const sized = (name: string, rows: number | undefined, ...columns: string[]): SourceNode =>
  table(name, Object.fromEntries(columns.map((column) => [column, int32])), rows === undefined ? {} : { rows });

const fact = sized("fact", 6_000_000, "f_a", "f_b", "f_v");
const large = sized("large", 1_000_000, "a", "a_v");
const small = sized("small", 1000, "b", "b_kind");

const join = (left: LogicalNode, right: LogicalNode, leftKey: string, rightKey: string, hint?: JoinHint) =>
  nodes.joinNode(left, right, {
    type: "inner",
    leftKeys: [leftKey],
    rightKeys: [rightKey],
    ...(hint === undefined ? {} : { hint }),
  });

const order = (plan: LogicalNode): string[] =>
  optimizedLines(plan).flatMap((line) => /source rows (\w+)/.exec(line)?.[1] ?? []);

describe("chains of inner joins", () => {
  const few = nodes.filterNode(small, call("eq", "b_kind", 1));

  it("join first what leaves few rows, keeping names and positions of columns", () => {
    const written = join(join(fact, large, "f_a", "a"), few, "f_b", "b");
    expect(order(written)).toEqual(["large", "fact", "small"]);
    expect(optimize([written])[0]?.schema.toString()).toBe(written.schema.toString());
  });

  it("join through equal columns of a third part", () => {
    const other = sized("other", 1000, "o", "o_kind");
    const written = join(join(large, fact, "a", "f_a"), nodes.filterNode(other, call("eq", "o_kind", 1)), "a", "o");
    const lines = optimizedLines(written).join("\n");
    expect(lines).toMatch(/join inner on (a = o|o = a|f_a = o)/);
  });

  it("stay as written where sizes are unknown, a hint speaks, or nothing is won", () => {
    expect(order(join(join(fact, sized("large", undefined, "a"), "f_a", "a"), few, "f_b", "b"))[0]).toBe("fact");
    const hinted = join(join(fact, large, "f_a", "a", "REPARTITION_SORT_MERGE"), few, "f_b", "b");
    expect(order(hinted)).toEqual(["fact", "large", "small"]);
    expect(order(join(join(fact, few, "f_b", "b"), large, "f_a", "a"))).toEqual(["fact", "small", "large"]);
  });

  it("do not reach through outer joins", () => {
    const outer = nodes.joinNode(fact, large, { type: "left", leftKeys: ["f_a"], rightKeys: ["a"] });
    expect(order(join(outer, few, "f_b", "b"))).toEqual(["fact", "large", "small"]);
  });

  it("rename columns that clash on the way", () => {
    const [x, y, z] = ["x", "y", "z"].map((name, i) => sized(name, 10 ** (6 - i), "id", "v"));
    const written = join(join(x, y, "id", "id"), nodes.filterNode(z, call("eq", "v", 1)), "id", "id");
    expect(optimize([written])[0]?.schema.names).toEqual(written.schema.names);
  });
});
