/** TPC-H Q1, Q3 and Q6 in nodejs-polars, one thread, lazily from Parquet. */
import { tpch } from "../data/tpch.ts";
import type { BenchOptions, Session } from "../harness/suite.ts";
import { loadPolars, PolarsSession } from "./polars.ts";

/** Money is read as float64, since nodejs-polars multiplies decimals only in part. */
export async function tpchPolars(_options: BenchOptions): Promise<Session> {
  const pl = await loadPolars(1);
  const files = await tpch(1, "double");
  const { col, lit } = pl;
  const day = (text: string) => lit(new Date(`${text}T00:00:00Z`)).cast(pl.Date);
  const revenue = col("l_extendedprice").mul(lit(1).minus(col("l_discount")));
  return new PolarsSession({
    q01: () =>
      pl
        .scanParquet(files.lineitem)
        .filter(col("l_shipdate").ltEq(day("1998-09-02")))
        .groupBy(["l_returnflag", "l_linestatus"])
        .agg(
          col("l_quantity").sum().as("sum_qty"),
          col("l_extendedprice").sum().as("sum_base_price"),
          revenue.sum().as("sum_disc_price"),
          revenue.mul(col("l_tax").plus(1)).sum().as("sum_charge"),
          col("l_quantity").mean().as("avg_qty"),
          col("l_extendedprice").mean().as("avg_price"),
          col("l_discount").mean().as("avg_disc"),
          col("l_quantity").count().as("count_order"),
        )
        .sort(["l_returnflag", "l_linestatus"])
        .collectSync(),
    q03: () =>
      pl
        .scanParquet(files.customer)
        .filter(col("c_mktsegment").eq(lit("BUILDING")))
        .join(pl.scanParquet(files.orders).filter(col("o_orderdate").lt(day("1995-03-15"))), {
          leftOn: "c_custkey",
          rightOn: "o_custkey",
        })
        .join(pl.scanParquet(files.lineitem).filter(col("l_shipdate").gt(day("1995-03-15"))), {
          leftOn: "o_orderkey",
          rightOn: "l_orderkey",
        })
        .groupBy(["o_orderkey", "o_orderdate", "o_shippriority"])
        .agg(revenue.sum().as("revenue"))
        .sort("revenue", true)
        .limit(10)
        .select(col("o_orderkey").as("l_orderkey"), col("revenue"), col("o_orderdate"), col("o_shippriority"))
        .collectSync(),
    q06: () =>
      pl
        .scanParquet(files.lineitem)
        .filter(
          col("l_shipdate")
            .gtEq(day("1994-01-01"))
            .and(col("l_shipdate").lt(day("1995-01-01")))
            .and(col("l_discount").gtEq(lit(0.05)))
            .and(col("l_discount").ltEq(lit(0.07)))
            .and(col("l_quantity").lt(lit(24))),
        )
        .select(col("l_extendedprice").mul(col("l_discount")).sum().as("revenue"))
        .collectSync(),
  });
}
