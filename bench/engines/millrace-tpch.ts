/** TPC-H in Millrace, straight from Parquet; one file per query in millrace-tpch/. */
import { type TpchTable, tpch, tpchTables } from "../data/tpch.ts";
import type { BenchOptions, Session } from "../harness/suite.ts";
import { MillraceSession, millraceEnvironment } from "./millrace.ts";
import { q01 } from "./millrace-tpch/q01.ts";
import { q03 } from "./millrace-tpch/q03.ts";
import { q04 } from "./millrace-tpch/q04.ts";
import { q05 } from "./millrace-tpch/q05.ts";
import { q06 } from "./millrace-tpch/q06.ts";
import { q09 } from "./millrace-tpch/q09.ts";
import { q10 } from "./millrace-tpch/q10.ts";
import { q12 } from "./millrace-tpch/q12.ts";
import { q13 } from "./millrace-tpch/q13.ts";
import { q14 } from "./millrace-tpch/q14.ts";
import { q18 } from "./millrace-tpch/q18.ts";
import { q19 } from "./millrace-tpch/q19.ts";
import type { TpchQuery, TpchSources } from "./millrace-tpch/tables.ts";

const queries: Readonly<Record<string, TpchQuery>> = { q01, q03, q04, q05, q06, q09, q10, q12, q13, q14, q18, q19 };

export const tpchMillrace =
  (threads: number) =>
  async ({ money }: BenchOptions): Promise<Session> => {
    const env = millraceEnvironment(threads);
    const files = await tpch(1, money);
    // Each run opens its files anew, as DuckDB's views do.
    const sources = Object.fromEntries(
      tpchTables.map((table: TpchTable) => [table, () => env.readParquet(files[table])]),
    ) as TpchSources;
    const bound = Object.entries(queries).map(([name, query]) => [name, () => query(sources)]);
    return new MillraceSession(Object.fromEntries(bound), { holding: "arrow" });
  };
