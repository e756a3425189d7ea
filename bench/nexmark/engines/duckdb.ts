/** DuckDB: the judge of all answers, and an engine for comparison, which sees all events at once. */

import { quote } from "../../data/duckdb.ts";
import { DuckDB } from "../../engines/duckdb.ts";
import { eventsFile } from "../generator/events-file.ts";
import { nexmarkQueries } from "../queries/queries.ts";
import { type NexmarkQuery, viewColumns } from "../queries/query.ts";
import type { NexmarkEngine, NexmarkRun, NexmarkTime } from "./engine.ts";

const eventTypes = { person: 0, auction: 1, bid: 2 } as const;

export class NexmarkDuckDB implements NexmarkEngine {
  readonly #database: DuckDB;
  #run: NexmarkRun | null = null;

  private constructor(database: DuckDB) {
    this.#database = database;
  }

  static async open(threads: number): Promise<NexmarkDuckDB> {
    return new NexmarkDuckDB(await DuckDB.open(threads));
  }

  supports(): boolean {
    return true;
  }

  /** From the Parquet file to the whole answer in DuckDB's memory. */
  async time(query: string, run: NexmarkRun): Promise<NexmarkTime> {
    await this.#use(run);
    const startCpu = process.cpuUsage();
    const start = performance.now();
    await this.#database.connection.run(queryOf(query).duckdb);
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(startCpu);
    return { ms, cpuMs: (user + system) / 1000 };
  }

  async answer(query: string, run: NexmarkRun, path: string): Promise<void> {
    await this.#use(run);
    const { connection } = this.#database;
    const rows = await this.#asText(queryOf(query).duckdb);
    await connection.run(
      `COPY (${rows}) TO ${quote(path)} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIM '\x1e')`,
    );
  }

  /** Compares the answer in a file with DuckDB's own: null if they agree, else what differs. */
  async difference(query: string, run: NexmarkRun, path: string): Promise<string | null> {
    await this.#use(run);
    const { connection } = this.#database;
    const question = queryOf(query);
    await connection.run(`CREATE OR REPLACE TEMP TABLE expected AS ${await this.#asText(question.duckdb)}`);
    await connection.run(`CREATE OR REPLACE TEMP TABLE actual AS FROM read_csv(${quote(path)}, columns = {'line': 'VARCHAR'},
      header = false, quote = '', escape = '', delim = '\x1e', auto_detect = false, nullstr = '\x1d')`);
    return question.check === "rows" ? this.#rowDifference() : this.#countDifference();
  }

  close(): void {
    this.#database.close();
  }

  async #rowDifference(): Promise<string | null> {
    const found: string[] = [];
    for (const [what, sql] of [
      ["missing", "FROM expected EXCEPT ALL FROM actual"],
      ["too many", "FROM actual EXCEPT ALL FROM expected"],
    ] as const) {
      const [count, example] = await this.#first(`SELECT count(*), min(line) FROM (${sql})`);
      if (Number(count) > 0) found.push(`${count} rows ${what}, such as (${String(example).replaceAll("\x1f", ", ")})`);
    }
    if (found.length === 0) return null;
    const [rows] = await this.#first("SELECT count(*) FROM expected");
    return `of ${rows} rows: ${found.join("; ")}`;
  }

  /** Column 1 is a key and column 2 a count; an engine may split a key's count, and leave some of it out. */
  async #countDifference(): Promise<string | null> {
    const part = (table: string, number: number): string => `split_part(${table}.line, chr(31), ${number})`;
    const [keys, example] = await this.#first(`SELECT count(*), min(key) FROM (
      SELECT ${part("actual", 1)} AS key, sum(${part("actual", 2)}::BIGINT) AS total FROM actual GROUP BY key
    ) AS counted LEFT JOIN expected ON ${part("expected", 1)} = key
    WHERE coalesce(${part("expected", 2)}::BIGINT, 0) < total`);
    return Number(keys) === 0 ? null : `${keys} keys are counted too often, such as ${String(example)}`;
  }

  async #first(sql: string): Promise<readonly unknown[]> {
    return (await this.#database.connection.runAndReadAll(sql)).getRows()[0] ?? [];
  }

  /** A query whose rows are the lines of an answer file, in the column `line`. */
  async #asText(sql: string): Promise<string> {
    const described = await this.#database.connection.runAndReadAll(`DESCRIBE ${sql}`);
    const cells = described.getRows().map(([name, type]) => {
      const column = `"${String(name)}"`;
      const text = String(type).startsWith("TIMESTAMP") ? `epoch_ms(${column})` : column;
      return `coalesce(${text}::VARCHAR, '\\N')`;
    });
    return `SELECT concat_ws(chr(31), ${cells.join(", ")}) AS line FROM (${sql})`;
  }

  async #use(run: NexmarkRun): Promise<void> {
    if (this.#run?.events === run.events && this.#run.configuration === run.configuration) return;
    const path = await eventsFile(run.configuration, run.events);
    for (const [view, columns] of Object.entries(viewColumns)) {
      const eventType = eventTypes[view as keyof typeof eventTypes];
      await this.#database.connection.run(
        `CREATE OR REPLACE VIEW ${view} AS SELECT ${columns}, position FROM ${quote(path)} WHERE eventType = ${eventType}`,
      );
    }
    this.#run = run;
  }
}

function queryOf(name: string): NexmarkQuery {
  const query = nexmarkQueries[name];
  if (query === undefined) throw new Error(`no Nexmark query ${name}`);
  return query;
}
