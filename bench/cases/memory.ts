/**
 * Larger than memory: a Parquet file of about 1 GiB aggregated and sorted under a budget of 256 MiB.
 * Both jobs must spill: the groups take about 1 GB, the sorted rows about 1.4 GB.
 */
import { lineitemLike } from "../data/lineitem-like.ts";
import { columnsAnswer } from "../engines/columns.ts";
import { DuckDB, DuckDBOracle } from "../engines/duckdb.ts";
import { memoryMillrace } from "../engines/millrace-memory.ts";
import type { BenchCase, Finished, Session, Suite } from "../harness/suite.ts";
import { summarise } from "../harness/summary.ts";

export const memoryBudgetBytes = 256 * 2 ** 20;
export const largeRows = 30_000_000;
export const largeFile = (): Promise<string> => lineitemLike(largeRows, "SNAPPY");

/** What the sort returns for a comparison: rows, those out of order, and the sum of a column that travels along. */
const questions: Readonly<Record<string, string>> = {
  aggregate: `SELECT count(*) AS orders, sum(quantity) AS quantity, max(lines) AS most_lines FROM (
      SELECT l_orderkey, sum(l_quantity) AS quantity, count(*) AS lines FROM lineitem GROUP BY l_orderkey)`,
  sort: `SELECT count(*) AS n, 0 AS out_of_order, sum(l_partkey) AS partkeys, sum(strlen(l_comment)) AS comment_bytes
    FROM lineitem`,
};

/** The rows that the sort case orders by price and consumes batch by batch. */
export const sortColumns = ["l_extendedprice", "l_partkey", "l_comment"] as const;

async function openDuckDB(threads: number): Promise<DuckDB> {
  const database = await DuckDB.open(threads);
  await database.view({ lineitem: await largeFile() });
  return database;
}

/** DuckDB under the same budget, streaming the sorted chunks without turning their values into JavaScript. */
async function budgetedDuckDB(threads: number): Promise<Session> {
  const database = await openDuckDB(threads);
  await database.connection.run(`SET memory_limit = '${memoryBudgetBytes / 2 ** 20}MiB'`);
  await database.connection.run("SET preserve_insertion_order = false");
  const sort = async (question: BenchCase): Promise<Finished> => {
    const result = await database.connection.stream(
      `SELECT ${sortColumns.join(", ")} FROM lineitem ORDER BY l_extendedprice`,
    );
    let rows = 0;
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) break;
      rows += chunk.rowCount;
    }
    if (rows !== largeRows) throw new Error(`sorted ${rows} rows`);
    return { summary: () => database.summarise(question.sql) };
  };
  const aggregate = async (question: BenchCase): Promise<Finished> => {
    const reader = await database.connection.runAndReadAll(question.sql);
    const columns = reader.getColumnsJS();
    const names = reader.columnNames();
    const answer = columnsAnswer(Object.fromEntries(names.map((name, index) => [name, columns[index] ?? []])));
    return { summary: async (shape) => summarise(answer, shape) };
  };
  return {
    supports: () => true,
    run: (question) => (question.name === "sort" ? sort : aggregate)(question),
    close: () => database.close(),
  };
}

export const memory: Suite = {
  name: "memory",
  timing: "1 GiB Parquet file -> answer under a 256 MiB budget, spilling to disk; see the peak RSS below",
  isolation: "child",
  cases: () =>
    Object.entries(questions).map(
      ([name, sql]): BenchCase => ({ name, group: "memory", sql, amount: { count: largeRows, unit: "rows" } }),
    ),
  oracle: async () => new DuckDBOracle(await openDuckDB(2)),
  contenders: {
    duckdb: () => budgetedDuckDB(1),
    "duckdb-2": () => budgetedDuckDB(2),
    millrace: memoryMillrace(1),
    "millrace-2": memoryMillrace(2),
  },
};
