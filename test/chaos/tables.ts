import { query } from "../support/postgres.ts";
import { PostgresProxy, type ProxyWatch } from "../support/postgres-proxy.ts";
import type { Written } from "./output.ts";

/** The tables of a run of the job, in a schema of its own, and a proxy that hears what is said to the server. */
export class Tables {
  readonly #url: string;
  readonly #proxy: PostgresProxy;
  readonly #schema: string;

  private constructor(url: string, proxy: PostgresProxy, schema: string) {
    this.#url = url;
    this.#proxy = proxy;
    this.#schema = schema;
  }

  static async create(url: string, schema: string): Promise<Tables> {
    await query(
      url,
      `CREATE SCHEMA ${schema};
      CREATE TABLE ${schema}.hours
        (origin text, begins timestamp, ends timestamp, flights int8, delay numeric, worst int8);
      CREATE TABLE ${schema}.totals (origin text PRIMARY KEY, flights int8, delay numeric)`,
    );
    return new Tables(url, await PostgresProxy.start(Number(new URL(url).port || 5432)), schema);
  }

  /** Of the job's arguments. */
  get postgres() {
    return { connection: this.#proxy.urlOf(this.#url), schema: this.#schema };
  }

  listen(watch: ProxyWatch | undefined): void {
    this.#proxy.watch = watch ?? (() => undefined);
  }

  /** Rows as text. @throws where one is there twice */
  async read(): Promise<Written> {
    const texts = async (table: string) => {
      const found = await query(this.#url, `SELECT row::text AS text FROM ${this.#schema}.${table} row`);
      const rows = new Set(found.map(({ text }) => text as string));
      if (rows.size < found.length) throw new Error(`${found.length - rows.size} rows of ${table} are there twice.`);
      return rows;
    };
    return { "table hours": await texts("hours"), "table totals": await texts("totals") };
  }

  async drop(): Promise<void> {
    await this.#proxy.close();
    await query(this.#url, `DROP SCHEMA ${this.#schema} CASCADE`);
  }
}
