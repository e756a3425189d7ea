import { InternalError, PlanError } from "../core/errors.ts";
import type { Schema } from "../core/schema.ts";
import type { Sink, SinkSpec } from "../core/sink.ts";
import type { StoredPart, StoredParts } from "./stored-parts.ts";
import { STORED_KIND, StoredSource, splitsOf, type TableLease } from "./stored-source.ts";

/** The threads in whose memories a table lies. */
export interface TableHome {
  /** Resolves with the number of blocks that were still referred to; threads that have ended hold nothing. */
  freeTable(table: string): Promise<number>;
}

/**
 * Where a table lies, apart from the table itself: what must be freed when the table is collected as garbage.
 */
export class TablePlace {
  readonly table: string;
  #home: TableHome | undefined;

  constructor(table: string) {
    this.table = table;
  }

  set(home: TableHome): void {
    this.#home = home;
  }

  /** Resolves with the number of blocks that somebody still refers to. */
  async free(): Promise<number> {
    const home = this.#home;
    this.#home = undefined;
    return (await home?.freeTable(this.table)) ?? 0;
  }
}

/**
 * Rows kept in memory between jobs: a persisted dataset, or the state of an iteration.
 *
 * - Filled by one job through `sink`: each subtask keeps what it made in its own thread's memory (`StoredParts`). The
 *   job's commit makes them the table; if it fails or is cancelled, every thread frees what it kept, and the table stays
 *   empty.
 * - Read by later jobs through `source`, in place on the thread that holds a batch, by one copy on any other. A job has
 *   a lease on the tables that it reads.
 * - Freed by `release`, once no lease is left, or when nothing refers to it or to a source of it any more. A thread
 *   that dies takes nothing with it: its memory stays readable as long as the table.
 */
export class StoredTable implements TableLease {
  readonly schema: Schema;
  readonly place: TablePlace;
  #parts: readonly StoredPart[] = [];
  #rowCount = 0;
  #byteLength = 0;
  #leases = 0;
  /** Of a job that read it: such a job may leave references behind, as it may leave blocks. */
  #hadFailure = false;
  #released: Promise<void> | undefined;
  #onIdle: () => void = () => undefined;

  /** `id` is unique in the process. */
  constructor(id: string, schema: Schema) {
    this.schema = schema;
    this.place = new TablePlace(id);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Bytes of the rows; dictionaries are left out. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Fills the table, once. Set its place before the job runs. */
  sink(): Sink {
    const { place, schema } = this;
    return {
      spec: { kind: STORED_KIND, table: place.table, fields: schema.fields },
      description: "memory",
      begin: () => undefined,
      createWriter: () => {
        throw new InternalError("Writers of a stored table are made by the threads that keep its parts");
      },
      commit: (committables) => this.#fill(committables.flatMap((each) => each as unknown as StoredPart[])),
      abort: async () => {
        await place.free();
      },
    };
  }

  /** @throws {PlanError} DATASET_UNPERSISTED */
  source(description: string): StoredSource {
    this.#checkUsable();
    const parts = this.#parts.map(({ home, key, memory, layout }) => ({ home, key, memory, layout }));
    const { fields, names } = this.schema;
    return new StoredSource(
      { kind: STORED_KIND, table: this.place.table, fields, columns: names, parts },
      {
        splits: splitsOf(this.#parts, description),
        statistics: { rows: this.#rowCount, bytes: this.#byteLength },
        description,
        lease: this,
      },
    );
  }

  begin(): void {
    this.#checkUsable();
    this.#leases++;
  }

  end(succeeded: boolean): void {
    if (!succeeded) this.#hadFailure = true;
    if (--this.#leases === 0) this.#onIdle();
  }

  /** Frees the rows as soon as no job reads them; resolves then. Further calls wait for the same. */
  release(): Promise<void> {
    this.#released ??= this.#free();
    return this.#released;
  }

  async #free(): Promise<void> {
    if (this.#leases > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#parts = [];
    const leaked = await this.place.free();
    if (leaked > 0 && !this.#hadFailure)
      throw new InternalError(`Jobs left references on ${leaked} blocks of a stored table behind`);
  }

  /** Parts in the order of the subtasks that wrote them, which is the order of sorted rows. */
  #fill(parts: readonly StoredPart[]): void {
    this.#parts = [...parts].sort((a, b) => Number(a.key) - Number(b.key));
    this.#rowCount = parts.reduce((sum, { batchRows }) => batchRows.reduce((rows, each) => rows + each, sum), 0);
    this.#byteLength = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #checkUsable(): void {
    if (this.#released === undefined) return;
    throw new PlanError(
      "DATASET_UNPERSISTED",
      "The rows of a persisted dataset were freed by unpersist().",
      "Persist the dataset again, or call unpersist() after the last job that reads it.",
    );
  }
}

/** Makes the writers of a stored table on the thread that holds `own`. */
export const storedSink = (own: StoredParts, spec: SinkSpec): Pick<Sink, "createWriter"> => ({
  createWriter: ({ schema, subtask }) => own.writer(spec.table as string, String(subtask), schema),
});
