/** Q19, discounted revenue: parts of three brands, delivered by air in person. */
import { and, col, or, sum } from "../../../dist/index.js";
import { revenue, type TpchQuery } from "./tables.ts";

const offer = (brand: string, containers: string[], least: number, most: number, largestSize: number) =>
  and(
    col("p_brand").eq(brand),
    col("p_container").isIn(containers),
    col("l_quantity").between(least, most),
    col("p_size").between(1, largestSize),
  );

export const q19: TpchQuery = ({ lineitem, part }) =>
  lineitem()
    .filter(col("l_shipmode").isIn(["AIR", "AIR REG"]).and(col("l_shipinstruct").eq("DELIVER IN PERSON")))
    .join(part().filter(col("p_brand").isIn(["Brand#12", "Brand#23", "Brand#34"])))
    .where("l_partkey")
    .equalTo("p_partkey")
    .filter(
      or(
        offer("Brand#12", ["SM CASE", "SM BOX", "SM PACK", "SM PKG"], 1, 11, 5),
        offer("Brand#23", ["MED BAG", "MED BOX", "MED PKG", "MED PACK"], 10, 20, 10),
        offer("Brand#34", ["LG CASE", "LG BOX", "LG PACK", "LG PKG"], 20, 30, 15),
      ),
    )
    .aggregate({ revenue: sum(revenue) });
