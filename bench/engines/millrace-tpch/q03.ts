/** Q3, shipping priority: the ten unshipped orders of the greatest value. */
import { asc, col, desc, sum } from "../../../dist/index.js";
import { revenue, type TpchQuery } from "./tables.ts";

export const q03: TpchQuery = ({ customer, orders, lineitem }) => {
  const building = customer().filter(col("c_mktsegment").eq("BUILDING"));
  const open = orders()
    .filter(col("o_orderdate").lt("1995-03-15"))
    .join(building)
    .where("o_custkey")
    .equalTo("c_custkey");
  return lineitem()
    .filter(col("l_shipdate").gt("1995-03-15"))
    .join(open)
    .where("l_orderkey")
    .equalTo("o_orderkey")
    .groupBy("l_orderkey", "o_orderdate", "o_shippriority")
    .aggregate({ revenue: sum(revenue) })
    .orderBy(desc("revenue"), asc("o_orderdate"))
    .first(10);
};
