import type { Client, Connection, Submittable } from "pg";
import type { Host } from "../../core/host.ts";
import { connectionLost, isUnavailable, postgresError } from "./errors.ts";
import type { PostgresConnection } from "./postgres-options.ts";

type Row = Record<string, unknown>;

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;

/** One connection to a server. Errors are typed. */
export class PostgresClient {
  readonly #client: Client;
  #lost: unknown;

  private constructor(client: Client) {
    this.#client = client;
    // Without a listener, an idle connection that is lost would end the process.
    client.on("error", (error) => {
      this.#lost ??= error;
    });
    client.on("end", () => {
      this.#lost ??= new Error("the connection has ended");
    });
  }

  /** @throws {ExternalError} POSTGRES_UNAVAILABLE, POSTGRES_ACCESS_DENIED */
  static async connect(place: string | PostgresConnection | undefined): Promise<PostgresClient> {
    const { default: pg } = await import("pg");
    const given = typeof place === "string" ? { connectionString: place } : { ...place };
    const client = new pg.Client({ application_name: "millrace", keepAlive: true, ...given });
    const made = new PostgresClient(client);
    try {
      await client.connect();
    } catch (thrown) {
      void made.close();
      throw postgresError(thrown, "be connected to");
    }
    return made;
  }

  /** False once it is known to be lost. */
  get isUsable(): boolean {
    return this.#lost === undefined;
  }

  /** `doing` is for messages: "PostgreSQL could not <doing>". */
  async query(doing: string, text: string, values?: readonly unknown[]): Promise<Row[]> {
    if (!this.isUsable) throw connectionLost(String(this.#lost), this.#lost);
    try {
      return (await this.#client.query(text, values)).rows;
    } catch (thrown) {
      const error = postgresError(thrown, doing);
      if (isUnavailable(error)) this.#lost ??= thrown;
      throw error;
    }
  }

  /** All or nothing; where the connection is lost at the end, it may be either. */
  async transaction<T>(doing: string, work: () => Promise<T>): Promise<T> {
    await this.begin(doing);
    let result: T;
    try {
      result = await work();
    } catch (thrown) {
      if (this.isUsable) await this.query(doing, "ROLLBACK").catch(() => undefined);
      throw thrown;
    }
    await this.query(doing, "COMMIT");
    return result;
  }

  /** Begins a transaction that neither idling nor its length ends, and whose commit lasts. */
  async begin(doing: string): Promise<void> {
    await this.query(
      doing,
      `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
       SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
       SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local')`,
    );
  }

  /** COPY table (columns) FROM STDIN, in the text format. */
  copyInto(doing: string, sql: string): CopyIn {
    return this.#client.query(new CopyIn(sql, doing));
  }

  /** An open transaction is rolled back. */
  async close(): Promise<void> {
    this.#lost ??= new Error("it was closed");
    await this.#client.end().catch(() => undefined);
  }
}

/** Bytes on their way into a table. */
export class CopyIn implements Submittable {
  readonly #sql: string;
  readonly #doing: string;
  /** The server waits for rows. */
  readonly started: Promise<void>;
  readonly #ended: Promise<number>;
  #connection: Connection | undefined;
  #failure: { readonly error: unknown } | undefined;
  #rowCount = 0;
  #onStart: () => void = () => undefined;
  #onEnd: (rowCount: number) => void = () => undefined;
  #onFailure: (error: unknown) => void = () => undefined;

  constructor(sql: string, doing: string) {
    this.#sql = sql;
    this.#doing = doing;
    const started = new Promise<void>((resolve) => {
      this.#onStart = resolve;
    });
    this.#ended = new Promise<number>((resolve, reject) => {
      this.#onEnd = resolve;
      this.#onFailure = reject;
    });
    // Whoever waits next hears of a failure.
    this.#ended.catch(() => undefined);
    this.started = Promise.race([started, this.#ended.then(() => undefined)]);
    this.started.catch(() => undefined);
  }

  /** Waits while the server is behind. The bytes must not change afterwards. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.started;
    if (this.#failure !== undefined) throw this.#failure.error;
    const stream = this.#connection?.stream;
    if (stream === undefined) return;
    // CopyData: 'd', the length with itself, and any piece of the rows.
    const head = new Uint8Array(5);
    head[0] = 0x64;
    new DataView(head.buffer).setUint32(1, bytes.length + 4);
    stream.write(head);
    if (stream.write(bytes) || !stream.writableNeedDrain) return;
    let drained: () => void = () => undefined;
    const drain = new Promise<void>((resolve) => {
      drained = resolve;
      stream.once("drain", resolve);
    });
    try {
      // A server that has refused a row reads on, and one that is gone ends this too.
      await Promise.race([drain, this.#ended]);
    } finally {
      stream.off("drain", drained);
    }
  }

  /** All rows are in the table; their number. */
  async finish(): Promise<number> {
    await this.started;
    if (this.#failure === undefined) this.#connection?.endCopyFrom();
    return this.#ended;
  }

  submit(connection: Connection): undefined {
    connection.query(this.#sql);
  }

  handleCopyInResponse(connection: Connection): void {
    this.#connection = connection;
    this.#onStart();
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#rowCount = Number(text.split(" ")[1]);
  }

  handleError(error: Error): void {
    this.#failure = { error: postgresError(error, this.#doing) };
    this.#onFailure(this.#failure.error);
  }

  handleReadyForQuery(): void {
    this.#onEnd(this.#rowCount);
  }
}

/**
 * Does something again while the server does not answer, with growing pauses, until `retryMs` have passed since it last
 * did: a restart of the server is no reason to fail. What is done must be idempotent.
 */
export async function whileUnavailable<T>(host: Host, retryMs: number, work: () => Promise<T>): Promise<T> {
  const startMs = host.clock.monotonicMs();
  for (let pauseMs = FIRST_RETRY_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_RETRY_MS)) {
    try {
      return await work();
    } catch (thrown) {
      if (!isUnavailable(thrown) || host.clock.monotonicMs() - startMs + pauseMs > retryMs) throw thrown;
    }
    await new Promise<void>((resolve) => {
      host.scheduler.after(pauseMs, resolve);
    });
  }
}
