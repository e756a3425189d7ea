/** Q14, promotion effect: the share of revenue that came from promoted parts. */
import { col, sum, when } from "../../../dist/index.js";
import { revenue, type TpchQuery } from "./tables.ts";

export const q14: TpchQuery = ({ lineitem, part }) =>
  lineitem()
    .filter(col("l_shipdate").ge("1995-09-01").and(col("l_shipdate").lt("1995-10-01")))
    .join(part())
    .where("l_partkey")
    .equalTo("p_partkey")
    .aggregate({
      promoted: sum(when(col("p_type").startsWith("PROMO")).then(revenue).otherwise(0)),
      total: sum(revenue),
    })
    .select({ promo_revenue: col("promoted").mul(100).div(col("total")) });
