import { ExternalError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import type { Committable, Sink, SinkContext, SinkFactory, SinkStart, SinkWriter } from "../../core/sink.ts";
import { CommitLog, type SinkIdentity } from "./commit-log.ts";
import { isUnavailable } from "./errors.ts";
import { quotedIn } from "./names.ts";
import { PostgresClient, whileUnavailable } from "./postgres-client.ts";
import { checkPostgresOptions, type PostgresSinkSpec } from "./postgres-options.ts";
import { PostgresWriter, restoredSink } from "./postgres-writer.ts";
import { dropTables, type StagedRows, stagedRows, stagingPrefix, stagingTables } from "./staging.ts";
import { checkKey, findTable, keyColumns } from "./target-table.ts";

const RETRY_MS = 30_000;

/** Where and as whom a run commits. */
interface Begun extends SinkIdentity {
  readonly stagingSchema: string;
}

/**
 * Rows in a table of PostgreSQL, exactly once. Writers put them into staging tables; the commit of a checkpoint moves
 * those of all subtasks to the table and notes the checkpoint, in one transaction of the server. A run that begins takes
 * over from those before it, which then commit nothing more. In batch everything is committed at the end, or nothing.
 * @throws {PlanError} OPTION_INVALID, POSTGRES_TABLE_UNKNOWN, POSTGRES_COLUMNS, POSTGRES_KEY_NOT_UNIQUE,
 *   POSTGRES_BEHIND_COMMITS
 * @throws {ExternalError} POSTGRES_UNAVAILABLE, POSTGRES_ACCESS_DENIED, POSTGRES_CONFLICT, POSTGRES_FENCED,
 *   POSTGRES_STAGING_LOST, POSTGRES_FAILED
 * @throws {DataError} POSTGRES_VALUE_INVALID, POSTGRES_CONSTRAINT
 */
export class PostgresSink implements Sink {
  readonly spec: PostgresSinkSpec;
  readonly acceptsUpdates: boolean;
  readonly #host: Host;
  readonly #key: readonly string[];
  readonly #retryMs: number;
  #begun: Begun | undefined;
  /** What earlier runs have left is dropped once. */
  #hasDroppedOthers = false;

  constructor(spec: PostgresSinkSpec, host: Host) {
    checkPostgresOptions(spec);
    this.spec = spec;
    this.acceptsUpdates = spec.mode === "upsert";
    this.#host = host;
    this.#key = keyColumns(spec);
    this.#retryMs = spec.retryMs ?? RETRY_MS;
  }

  get description(): string {
    return `postgres ${this.spec.schema === undefined ? "" : `${this.spec.schema}.`}${this.spec.table}`;
  }

  async begin(jobId: string, { name, restored }: SinkStart): Promise<void> {
    const run = this.#runOf(jobId);
    const known = restored && restoredSink(restored.workspace, restored.state);
    const sink = known ?? `${run}/${name}`;
    await this.#withClient(async (client) => {
      const table = await findTable(client, this.spec);
      if (this.#key.length > 0) await checkKey(client, table, this.#key);
      const stagingSchema = this.spec.stagingSchema ?? table.schema;
      const begun = { sink, run, target: quotedIn(table.schema, table.name), stagingSchema };
      const log = new CommitLog(client, stagingSchema);
      await log.ensure();
      await log.register(begun, restored?.checkpointId, this.#key.length > 0);
      this.#begun = begun;
    });
  }

  createWriter(context: SinkContext): SinkWriter {
    const run = this.#runOf(context.jobId);
    return new PostgresWriter(context, this.spec, { run, sink: `${run}/${context.name}`, retryMs: this.#retryMs });
  }

  async commit(committables: readonly Committable[], isLast = true, isBranch = false): Promise<void> {
    const begun = this.#begun;
    if (begun === undefined) return;
    const staged = stagedRows(committables);
    if (isBranch) {
      await this.#commitFor(staged.filter(({ table }) => table !== null));
      return;
    }
    const own = staged.filter(({ table, target }) => table !== null && target === begun.target);
    const dropsOthers = !this.#hasDroppedOthers && own.some(({ run }) => run === begun.run);
    const moved = staged.filter(({ table, target }) => table !== null && target !== begun.target);
    if (own.length > 0 || moved.length > 0) {
      // Idempotent: what is there already is known by its staging table, which is gone.
      await this.#withClient(async (client) => {
        const log = new CommitLog(client, begun.stagingSchema);
        for (const rows of moved) if (!(await log.isCommitted(rows))) throw targetChanged(rows, begun.target);
        if (own.length > 0) await log.commit(begun, own, dropsOthers);
      });
      this.#hasDroppedOthers ||= dropsOthers;
    }
    // Nobody asks again how this run has ended.
    if (isLast && staged.some(({ isRestorable }) => !isRestorable)) await this.#forget(begun, false);
  }

  /** What a savepoint holds, as the sink that prepared it. */
  #commitFor(staged: readonly StagedRows[]): Promise<void> {
    return this.#withClient(async (client) => {
      const open = [...staged];
      while (open.length > 0) {
        const [{ sink, target, schema }] = open;
        const isSame = (rows: StagedRows): boolean => rows.sink === sink && rows.target === target;
        await new CommitLog(client, schema).commit({ sink, target }, open.filter(isSame), false);
        open.splice(0, open.length, ...open.filter((rows) => !isSame(rows)));
      }
    });
  }

  async abort(_: readonly Committable[], kept: readonly Committable[] = []): Promise<void> {
    const begun = this.#begun;
    if (begun === undefined) return;
    const spared = new Set(stagedRows(kept).flatMap(({ table }) => table ?? []));
    const { stagingSchema, sink, run } = begun;
    await unlessUnavailable(async () => {
      const client = await PostgresClient.connect(this.spec.connection);
      try {
        const own = await stagingTables(client, stagingSchema, stagingPrefix(sink, run));
        await dropTables(
          client,
          stagingSchema,
          own.filter((table) => !spared.has(table)),
        );
      } finally {
        await client.close();
      }
    });
    if (spared.size === 0) await this.#forget(begun, true);
  }

  #forget(begun: Begun, ifNothing: boolean): Promise<void> {
    return unlessUnavailable(async () => {
      const client = await PostgresClient.connect(this.spec.connection);
      try {
        await new CommitLog(client, begun.stagingSchema).forget(begun, ifNothing);
      } finally {
        await client.close();
      }
    });
  }

  /** Over a connection of its own, and again where that fails or the server does not answer. */
  #withClient(work: (client: PostgresClient) => Promise<void>): Promise<void> {
    return whileUnavailable(this.#host, this.#retryMs, async () => {
      const client = await PostgresClient.connect(this.spec.connection);
      try {
        await work(client);
      } finally {
        await client.close();
      }
    });
  }

  /** Unique among the runs of all processes: of the process, and of the job within. */
  #runOf(jobId: string): string {
    return `${this.#host.processes.token}.${jobId}`;
  }
}

export const postgresSink: SinkFactory = (spec, host) => new PostgresSink(spec as PostgresSinkSpec, host);

/** Cleaning up does not replace how a job has ended: where the server is away, the next run of the job does it. */
async function unlessUnavailable(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!isUnavailable(thrown)) throw thrown;
  }
}

const targetChanged = ({ target, rows }: StagedRows, now: string): ExternalError =>
  new ExternalError(
    "POSTGRES_TARGET_CHANGED",
    false,
    `The checkpoint holds ${rows} rows for ${target} that are not committed, and the sink now writes to ${now}.`,
    "Run the job with the former table until it has committed them, or stop it there and then change the table.",
  );
