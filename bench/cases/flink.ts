/** Millrace, DuckDB and Flink on the same task: Parquet files in, a few result rows out. */
import { groupByTable } from "../data/group-by-tables.ts";
import { joinTables } from "../data/join-tables.ts";
import { tpch } from "../data/tpch.ts";
import { DuckDB, DuckDBOracle, DuckDBSession } from "../engines/duckdb.ts";
import { FlinkSession, parquetTable } from "../engines/flink.ts";
import { flinkMillrace } from "../engines/millrace-flink.ts";
import type { BenchCase, BenchOptions, Suite } from "../harness/suite.ts";
import { flinkQueries } from "./flink-queries.ts";
import { lineitemRowsAtOne } from "./tpch-queries.ts";

/** Names and files of all tables; money is float64, since Flink's decimal average rounds to six digits. */
export async function flinkFiles(rows: number): Promise<Record<string, string>> {
  const { left, small, medium } = await joinTables(rows);
  const { customer, orders, lineitem } = await tpch(1, "double");
  return { x: await groupByTable(rows), l: left, small, medium, customer, orders, lineitem };
}

const typeNames: Readonly<Record<string, string>> = { VARCHAR: "STRING", INTEGER: "INT" };

/** Flink needs the schemas spelled out; they are read off the files by DuckDB. */
async function flinkTables(rows: number): Promise<string[]> {
  const database = await openDuckDB(rows, 1);
  const statements: string[] = [];
  for (const [name, path] of Object.entries(await flinkFiles(rows))) {
    const described = (await database.connection.runAndReadAll(`DESCRIBE ${name}`)).getRows();
    const columns = described.map(([column, type]) => [String(column), typeNames[String(type)] ?? String(type)]);
    statements.push(parquetTable(name, path, Object.fromEntries(columns)));
  }
  database.close();
  return statements;
}

async function openDuckDB(rows: number, threads: number): Promise<DuckDB> {
  const database = await DuckDB.open(threads);
  await database.view(await flinkFiles(rows));
  return database;
}

const duckdb =
  (threads: number) =>
  async ({ rows }: BenchOptions) =>
    new DuckDBSession(await openDuckDB(rows, threads), threads);
const flinkSql = ({ name }: BenchCase): string => {
  const query = flinkQueries[name];
  return query?.flinkSql ?? query?.sql ?? "";
};
const flink =
  (parallelism: number) =>
  async ({ rows }: BenchOptions) =>
    FlinkSession.open(parallelism, await flinkTables(rows), flinkSql);

export const flinkPeer: Suite = {
  name: "flink",
  timing:
    "Parquet files in the page cache -> result rows; Flink's time includes planning and starting the job on a warm " +
    "cluster, whose own cost is the case job-start",
  isolation: "shared",
  cases: ({ rows }) =>
    Object.entries(flinkQueries).map(
      ([name, { group, sql, orderBy = [] }]): BenchCase => ({
        name,
        group,
        sql,
        orderBy,
        amount: { count: name.startsWith("tpch") ? lineitemRowsAtOne : rows, unit: "rows" },
      }),
    ),
  oracle: async ({ rows }) => new DuckDBOracle(await openDuckDB(rows, 2)),
  contenders: {
    duckdb: duckdb(1),
    "duckdb-2": duckdb(2),
    millrace: flinkMillrace(1),
    "millrace-2": flinkMillrace(2),
    flink: flink(1),
    "flink-2": flink(2),
  },
};
