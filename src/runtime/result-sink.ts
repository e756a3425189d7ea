import type { Batch } from "../core/batch.ts";
import type { Sink, SinkContext, SinkWriter } from "../core/sink.ts";
import type { Workspace } from "../core/workspace.ts";

/**
 * Hands a job's rows to the caller on the planning thread. `take` borrows each batch; a promise from it holds the job
 * back until the caller has room.
 */
export class ResultSink implements Sink {
  readonly spec = { kind: "result" };
  readonly description = "result";
  readonly staysWithCaller = true;
  readonly #take: (batch: Batch, workspace: Workspace) => void | Promise<void>;

  constructor(take: (batch: Batch, workspace: Workspace) => void | Promise<void>) {
    this.#take = take;
  }

  begin(): void {
    // Nothing to prepare: rows go to memory.
  }

  createWriter(context: SinkContext): SinkWriter {
    return {
      write: (batch) => this.#take(batch, context.workspace),
      prepareCommit: () => null,
      close: () => undefined,
    };
  }

  commit(): void {
    // The caller has the rows.
  }

  abort(): void {
    // The caller gets the error instead.
  }
}
