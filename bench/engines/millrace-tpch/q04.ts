/** Q4, order priority checking: orders of a quarter with a line that came late. */
import { col, count } from "../../../dist/index.js";
import type { TpchQuery } from "./tables.ts";

export const q04: TpchQuery = ({ orders, lineitem }) => {
  const late = lineitem().filter(col("l_commitdate").lt(col("l_receiptdate")));
  return orders()
    .filter(col("o_orderdate").ge("1993-07-01").and(col("o_orderdate").lt("1993-10-01")))
    .semiJoin(late)
    .where("o_orderkey")
    .equalTo("l_orderkey")
    .groupBy("o_orderpriority")
    .aggregate({ order_count: count() })
    .orderBy("o_orderpriority");
};
