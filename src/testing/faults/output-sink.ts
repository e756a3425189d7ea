import type { Batch } from "../../core/batch.ts";
import { readRows } from "../../core/columns/read.ts";
import type { Committable, Sink, SinkContext, SinkWriter } from "../../core/sink.ts";
import type { Workspace } from "../../core/workspace.ts";
import type { StoreClient, TransactionalStore, WrittenRow } from "./transactional-store.ts";

/** What a writer has prepared: nothing where it had no rows. */
interface Prepared {
  readonly transaction: string;
}

/** A sink in two phases into one output of a store; changelogs are taken too. */
export class OutputSink implements Sink {
  readonly spec = { kind: "fault-check-output" };
  readonly description: string;
  readonly staysWithCaller = true;
  readonly acceptsUpdates = true;
  readonly #store: TransactionalStore;
  readonly #client: StoreClient;
  #job = "";

  constructor(output: string, store: TransactionalStore, client: StoreClient) {
    this.description = output;
    this.#store = store;
    this.#client = client;
  }

  begin(jobId: string): void {
    this.#job = jobId;
  }

  createWriter({ workspace, jobId }: SinkContext): SinkWriter {
    let rows: WrittenRow[] = [];
    const prepare = (): Prepared => {
      const taken = rows;
      rows = [];
      return { transaction: this.#store.prepare(this.#client, this.description, jobId, taken) };
    };
    return {
      write: (batch) => {
        rows.push(...writtenRows(workspace, batch));
      },
      prepareCheckpoint: () => (rows.length === 0 ? [] : [prepare() as unknown as Committable]),
      prepareCommit: () => (rows.length === 0 ? null : (prepare() as unknown as Committable)),
      close: () => undefined,
    };
  }

  async commit(committables: readonly Committable[]): Promise<void> {
    for (const id of transactionsOf(committables)) await this.#store.commit(this.#client, id);
  }

  abort(_: readonly Committable[], kept: readonly Committable[] = []): void {
    this.#store.abort(this.#client, this.description, this.#job, new Set(transactionsOf(kept)));
  }
}

const transactionsOf = (committables: readonly Committable[]): string[] =>
  committables.flatMap((each) => (each === null ? [] : [(each as unknown as Prepared).transaction]));

function writtenRows(workspace: Workspace, batch: Batch): WrittenRow[] {
  const kinds = batch.rowKinds?.data;
  return readRows(workspace, batch).map((row, i) => ({
    row,
    // Kinds with an odd number take a row back.
    change: kinds !== undefined && (workspace.i8[kinds + i] & 1) === 1 ? -1 : 1,
  }));
}
