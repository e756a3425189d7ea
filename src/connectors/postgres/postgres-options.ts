import { describeValue } from "../../core/describe-value.ts";
import { PlanError } from "../../core/errors.ts";
import type { SinkSpec } from "../../core/sink.ts";

/** Where a server is, as `pg` takes it; what is absent comes from the environment (PGHOST, PGPASSWORD, ...). */
export interface PostgresConnection {
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  /** True, or the options of Node's TLS sockets that are plain data: `{ ca, rejectUnauthorized }`. */
  readonly ssl?: boolean | Readonly<Record<string, unknown>>;
  readonly connectionTimeoutMillis?: number;
}

export interface PostgresSinkOptions {
  /** A URL, `postgres://user:password@host:5432/database`, or its parts; default: what the environment says. */
  readonly connection?: string | PostgresConnection;
  /** A table that is there, as it is named in the catalogue: without quotes, and without its schema. */
  readonly table: string;
  /** Of the table; default: where the server finds it. */
  readonly schema?: string;
  /** Names in the table of columns that are called otherwise in the stream: `{ id: "order_id" }`. */
  readonly columns?: Readonly<Record<string, string>>;
  /**
   * "insert" (default) adds every row. "upsert" keeps one row per key: rows replace the one of their key, and in a
   * changelog those that are taken back remove it.
   */
  readonly mode?: "insert" | "upsert";
  /** With "upsert": the columns of the stream that make the key. The table has a unique index on them. */
  readonly key?: string | readonly string[];
  /** Where the sink has tables of its own; default: the schema of the table. It is there, and its tables may be made. */
  readonly stagingSchema?: string;
  /** How long a server that does not answer is tried again before the job fails, in milliseconds; default 30,000. */
  readonly retryMs?: number;
}

export interface PostgresSinkSpec extends SinkSpec, PostgresSinkOptions {
  readonly kind: "postgres";
}

export const POSTGRES_OPTIONS: readonly string[] = Object.keys({
  connection: true,
  table: true,
  schema: true,
  columns: true,
  mode: true,
  key: true,
  stagingSchema: true,
  retryMs: true,
} satisfies Record<keyof PostgresSinkOptions, true>);

/** Columns of the stream that make the key; none where rows are added. */
export const keyOf = ({ key = [] }: PostgresSinkOptions): readonly string[] => (typeof key === "string" ? [key] : key);

/** Values that plain JavaScript could get wrong; names of options have been checked. @throws {PlanError} OPTION_INVALID */
export function checkPostgresOptions(options: PostgresSinkOptions): void {
  const { connection, table, schema, columns = {}, mode = "insert", key, stagingSchema, retryMs = 0 } = options;
  const isName = (value: unknown) => typeof value === "string" && value !== "" && !value.includes("\0");
  const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  const keys = keyOf(options);
  check(isName(table), "table", table, "It is the name of a table.");
  check(schema === undefined || isName(schema), "schema", schema, "It is the name of a schema.");
  check(stagingSchema === undefined || isName(stagingSchema), "stagingSchema", stagingSchema, "It names a schema.");
  check(mode === "insert" || mode === "upsert", "mode", mode, 'It is "insert" or "upsert".');
  const isColumns = isObject(columns) && Object.values(columns).every(isName);
  check(isColumns, "columns", columns, 'It is an object of names: { id: "order_id" }.');
  const isKey = Array.isArray(keys) && keys.every(isName) && new Set(keys).size === keys.length;
  check(isKey && (key === undefined || keys.length > 0), "key", key, "It is a column, or a list of columns.");
  check(mode === "insert" || keys.length > 0, "key", key, 'With mode: "upsert" it names the columns of the key.');
  check(mode === "upsert" || key === undefined, "key", key, 'It has a meaning with mode: "upsert" only.');
  check(typeof retryMs === "number" && retryMs >= 0, "retryMs", retryMs, "It is a number of milliseconds from 0.");
  const isPlace = connection === undefined || isName(connection) || isObject(connection);
  check(isPlace, "connection", typeof connection, "It is a URL (postgres://user@host/database) or its parts.");
}

function check(holds: boolean, name: string, value: unknown, hint: string): void {
  if (!holds) throw new PlanError("OPTION_INVALID", `${name} of a PostgreSQL sink is ${describeValue(value)}.`, hint);
}
