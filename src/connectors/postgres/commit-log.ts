import { ExternalError, PlanError } from "../../core/errors.ts";
import { quotedIn } from "./names.ts";
import type { PostgresClient } from "./postgres-client.ts";
import { dropTables, moveRows, type StagedRows, stagingPrefix, stagingTables } from "./staging.ts";

const NAME = "millrace_commits";
/** A run that stops within a commit holds the others up no longer than this. */
const IDLE_LIMIT = "SET LOCAL idle_in_transaction_session_timeout = '60s'";

/** Which sink, as which run of it, writes to which table. */
export interface SinkIdentity {
  readonly sink: string;
  readonly run: string;
  readonly target: string;
}

/**
 * The table millrace_commits: a row for each sink and table, with the run that may commit and the newest checkpoint that
 * it has committed. Every commit locks the row, so that it is known to be of the newest run, and changes it together with
 * the rows that it writes, so that whoever does not know how a commit has ended can look.
 */
export class CommitLog {
  readonly #client: PostgresClient;
  readonly #schema: string;
  readonly #table: string;

  constructor(client: PostgresClient, schema: string) {
    this.#client = client;
    this.#schema = schema;
    this.#table = quotedIn(schema, NAME);
  }

  /** Makes the table where it is not there. */
  async ensure(): Promise<void> {
    // Whoever may write to it need not be allowed to make it.
    if (await this.#isThere()) return;
    try {
      await this.#client.query(
        `make the table ${this.#table}`,
        `CREATE TABLE IF NOT EXISTS ${this.#table} (
           sink text NOT NULL, target text NOT NULL, run text NOT NULL, checkpoint bigint NOT NULL,
           changed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (sink, target));
         COMMENT ON TABLE ${this.#table} IS 'Millrace: the newest checkpoint of each sink whose rows are committed'`,
      );
    } catch (thrown) {
      // Two that make it at once meet in the catalogue.
      if (!(await this.#isThere())) throw thrown;
    }
  }

  /**
   * A run begins: those before it commit nothing from now on. `checkpoint`: what it goes on from.
   * @throws {PlanError} POSTGRES_BEHIND_COMMITS where the rows that it would write are there already, and would be doubled
   */
  async register({ sink, run, target }: SinkIdentity, checkpoint: number | undefined, isIdempotent: boolean) {
    const doing = `note the run in ${this.#table}`;
    await this.#client.transaction(doing, async () => {
      await this.#client.query(doing, IDLE_LIMIT);
      await this.#client.query(
        doing,
        `INSERT INTO ${this.#table} (sink, target, run, checkpoint) VALUES ($1, $2, $3, 0)
         ON CONFLICT (sink, target) DO UPDATE SET run = EXCLUDED.run, changed_at = now()`,
        [sink, target, run],
      );
      const { committed } = await this.#entry(sink, target);
      if (checkpoint === undefined || committed <= checkpoint) return;
      if (!isIdempotent) throw behind({ sink, target }, checkpoint, committed, this.#table);
      await this.#note(sink, target, checkpoint);
    });
  }

