/** Q18, large volume customers: the hundred dearest orders of more than 300 pieces. */
import { asc, col, desc, sum } from "../../../dist/index.js";
import type { TpchQuery } from "./tables.ts";

export const q18: TpchQuery = ({ customer, orders, lineitem }) => {
  const large = lineitem()
    .groupBy("l_orderkey")
    .aggregate({ pieces: sum("l_quantity") })
    .filter(col("pieces").gt(300));
  const largeOrders = orders().semiJoin(large).where("o_orderkey").equalTo("l_orderkey");
  return lineitem()
    .join(largeOrders)
    .where("l_orderkey")
    .equalTo("o_orderkey")
    .join(customer())
    .where("o_custkey")
    .equalTo("c_custkey")
    .groupBy("c_name", "c_custkey", "o_orderkey", "o_orderdate", "o_totalprice")
    .aggregate({ sum_qty: sum("l_quantity") })
    .orderBy(desc("o_totalprice"), asc("o_orderdate"))
    .first(100);
};
