import { type Batch, RowKind } from "../../core/batch.ts";
import { buildBatch } from "../../core/columns/build.ts";
import { readRows } from "../../core/columns/read.ts";
import { assert } from "../../core/errors.ts";
import { Schema } from "../../core/schema.ts";
import type { Committable, SinkContext, SinkWriter } from "../../core/sink.ts";
import type { SnapshotReader, SnapshotWriter } from "../../core/state-snapshot.ts";
import { utf8 } from "../../core/types.ts";
import { copyText } from "./copy-text.ts";
import { quoted, quotedIn } from "./names.ts";
import { type CopyIn, PostgresClient, whileUnavailable } from "./postgres-client.ts";
import type { PostgresSinkSpec } from "./postgres-options.ts";
import { asCommittable, createStaging, DELETED, ORDER, type StagedRows, stagingPrefix } from "./staging.ts";
import { findTable, keyColumns, matchColumns, type TargetColumn, type TargetTable } from "./target-table.ts";

const TABLE = "sink";
const SCHEMA = Schema.of({ sink: utf8 });

/** Under which name the writers of a checkpoint wrote, through all runs before it; undefined where there were none. */
export function restoredSink(workspace: SinkContext["workspace"], reader: SnapshotReader): string | undefined {
  let sink: string | undefined;
  for (const batch of reader.read(TABLE)) {
    for (const row of readRows(workspace, batch)) sink ??= row.sink as string;
    batch.release();
  }
  return sink;
}

/** Rows on their way into a staging table, within a transaction. */
interface OpenStaging {
  readonly copy: CopyIn;
  readonly table: string;
  rows: number;
  hasDeletes: boolean;
}

/** What a writer knows of the table that its rows are for. */
interface Target {
  readonly table: TargetTable;
  readonly columns: readonly TargetColumn[];
}

/** Writes the rows of one subtask into staging tables, over a connection of its own. */
export class PostgresWriter implements SinkWriter {
  readonly #context: SinkContext;
  readonly #spec: PostgresSinkSpec;
  readonly #retryMs: number;
  readonly #key: readonly string[];
  readonly #run: string;
  #sink: string;
  #client: PostgresClient | undefined;
  #target: Target | undefined;
  #staging: OpenStaging | undefined;
  #stagingCount = 0;
  #rowCount = 0;
  #lastCheckpoint = 0;
  #isClosed = false;

  constructor(context: SinkContext, spec: PostgresSinkSpec, options: { run: string; sink: string; retryMs: number }) {
    this.#context = context;
    this.#spec = spec;
    this.#run = options.run;
    this.#sink = options.sink;
    this.#retryMs = options.retryMs;
    this.#key = keyColumns(spec);
  }