  /**
   * Moves what is staged for one table and is not there yet, and notes that, in one transaction. Staging tables of
   * earlier runs that nobody will ask for are dropped with them where `dropsOthers`. Without `run` for another job, which
   * may do the same at the same time.
   * @throws {ExternalError} POSTGRES_FENCED, POSTGRES_STAGING_LOST
   */
  async commit(
    { sink, run, target }: Omit<SinkIdentity, "run"> & { readonly run?: string },
    staged: readonly StagedRows[],
    dropsOthers: boolean,
  ): Promise<void> {
    const doing = `commit rows to ${target}`;
    await this.#client.transaction(doing, async () => {
      await this.#client.query(doing, IDLE_LIMIT);
      const entry = await this.#entry(sink, target);
      if (run !== undefined && entry.run !== run) throw fenced(target, run, entry.run);
      const waiting = new Set(await stagingTables(this.#client, this.#schema, stagingPrefix(sink)));
      for (const rows of inOrder(staged)) {
        if (rows.table === null) continue;
        if (waiting.has(rows.table)) await moveRows(this.#client, rows);
        else if (rows.checkpoint > entry.committed) throw lost(rows, entry.committed);
      }
      const newest = Math.max(entry.committed, ...staged.map(({ checkpoint }) => checkpoint));
      await this.#note(sink, target, newest);
      const moved = new Set(staged.map(({ table }) => table));
      const own = stagingPrefix(sink, run);
      const gone = [...waiting].filter((name) => moved.has(name) || (dropsOthers && !name.startsWith(own)));
      await dropTables(this.#client, this.#schema, gone);
    });
  }

  /** Whether rows for a table that the sink has no more are known to be there. */
  async isCommitted({ sink, target, table, checkpoint }: StagedRows): Promise<boolean> {
    if (table === null) return true;
    const { committed } = await this.#entry(sink, target);
    return committed >= checkpoint && !(await stagingTables(this.#client, this.#schema, table)).includes(table);
  }

  /** Forgets a sink of which nothing is staged, and which nobody will restore. `ifNothing`: only if it committed nothing. */
  async forget({ sink, target }: SinkIdentity, ifNothing: boolean): Promise<void> {
    const condition = ifNothing ? " AND checkpoint = 0" : "";
    await this.#client.query(
      `remove a row of ${this.#table}`,
      `DELETE FROM ${this.#table} WHERE sink = $1 AND target = $2${condition}`,
      [sink, target],
    );
  }

  async #isThere(): Promise<boolean> {
    const [row] = await this.#client.query(
      `look for ${this.#table}`,
      "SELECT pg_catalog.to_regclass($1) IS NOT NULL AS found",
      [this.#table],
    );
    return row?.found === true;
  }

  async #note(sink: string, target: string, checkpoint: number): Promise<void> {
    await this.#client.query(
      `note a commit in ${this.#table}`,
      `UPDATE ${this.#table} SET checkpoint = $3, changed_at = now() WHERE sink = $1 AND target = $2`,
      [sink, target, checkpoint],
    );
  }

  /** Locked until the transaction ends. */
  async #entry(sink: string, target: string): Promise<{ run: string | undefined; committed: number }> {
    const [row] = await this.#client.query(
      `read ${this.#table}`,
      `SELECT run, checkpoint FROM ${this.#table} WHERE sink = $1 AND target = $2 FOR UPDATE`,
      [sink, target],
    );
    return { run: row?.run as string | undefined, committed: Number(row?.checkpoint ?? 0) };
  }
}

/** Later rows of a key replace earlier ones. */
const inOrder = (staged: readonly StagedRows[]): StagedRows[] =>
  [...staged].sort((a, b) => a.checkpoint - b.checkpoint || a.subtask - b.subtask);

const fenced = (target: string, run: string, newest: string | undefined): ExternalError =>
  new ExternalError(
    "POSTGRES_FENCED",
    false,
    newest === undefined
      ? `The row of run "${run}" in ${NAME} is gone, so that nobody knows whether it may still write to ${target}.`
      : `Run "${newest}" of this job has taken over ${target}: run "${run}" commits nothing more.`,
    "Let one run of a job write at a time; nothing of this one was lost or doubled.",
  );

const lost = ({ schema, table, rows }: StagedRows, committed: number): ExternalError =>
  new ExternalError(
    "POSTGRES_STAGING_LOST",
    false,
    `${rows} rows of a complete checkpoint are not in their staging table "${schema}"."${table}", and ${NAME} tells of nothing committed behind checkpoint ${committed}.`,
    "Put the database back to where it was, or restore the job from an older checkpoint: to go on would lose them.",
  );

const behind = (
  of: Pick<SinkIdentity, "sink" | "target">,
  checkpoint: number,
  committed: number,
  table: string,
): PlanError =>
  new PlanError(
    "POSTGRES_BEHIND_COMMITS",
    `The job was to go on from checkpoint ${checkpoint}, and its rows up to checkpoint ${committed} are in ${of.target} already: they would be written twice.`,
    `Restore a newer checkpoint, write with mode: "upsert", or remove those rows from the table and then the row of ${table} whose sink is '${of.sink}'.`,
  );
