import { splitConjuncts } from "../../core/expressions/rewrite.ts";
import type { JoinNode, JoinType } from "../logical.ts";
import { isPlainFilter } from "./conditions.ts";
import { rejectsNulls } from "./expression-facts.ts";
import type { RewriteRule } from "./rule.ts";

/**
 * Law: where a filter drops every row whose right columns are all null, a left join below it may be an inner join,
 * and likewise for right and full joins (Galindo-Legaria and Rosenthal, "Outerjoin simplification and reordering for
 * query optimization", TODS 22(1), 1997).
 */
export const simplifyOuterJoin: RewriteRule = {
  name: "simplify outer join",
  apply(node, context) {
    if (!isPlainFilter(node)) return undefined;
    const [join] = node.inputs;
    if (join.op !== "join" || context.isShared(join)) return undefined;
    const dropsNulls = (side: "left" | "right"): boolean => {
      const columns = new Set(join.output.filter((column) => column.side === side).map(({ name }) => name));
      return splitConjuncts(node.predicate).some(
        (condition) => condition.kind !== "literal" && rejectsNulls(condition, columns),
      );
    };
    const type = simplified(join, dropsNulls);
    return type === join.type ? undefined : { ...node, inputs: [{ ...join, type }] };
  },
};

function simplified({ type }: JoinNode, dropsNulls: (side: "left" | "right") => boolean): JoinType {
  switch (type) {
    case "left":
      return dropsNulls("right") ? "inner" : "left";
    case "right":
      return dropsNulls("left") ? "inner" : "right";
    case "full": {
      // Unmatched left rows have null right columns: dropping those leaves what a right join gives.
      if (dropsNulls("right")) return dropsNulls("left") ? "inner" : "right";
      return dropsNulls("left") ? "left" : "full";
    }
    default:
      return type;
  }
}
