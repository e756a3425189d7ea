/** Q6, forecasting revenue change. */
import { col, sum } from "../../../dist/index.js";
import type { TpchQuery } from "./tables.ts";

export const q06: TpchQuery = ({ lineitem }) =>
  lineitem()
    .filter(
      col("l_shipdate")
        .ge("1994-01-01")
        .and(col("l_shipdate").lt("1995-01-01"))
        .and(col("l_discount").between(0.05, 0.07))
        .and(col("l_quantity").lt(24)),
    )
    .aggregate({ revenue: sum(col("l_extendedprice").mul(col("l_discount"))) });
