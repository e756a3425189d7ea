/** Q9, product type profit: by nation and year, of parts with "green" in their names. */
import { asc, col, desc, sum } from "../../../dist/index.js";
import { revenue, type TpchQuery } from "./tables.ts";

export const q09: TpchQuery = ({ part, supplier, nation, partsupp, orders, lineitem }) => {
  const green = part().filter(col("p_name").contains("green"));
  const suppliers = supplier().join(nation()).where("s_nationkey").equalTo("n_nationkey");
  return lineitem()
    .join(green)
    .where("l_partkey")
    .equalTo("p_partkey")
    .join(suppliers)
    .where("l_suppkey")
    .equalTo("s_suppkey")
    .join(partsupp())
    .where("l_partkey", "l_suppkey")
    .equalTo("ps_partkey", "ps_suppkey")
    .join(orders())
    .where("l_orderkey")
    .equalTo("o_orderkey")
    .select({
      nation: col("n_name"),
      o_year: col("o_orderdate").year(),
      profit: revenue.sub(col("ps_supplycost").mul(col("l_quantity"))),
    })
    .groupBy("nation", "o_year")
    .aggregate({ sum_profit: sum("profit") })
    .orderBy(asc("nation"), desc("o_year"));
};
