/** Q12, shipping modes and order priority. */
import { col, sum, when } from "../../../dist/index.js";
import type { TpchQuery } from "./tables.ts";

const isHigh = col("o_orderpriority").isIn(["1-URGENT", "2-HIGH"]);

export const q12: TpchQuery = ({ orders, lineitem }) =>
  lineitem()
    .filter(
      col("l_shipmode")
        .isIn(["MAIL", "SHIP"])
        .and(col("l_commitdate").lt(col("l_receiptdate")))
        .and(col("l_shipdate").lt(col("l_commitdate")))
        .and(col("l_receiptdate").ge("1994-01-01"))
        .and(col("l_receiptdate").lt("1995-01-01")),
    )
    .join(orders())
    .where("l_orderkey")
    .equalTo("o_orderkey")
    .groupBy("l_shipmode")
    .aggregate({
      high_line_count: sum(when(isHigh).then(1).otherwise(0)),
      low_line_count: sum(when(isHigh).then(0).otherwise(1)),
    })
    .orderBy("l_shipmode");
