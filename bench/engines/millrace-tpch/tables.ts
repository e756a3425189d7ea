/** What the queries share. */
import { col, type DataSet, lit } from "../../../dist/index.js";
import type { TpchTable } from "../../data/tpch.ts";

/** Opens the tables. */
export type TpchSources = Readonly<Record<TpchTable, () => DataSet>>;

// biome-ignore lint/suspicious/noExplicitAny: queries differ in their columns
export type TpchQuery = (tables: TpchSources) => DataSet<any>;

/** What a line brought in after its discount. */
export const revenue = col("l_extendedprice").mul(lit(1).sub(col("l_discount")));
