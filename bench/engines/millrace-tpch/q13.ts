/** Q13, customer distribution: how many customers have how many orders without special requests. */
import { col, count, desc } from "../../../dist/index.js";
import type { TpchQuery } from "./tables.ts";

export const q13: TpchQuery = ({ customer, orders }) =>
  customer()
    .leftOuterJoin(orders().filter(col("o_comment").like("%special%requests%").not()))
    .where("c_custkey")
    .equalTo("o_custkey")
    .groupBy("c_custkey")
    .aggregate({ c_count: count("o_orderkey") })
    .groupBy("c_count")
    .aggregate({ custdist: count() })
    .orderBy(desc("custdist"), desc("c_count"));
