/** One DuckDB with its tables in memory, serving as oracle and as the one- and two-thread contender of a suite. */
import type { BenchOptions, Oracle, Session } from "../harness/suite.ts";
import { DuckDB, DuckDBOracle, DuckDBSession } from "./duckdb.ts";

export class SharedDuckDB {
  #database: Promise<DuckDB> | null = null;

  constructor(readonly fill: (database: DuckDB, options: BenchOptions) => Promise<void>) {}

  /** Closing the oracle closes the database. */
  async oracle(options: BenchOptions): Promise<Oracle> {
    return new DuckDBOracle(await this.#open(options));
  }

  async session(options: BenchOptions, threads: number): Promise<Session> {
    return new DuckDBSession(await this.#open(options), threads, () => undefined);
  }

  #open(options: BenchOptions): Promise<DuckDB> {
    this.#database ??= (async () => {
      const database = await DuckDB.open();
      await this.fill(database, options);
      return database;
    })();
    return this.#database;
  }
}
