/** Q5, local supplier volume: what suppliers of Asia sold in their own nation. */
import { col, desc, sum } from "../../../dist/index.js";
import { revenue, type TpchQuery } from "./tables.ts";

export const q05: TpchQuery = ({ region, nation, supplier, customer, orders, lineitem }) => {
  const asian = nation()
    .join(region().filter(col("r_name").eq("ASIA")))
    .where("n_regionkey")
    .equalTo("r_regionkey");
  const suppliers = supplier().join(asian).where("s_nationkey").equalTo("n_nationkey");
  const ordered = orders()
    .filter(col("o_orderdate").ge("1994-01-01").and(col("o_orderdate").lt("1995-01-01")))
    .join(customer())
    .where("o_custkey")
    .equalTo("c_custkey");
  return lineitem()
    .join(ordered)
    .where("l_orderkey")
    .equalTo("o_orderkey")
    .join(suppliers)
    .where("l_suppkey", "c_nationkey")
    .equalTo("s_suppkey", "s_nationkey")
    .groupBy("n_name")
    .aggregate({ revenue: sum(revenue) })
    .orderBy(desc("revenue"));
};
