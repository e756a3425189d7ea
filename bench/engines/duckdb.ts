/** DuckDB as baseline and as oracle. */
import { type DuckDBConnection, DuckDBInstance, type DuckDBType } from "@duckdb/node-api";
import { quote } from "../data/duckdb.ts";
import type { BenchCase, Finished, Oracle, Session } from "../harness/suite.ts";
import {
  type AnswerTable,
  type Kind,
  type KindedColumn,
  type Summary,
  sampleStep,
  summarise,
  wholeLimit,
} from "../harness/summary.ts";

export class DuckDB {
  readonly #instance: DuckDBInstance;
  readonly connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.connection = connection;
  }

  static async open(threads = 2): Promise<DuckDB> {
    const instance = await DuckDBInstance.create(":memory:", { threads: String(threads) });
    const connection = await instance.connect();
    // Every run reads its files anew, as the other engines do.
    await connection.run("SET enable_external_file_cache = false");
    return new DuckDB(instance, connection);
  }

  /** Loads Parquet files into memory under the given table names. */
  async load(tables: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, path] of Object.entries(tables)) {
      await this.connection.run(`CREATE TABLE ${name} AS FROM ${quote(path)}`);
    }
  }

  /** Gives Parquet files the given table names without reading them. */
  async view(tables: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, path] of Object.entries(tables)) {
      await this.connection.run(`CREATE OR REPLACE VIEW ${name} AS FROM ${quote(path)}`);
    }
  }

  async setThreads(threads: number): Promise<void> {
    await this.connection.run(`SET threads = ${threads}`);
  }

  /** Summarises a query's answer, sampling inside DuckDB if it is large. */
  async summarise(sql: string, sampleBy: string | null = null): Promise<Summary> {
    const counted = await this.connection.runAndReadAll(`SELECT count(*) FROM (${sql})`);
    const rowCount = Number(counted.value(0, 0));
    if (rowCount <= wholeLimit) {
      const reader = await this.connection.runAndReadAll(sql);
      return summarise(answerOf(reader.columnNames(), reader.getColumnsJS()), { columns: kindsOf(reader), sampleBy });
    }
    const sampled = await this.connection.runAndReadAll(`SELECT * FROM (${sql}) WHERE ${sampleBy} % ${sampleStep} = 0`);
    const columns = kindsOf(sampled);
    const sums = columns.map(({ name, kind }) =>
      kind === "integer" || kind === "float" ? `coalesce(sum(${name}), 0)::DOUBLE` : "NULL",
    );
    const totals = await this.connection.runAndReadAll(`SELECT ${sums.join(", ")} FROM (${sql})`);
    const { rows } = summarise(answerOf(sampled.columnNames(), sampled.getColumnsJS()), { columns, sampleBy });
    return { columns, rowCount, rows, totals: (totals.getRowsJS()[0] ?? []) as (number | null)[] };
  }

  close(): void {
    this.connection.closeSync();
    this.#instance.closeSync();
  }
}

/** The oracle: the case's own SQL on the tables of `database`. */
export class DuckDBOracle implements Oracle {
  constructor(readonly database: DuckDB) {}

  async expect(question: BenchCase): Promise<Summary> {
    const { connection } = this.database;
    await connection.run(`CREATE OR REPLACE TEMP TABLE expected AS ${question.sql}`);
    try {
      return await this.database.summarise("FROM expected", question.sampleBy);
    } finally {
      await connection.run("DROP TABLE expected");
    }
  }

  close(): void {
    this.database.close();
  }
}

/**
 * DuckDB as a contender. A time ends when DuckDB holds the whole answer as a materialised result: cheaper for it than
 * `CREATE TABLE AS` (which db-benchmark times) and than any conversion to JavaScript, so the strictest baseline.
 */
export class DuckDBSession implements Session {
  constructor(
    readonly database: DuckDB,
    readonly threads: number,
    readonly onClose: () => void = () => database.close(),
  ) {}

  supports(): boolean {
    return true;
  }

  async run(question: BenchCase): Promise<Finished> {
    const result = await this.database.connection.run(question.sql);
    return {
      summary: async (shape) =>
        result.rowCount <= wholeLimit
          ? summarise(answerOf(result.columnNames(), await result.getColumnsJS()), shape)
          : this.database.summarise(question.sql, shape.sampleBy),
    };
  }

  /** Not timed: called by the runner before each run. */
  async prepare(): Promise<void> {
    await this.database.setThreads(this.threads);
  }

  close(): void {
    this.onClose();
  }
}

interface TypedReader {
  columnNames(): string[];
  columnTypes(): DuckDBType[];
}

function kindsOf(reader: TypedReader): KindedColumn[] {
  const types = reader.columnTypes();
  return reader.columnNames().map((name, index) => ({ name, kind: kindOf(String(types[index])) }));
}

function kindOf(type: string): Kind {
  if (/^(DOUBLE|FLOAT|DECIMAL)/.test(type)) return "float";
  if (/INT/.test(type)) return "integer";
  if (type === "VARCHAR") return "text";
  if (type === "BOOLEAN") return "boolean";
  if (type === "DATE") return "date";
  if (type.startsWith("TIMESTAMP")) return "timestamp";
  throw new Error(`no comparison for DuckDB type ${type}`);
}

function answerOf(names: readonly string[], columns: readonly (readonly unknown[])[]): AnswerTable {
  return {
    rowCount: columns[0]?.length ?? 0,
    column: (name) => {
      const values = columns[names.indexOf(name)];
      if (values === undefined) throw new Error(`the answer has no column ${name}`);
      return (row) => values[row];
    },
  };
}
