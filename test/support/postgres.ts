import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { startPostgres, VARIABLES } from "../../scripts/services/postgres.mjs";

/**
 * The URL of a server for tests: that of the environment, or one that the test files of this run share. Undefined, with a
 * line that says so, where there is none and MILLRACE_REQUIRE_SERVICES does not ask for it.
 */
export async function postgresUrl(): Promise<string | undefined> {
  for (const variable of VARIABLES) if (process.env[variable] !== undefined) return process.env[variable];
  try {
    return await sharedServer();
  } catch (thrown) {
    if (process.env.MILLRACE_REQUIRE_SERVICES === "1") throw thrown;
    console.warn(`SKIPPED: no PostgreSQL for these tests. ${(thrown as Error).message}`);
    return undefined;
  }
}

async function sharedServer(): Promise<string> {
  const { MILLRACE_SERVICES_RUN: directory = "", MILLRACE_SERVICES_PID: pid } = process.env;
  const noted = join(directory, "postgres.json");
  const failed = join(directory, "postgres.failed");
  try {
    mkdirSync(join(directory, "postgres.starting"));
  } catch {
    // Another test file starts it.
    while (!existsSync(noted) && !existsSync(failed)) await sleep(50);
    if (existsSync(failed)) throw new Error(readFileSync(failed, "utf8"));
    return JSON.parse(readFileSync(noted, "utf8")).url as string;
  }
  try {
    const { url, pid: server, folder } = await startPostgres({ watchedPid: Number(pid) });
    writeFileSync(`${noted}.unfinished`, JSON.stringify({ url, pid: server, folder }));
    renameSync(`${noted}.unfinished`, noted);
    return url;
  } catch (thrown) {
    writeFileSync(failed, (thrown as Error).message);
    throw thrown;
  }
}

type Rows = Record<string, unknown>[];

/** A schema of a test's own in a database. */
export interface TestDatabase {
  readonly url: string;
  readonly schema: string;
  /** Statements with `$schema` in place of its name. */
  sql(text: string): Promise<Rows>;
}

let count = 0;

/** Makes a schema, and drops it behind the test. */
export async function withDatabase(url: string, test: (database: TestDatabase) => Promise<void>): Promise<void> {
  const schema = `millrace_test_${process.pid}_${count++}_${Date.now().toString(36)}`;
  const database = { url, schema, sql: (text: string) => query(url, text.replaceAll("$schema", schema)) };
  await database.sql("CREATE SCHEMA $schema");
  try {
    await test(database);
  } finally {
    await database.sql("DROP SCHEMA $schema CASCADE");
  }
}

export async function query(url: string, text: string): Promise<Rows> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** Names of the sink's own tables that are there, but for the table of commits. */
export async function stagingLeft({ sql }: TestDatabase): Promise<string[]> {
  const rows = await sql(
    "SELECT relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = '$schema' AND relkind = 'r' AND relname LIKE 'millrace\\_%\\_%\\_%'",
  );
  return rows.map(({ name }) => name as string);
}
