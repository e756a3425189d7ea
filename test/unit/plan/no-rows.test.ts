import { expect, it } from "vitest";
import { col, lit } from "../../../src/core/expressions/builders.ts";
import { aggregateNode, filterNode, sourceNode } from "../../../src/plan/nodes.ts";
import { estimateRows } from "../../../src/plan/statistics.ts";
import { numberSource } from "../../support/number-source.ts";

it("estimates a number of rows where nothing is left to group", () => {
  const none = filterNode(sourceNode(numberSource(10)), lit(false).node);
  const groups = aggregateNode(none, ["n"], [{ fn: "countAll", as: "rows" }]);
  const once = filterNode(groups, col("n").lt(5n).node);
  const again = filterNode(aggregateNode(once, ["n"], [{ fn: "countAll", as: "rows" }]), col("n").eq(5n).node);
  for (const node of [none, groups, once, again]) expect(estimateRows(node)).not.toBeNaN();
});
