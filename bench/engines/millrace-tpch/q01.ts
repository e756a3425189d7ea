/** Q1, pricing summary report. */
import { avg, col, count, sum } from "../../../dist/index.js";
import { revenue, type TpchQuery } from "./tables.ts";

export const q01: TpchQuery = ({ lineitem }) =>
  lineitem()
    .filter(col("l_shipdate").le("1998-09-02"))
    .groupBy("l_returnflag", "l_linestatus")
    .aggregate({
      sum_qty: sum("l_quantity"),
      sum_base_price: sum("l_extendedprice"),
      sum_disc_price: sum(revenue),
      sum_charge: sum(revenue.mul(col("l_tax").add(1))),
      avg_qty: avg("l_quantity"),
      avg_price: avg("l_extendedprice"),
      avg_disc: avg("l_discount"),
      count_order: count(),
    })
    .orderBy("l_returnflag", "l_linestatus");
