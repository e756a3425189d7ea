import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

/** A DuckDB in memory and a directory for its files; one per test file. */
export class Duck {
  readonly directory: string;
  readonly #connection: DuckDBConnection;

  private constructor(directory: string, connection: DuckDBConnection) {
    this.directory = directory;
    this.#connection = connection;
  }

  static async open(): Promise<Duck> {
    const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return new Duck(mkdtempSync(join(tmpdir(), "millrace-parquet-")), connection);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async run(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }

  /** Writes the result of a query as a Parquet file; returns its path. */
  async copy(query: string, name: string, options = ""): Promise<string> {
    const path = this.path(name);
    await this.run(`COPY (${query}) TO '${path}' (FORMAT parquet${options === "" ? "" : `, ${options}`})`);
    return path;
  }

  /** Rows as JSON texts of DuckDB's own making: one form for all types, nested ones included. */
  async jsonRows(query: string): Promise<string[]> {
    const reader = await this.#connection.runAndReadAll(`SELECT to_json(t)::VARCHAR AS json FROM (${query}) AS t`);
    return reader.getRows().map(([json]) => String(json));
  }

  async rows(query: string): Promise<unknown[][]> {
    const reader = await this.#connection.runAndReadAll(query);
    return reader.getRows() as unknown[][];
  }

  close(): void {
    this.#connection.closeSync();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
