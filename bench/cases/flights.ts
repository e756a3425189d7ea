/** Three million real flights: Parquet file (ZSTD, nulls allowed, row groups of 279,620) in, ordered answer out. */
import { join } from "node:path";
import { projectRoot } from "../data/cache.ts";
import { DuckDB, DuckDBOracle, DuckDBSession } from "../engines/duckdb.ts";
import { flightsMillrace } from "../engines/millrace-flights.ts";
import { flightsPolars } from "../engines/polars-flights.ts";
import type { BenchCase, Suite } from "../harness/suite.ts";

export const flightsFile = join(projectRoot, "node_modules/vega-datasets/data/flights-3m.parquet");
const flightRows = 3_000_000;

const questions: Readonly<Record<string, { sql: string; orderBy: readonly string[] }>> = {
  "origin-month": {
    orderBy: ["origin", "month"],
    sql: `SELECT origin, month(date) AS month, count(*) AS flights, avg(delay) AS mean_delay,
        stddev(delay) AS sd_delay, max(delay) AS max_delay
      FROM flights GROUP BY origin, month(date) ORDER BY origin, month`,
  },
  routes: {
    orderBy: ["flights", "origin", "destination"],
    sql: `SELECT origin, destination, count(*) AS flights, avg(distance) AS distance
      FROM flights GROUP BY origin, destination ORDER BY flights DESC, origin, destination LIMIT 20`,
  },
  "top-delays": {
    orderBy: ["delay", "date"],
    sql: `SELECT delay, date, origin, destination FROM flights
      ORDER BY delay DESC, date, origin, destination LIMIT 10`,
  },
  "late-share": {
    orderBy: ["late_share"],
    sql: `SELECT origin, count(*) AS flights, avg(CASE WHEN delay > 15 THEN 1.0 ELSE 0.0 END) AS late_share
      FROM flights WHERE distance >= 500 GROUP BY origin HAVING count(*) >= 1000 ORDER BY late_share DESC`,
  },
};

const duckdb = (threads: number) => async () => {
  const database = await DuckDB.open(threads);
  await database.view({ flights: flightsFile });
  return new DuckDBSession(database, threads);
};

export const flights: Suite = {
  name: "flights",
  timing: "Parquet file in the page cache -> ordered rows of the answer",
  isolation: "shared",
  cases: () =>
    Object.entries(questions).map(
      ([name, { sql, orderBy }]): BenchCase => ({
        name,
        group: "flights",
        sql,
        orderBy,
        amount: { count: flightRows, unit: "rows" },
      }),
    ),
  oracle: async () => new DuckDBOracle((await duckdb(2)()).database),
  contenders: {
    duckdb: duckdb(1),
    "duckdb-2": duckdb(2),
    millrace: flightsMillrace(1),
    "millrace-2": flightsMillrace(2),
    polars: flightsPolars,
  },
};
