/** Q10, returned item reporting: the twenty customers who returned the most. */
import { col, desc, sum } from "../../../dist/index.js";
import { revenue, type TpchQuery } from "./tables.ts";

export const q10: TpchQuery = ({ customer, orders, lineitem, nation }) => {
  const ordered = orders().filter(col("o_orderdate").ge("1993-10-01").and(col("o_orderdate").lt("1994-01-01")));
  const customers = customer().join(nation()).where("c_nationkey").equalTo("n_nationkey");
  return lineitem()
    .filter(col("l_returnflag").eq("R"))
    .join(ordered)
    .where("l_orderkey")
    .equalTo("o_orderkey")
    .join(customers)
    .where("o_custkey")
    .equalTo("c_custkey")
    .groupBy("c_custkey", "c_name", "c_acctbal", "c_phone", "n_name", "c_address", "c_comment")
    .aggregate({ revenue: sum(revenue) })
    .orderBy(desc("revenue"))
    .first(20);
};
