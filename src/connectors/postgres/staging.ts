import type { Committable } from "../../core/sink.ts";
import { xxh64 } from "../parquet/xxh64.ts";
import { literal, quoted, quotedIn } from "./names.ts";
import type { PostgresClient } from "./postgres-client.ts";

/*
 * Rows wait for their checkpoint in staging tables: one for each subtask and checkpoint that has rows. A writer makes it,
 * fills it by COPY and commits all that in one transaction where the barrier passes, so that what a writer which dies has
 * begun is gone by itself. A staging table is logged: it must survive a crash of the server as the checkpoint does that
 * names it. The sink's commit moves its rows and drops it in one transaction, so it is there until they have been moved.
 */

/** What one writer has prepared. */
export interface StagedRows {
  /** Names the sink through all runs of the job. */
  readonly sink: string;
  /** The run that wrote them. */
  readonly run: string;
  /** The table that they are for, in SQL. */
  readonly target: string;
  readonly subtask: number;
  /** Not above the number of any checkpoint that holds them. */
  readonly checkpoint: number;
  readonly schema: string;
  /** Null where there are no rows. */
  readonly table: string | null;
  /** Columns that they fill. */
  readonly columns: readonly string[];
  /** Those of the key of which the last row counts; none where every row is added. */
  readonly key: readonly string[];
  readonly rows: number;
  /** Whether some of them remove the row of their key. */
  readonly hasDeletes: boolean;
  /** False where the job takes no checkpoints: nobody commits them again. */
  readonly isRestorable: boolean;
}

export const asCommittable = (rows: StagedRows): Committable => ({
  ...rows,
  columns: [...rows.columns],
  key: [...rows.key],
});

export const stagedRows = (committables: readonly Committable[]): StagedRows[] =>
  committables as unknown as StagedRows[];

/** Beside the columns of the rows, where the last row of a key counts. */
export const ORDER = "millrace_row";
export const DELETED = "millrace_deleted";

const encoder = new TextEncoder();
const hash = (text: string): string => xxh64(encoder.encode(text)).toString(16).padStart(16, "0");

/** How the names of the staging tables of a sink begin, or of one run of it. */
export const stagingPrefix = (sink: string, run?: string): string =>
  `millrace_${hash(sink)}_${run === undefined ? "" : `${hash(run)}_`}`;

/** Staging tables whose names begin with a prefix. */
export async function stagingTables(client: PostgresClient, schema: string, prefix: string): Promise<string[]> {
  const rows = await client.query(
    "look for staging tables",
    `SELECT c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind = 'r' AND pg_catalog.starts_with(c.relname, $2)`,
    [schema, prefix],
  );
  return rows.map(({ name }) => name as string);
}

export async function dropTables(client: PostgresClient, schema: string, tables: readonly string[]): Promise<void> {
  if (tables.length === 0) return;
  const names = tables.map((table) => quotedIn(schema, table)).join(", ");
  await client.query("drop staging tables", `DROP TABLE IF EXISTS ${names}`);
}

/** `columns` as their types are written in SQL. */
export async function createStaging(
  client: PostgresClient,
  staging: string,
  columns: readonly { readonly name: string; readonly type: string; readonly isRequired: boolean }[],
  about: { readonly isOrdered: boolean; readonly comment: string },
): Promise<void> {
  const order = about.isOrdered ? [`${quoted(ORDER)} bigint NOT NULL`, `${quoted(DELETED)} boolean NOT NULL`] : [];
  const own = columns.map(({ name, type, isRequired }) => `${quoted(name)} ${type}${isRequired ? " NOT NULL" : ""}`);
  await client.query(
    `make the staging table ${staging}`,
    `CREATE TABLE ${staging} (${[...order, ...own].join(", ")}) WITH (autovacuum_enabled = off);
     COMMENT ON TABLE ${staging} IS ${literal(about.comment)}`,
  );
}

/** Moves rows to their table, in a transaction of the caller's. With a key the last row of each key counts. */
export async function moveRows(client: PostgresClient, staged: StagedRows): Promise<void> {
  const { target, schema, table, key, hasDeletes } = staged;
  if (table === null) return;
  const staging = quotedIn(schema, table);
  const columns = staged.columns.map(quoted).join(", ");
  const doing = `write the rows of ${staging} to ${target}`;
  if (key.length === 0) {
    await client.query(doing, `INSERT INTO ${target} (${columns}) SELECT ${columns} FROM ${staging}`);
    return;
  }
  const by = key.map(quoted).join(", ");
  const last = `(SELECT DISTINCT ON (${by}) * FROM ${staging} ORDER BY ${by}, ${quoted(ORDER)} DESC) AS s`;
  if (hasDeletes) {
    const same = key.map((name) => `t.${quoted(name)} = s.${quoted(name)}`).join(" AND ");
    await client.query(doing, `DELETE FROM ${target} AS t USING ${last} WHERE ${same} AND s.${quoted(DELETED)}`);
  }
  const others = staged.columns.filter((name) => !key.includes(name));
  const update = others.map((name) => `${quoted(name)} = EXCLUDED.${quoted(name)}`).join(", ");
  await client.query(
    doing,
    `INSERT INTO ${target} (${columns}) SELECT ${columns} FROM ${last} WHERE NOT s.${quoted(DELETED)}
     ON CONFLICT (${by}) DO ${update === "" ? "NOTHING" : `UPDATE SET ${update}`}`,
  );
}
