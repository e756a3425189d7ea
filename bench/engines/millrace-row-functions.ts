/** TypeScript closures over rows in Millrace; the sum behind them runs in kernels. */
import { count, Schema, sum, types } from "../../dist/index.js";
import { groupByTable } from "../data/group-by-tables.ts";
import type { BenchOptions, Session } from "../harness/suite.ts";
import { MillraceSession, millraceEnvironment } from "./millrace.ts";

export async function rowFunctionsMillrace({ rows }: BenchOptions): Promise<Session> {
  const env = millraceEnvironment(1);
  const schema = Schema.of({ v1: types.int32, v2: types.int32, v3: types.float64 });
  const x = await env.readParquet(await groupByTable(rows), { schema }).persist();
  return new MillraceSession(
    {
      "map-filter": () =>
        x
          .map((row) => ({ score: (row.v1 ?? 0) * (row.v2 ?? 0) + (row.v3 ?? 0) }), {
            schema: Schema.of({ score: types.float64 }),
          })
          .filter((row) => (row.score ?? 0) > 60)
          .aggregate({ n: count(), total: sum("score") }),
      filter: () => x.filter((row) => (row.v3 ?? 0) > 50 && row.v1 !== 3).aggregate({ n: count(), total: sum("v3") }),
    },
    { holding: "arrow" },
  );
}
