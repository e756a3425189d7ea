import type { Batch } from "../../core/batch.ts";
import { readRows } from "../../core/columns/read.ts";
import { EngineError, UserFunctionError } from "../../core/errors.ts";
import type { Sink, SinkContext, SinkSpec, SinkWriter } from "../../core/sink.ts";

type Rows = Record<string, unknown>[];

/** One of both; a promise holds the stream back. */
export type RowCallback =
  | { readonly onRow: (row: Record<string, unknown>) => void | Promise<void> }
  | { readonly onRows: (rows: Rows) => void | Promise<void> };

/**
 * Gives rows, each an object of its own, to a user function on the planning thread: one by one, or a batch at a time.
 * After a restore it is called again for rows behind the checkpoint (at least once).
 * @throws {UserFunctionError} with what the function threw
 */
export class CallbackSink implements Sink {
  readonly spec: SinkSpec = { kind: "callback" };
  readonly description = "forEach";
  readonly staysWithCaller = true;
  readonly #callback: RowCallback;

  constructor(callback: RowCallback) {
    this.#callback = callback;
  }

  begin(): void {
    // Nothing to prepare.
  }

  createWriter({ workspace }: SinkContext): SinkWriter {
    const callback = this.#callback;
    return {
      write: (batch: Batch) => {
        const rows = readRows(workspace, batch) as Rows;
        return guarded(() => ("onRows" in callback ? callback.onRows(rows) : eachOf(rows, callback.onRow)));
      },
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

/** Waits only behind rows for which the function asks to. */
function eachOf(
  rows: Rows,
  onRow: (row: Record<string, unknown>) => void | Promise<void>,
  from = 0,
): void | Promise<void> {
  for (let i = from; i < rows.length; i++) {
    const done = onRow(rows[i]);
    if (done instanceof Promise) return done.then(() => eachOf(rows, onRow, i + 1));
  }
}

function guarded(call: () => void | Promise<void>): void | Promise<void> {
  const wrap = (thrown: unknown): never => {
    throw thrown instanceof EngineError ? thrown : new UserFunctionError("forEach", thrown);
  };
  try {
    const done = call();
    return done instanceof Promise ? done.catch(wrap) : done;
  } catch (thrown) {
    return wrap(thrown);
  }
}