  async write(batch: Batch): Promise<void> {
    if (batch.rowCount === 0) return;
    this.#staging ??= await this.#open();
    const staging = this.#staging;
    const columns = this.#target?.columns ?? [];
    const { workspace } = this.#context;
    const prefix = this.#key.length === 0 ? undefined : this.#orderOf(batch, staging);
    const options = { firstRow: this.#rowCount, ...(prefix === undefined ? {} : { prefix }) };
    for (const piece of copyText(workspace, batch, columns, options)) await staging.copy.write(piece);
    staging.rows += batch.rowCount;
    this.#rowCount += batch.rowCount;
    this.#context.count("rowsStaged", batch.rowCount);
  }

  async prepareCheckpoint(checkpointId: number): Promise<readonly Committable[]> {
    this.#lastCheckpoint = checkpointId;
    return this.#staging === undefined ? [] : [asCommittable(await this.#finish(checkpointId))];
  }

  snapshotState(writer: SnapshotWriter): void {
    writer.write(TABLE, "union", buildBatch(this.#context.workspace, SCHEMA, [{ sink: this.#sink }]));
  }

  restoreState(reader: SnapshotReader): void {
    // The job that the savepoint was taken of may go on as the sink that it was.
    if (this.#context.isBranch === true) return;
    this.#sink = restoredSink(this.#context.workspace, reader) ?? this.#sink;
  }

  async prepareCommit(): Promise<Committable> {
    // The next checkpoint is the first to hold it.
    const rows = await this.#finish(this.#lastCheckpoint + 1);
    this.#isClosed = true;
    await this.#client?.close();
    return asCommittable(rows);
  }

  /** What is staged and not prepared goes with the connection. */
  close(): void {
    this.#isClosed = true;
    void this.#client?.close();
  }

  /** A transaction in which the staging table is made and filled. Nothing is lost where it has to be begun again. */
  #open(): Promise<OpenStaging> {
    return whileUnavailable(this.#context.host, this.#retryMs, async () => {
      const client = await this.#connected();
      this.#target ??= await this.#findTarget(client);
      const { table, columns } = this.#target;
      const name = `${stagingPrefix(this.#sink, this.#run)}${this.#context.subtask}_${this.#stagingCount++}`;
      const staging = quotedIn(this.#spec.stagingSchema ?? table.schema, name);
      const doing = `write rows to ${staging}`;
      await client.begin(doing);
      const required = columns.map((column) => ({
        ...column,
        isRequired: column.isRequired || this.#key.includes(column.name),
      }));
      await createStaging(client, staging, required, {
        isOrdered: this.#key.length > 0,
        comment: `Millrace: rows for ${quotedIn(table.schema, table.name)} of sink ${this.#sink}, run ${this.#run}`,
      });
      const order = this.#key.length > 0 ? [ORDER, DELETED] : [];
      const names = [...order, ...columns.map((column) => column.name)].map(quoted).join(", ");
      const copy = client.copyInto(doing, `COPY ${staging} (${names}) FROM STDIN`);
      await copy.started;
      return { copy, table: name, rows: 0, hasDeletes: false };
    });
  }

  async #connected(): Promise<PostgresClient> {
    if (this.#client?.isUsable !== true) {
      await this.#client?.close();
      this.#client = await PostgresClient.connect(this.#spec.connection);
      // The job ended meanwhile.
      if (this.#isClosed) await this.#client.close();
    }
    return this.#client;
  }

  async #findTarget(client: PostgresClient): Promise<Target> {
    const table = await findTable(client, this.#spec);
    return { table, columns: matchColumns(table, this.#context.schema, this.#spec) };
  }

  /** The place of each row among the rows of the staging table, and whether it removes the row of its key. */
  #orderOf({ rowKinds }: Batch, staging: OpenStaging): (row: number) => string {
    if (rowKinds === undefined) return (row) => `${staging.rows + row}\tf\t`;
    const { i8 } = this.#context.workspace;
    return (row) => {
      const kind = i8[rowKinds.data + row];
      // What an update takes back may have had another key. Of its own key, what it puts there comes later and counts.
      const isDelete = kind === RowKind.delete || kind === RowKind.updateBefore;
      if (isDelete) staging.hasDeletes = true;
      return `${staging.rows + row}\t${isDelete ? "t" : "f"}\t`;
    };
  }

  /** Ends the open staging table, if there is one: it is on stable storage then. */
  async #finish(checkpoint: number): Promise<StagedRows> {
    const staging = this.#staging;
    this.#staging = undefined;
    const schema = this.#spec.stagingSchema ?? this.#target?.table.schema ?? "";
    const target = this.#target === undefined ? "" : quotedIn(this.#target.table.schema, this.#target.table.name);
    const of = {
      sink: this.#sink,
      run: this.#run,
      target,
      subtask: this.#context.subtask,
      checkpoint,
      schema,
      columns: this.#target?.columns.map(({ name }) => name) ?? [],
      key: this.#key,
      isRestorable: this.#context.hasCheckpoints === true,
    };
    if (staging === undefined) return { ...of, table: null, rows: 0, hasDeletes: false };
    const { copy, table, rows, hasDeletes } = staging;
    const copied = await copy.finish();
    assert(copied === rows, `the server took ${copied} of ${rows} rows`);
    // Where the connection is lost here nobody is told of the table, and the job goes on from the checkpoint before.
    await this.#client?.query(`stage rows for ${target}`, "COMMIT");
    return { ...of, table, rows, hasDeletes };
  }
}
