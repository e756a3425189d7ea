/** Parquet write: one million lineitem-like rows from memory, Snappy, dictionary encoding and statistics. */
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tableFromIPC } from "apache-arrow";
import { arrowIpc } from "../data/arrow-table.ts";
import { cachePath } from "../data/cache.ts";
import { quote, rowGroupRows } from "../data/duckdb.ts";
import { lineitemLike, writtenRows } from "../data/lineitem-like.ts";
import { DuckDB, DuckDBOracle } from "../engines/duckdb.ts";
import { millraceWriter } from "../engines/millrace-write.ts";
import type { BenchCase, Finished, Session, Suite } from "../harness/suite.ts";

const columnNames = [
  ..."l_orderkey l_partkey l_suppkey l_linenumber l_quantity l_extendedprice l_discount l_tax".split(" "),
  ..."l_returnflag l_linestatus l_shipdate l_commitdate l_receiptdate l_shipinstruct l_shipmode l_comment".split(" "),
];

/** Fingerprint of a table: per column the sum of its values' hashes, as text so that integer widths do not matter. */
export function fingerprintSql(relation: string): string {
  const sums = columnNames.map((name) => `sum(hash(${name}::VARCHAR)) AS ${name}`);
  return `SELECT count(*) AS n, ${sums.join(", ")} FROM ${relation}`;
}

/** The table to write, as an Arrow table whose bytes are in memory. */
export async function tableToWrite(): Promise<ReturnType<typeof tableFromIPC>> {
  return tableFromIPC(await arrowIpc(await lineitemLike(writtenRows, "SNAPPY"), "lineitem"));
}

/** A contender that writes to a path of its own; the check reads the file back with DuckDB. */
export function writer(engine: string, write: (path: string) => Promise<void>, close?: () => void): Session {
  const folder = cachePath("written");
  mkdirSync(folder, { recursive: true });
  const path = `${folder}/${engine}.parquet`;
  return {
    supports: () => true,
    prepare: () => rmSync(path, { force: true }),
    run: async (): Promise<Finished> => {
      await write(path);
      return {
        summary: async () => {
          const database = await DuckDB.open();
          process.stderr.write(`${engine} wrote ${(statSync(path).size / 1e6).toFixed(1)} MB\n`);
          try {
            return await database.summarise(fingerprintSql(quote(path)));
          } finally {
            database.close();
          }
        },
      };
    },
    close: () => close?.(),
  };
}

async function openDuckDB(threads: number): Promise<DuckDB> {
  const database = await DuckDB.open(threads);
  await database.load({ lineitem: await lineitemLike(writtenRows, "SNAPPY") });
  return database;
}

const duckdb = (name: string, threads: number) => async () => {
  const database = await openDuckDB(threads);
  const options = `FORMAT parquet, COMPRESSION SNAPPY, ROW_GROUP_SIZE ${rowGroupRows}`;
  return writer(
    name,
    async (path) => void (await database.connection.run(`COPY lineitem TO ${quote(path)} (${options})`)),
    () => database.close(),
  );
};

const millrace = (name: string, threads: number) => async () => writer(name, await millraceWriter(threads));

/** parquet-wasm takes its input as Arrow IPC bytes; they exist before the clock starts. */
async function parquetWasm(): Promise<Session> {
  const { Compression, Table, WriterPropertiesBuilder, writeParquet } = await import("parquet-wasm");
  const bytes = await arrowIpc(await lineitemLike(writtenRows, "SNAPPY"), "lineitem");
  return writer("parquet-wasm", async (path) => {
    const properties = new WriterPropertiesBuilder()
      .setCompression(Compression.SNAPPY)
      .setMaxRowGroupSize(rowGroupRows)
      .build();
    writeFileSync(path, writeParquet(Table.fromIPCStream(bytes), properties));
  });
}

export const parquetWrite: Suite = {
  name: "parquet-write",
  timing: "table in memory -> closed Parquet file; the file is read back and fingerprinted by DuckDB",
  isolation: "child",
  cases: (): BenchCase[] => [
    {
      name: "write-snappy",
      group: "parquet write",
      sql: fingerprintSql("lineitem"),
      amount: { count: writtenRows * columnNames.length, unit: "values" },
    },
  ],
  oracle: async () => new DuckDBOracle(await openDuckDB(2)),
  contenders: {
    duckdb: duckdb("duckdb", 1),
    "duckdb-2": duckdb("duckdb-2", 2),
    millrace: millrace("millrace", 1),
    "millrace-2": millrace("millrace-2", 2),
    "parquet-wasm": parquetWasm,
  },
};
