import type { Batch } from "./batch.ts";
import type { Host } from "./host.ts";
import type { Schema } from "./schema.ts";
import type { Json } from "./source.ts";
import type { Workspace } from "./workspace.ts";

export interface SinkSpec {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** What one writer has prepared, as JSON: `commit` makes it visible, `abort` removes it. */
export type Committable = Json;

/**
 * Output in two phases: writers write where nobody looks, `prepareCommit` says what they wrote, and `commit` makes all
 * of it visible at once after every writer has succeeded. Commit is idempotent and may be retried.
 */
export interface Sink {
  readonly spec: SinkSpec;
  readonly description: string;
  /** True where only one subtask may write. */
  readonly isSingleFile?: boolean;
  /** On the coordinating thread before any writer starts: checks the target, applies the overwrite policy's refusals. */
  begin(jobId: string): void;
  createWriter(context: SinkContext): SinkWriter;
  commit(committables: readonly Committable[]): void | Promise<void>;
  /** After a failure or cancel: removes everything of `jobId` that was not committed. */
  abort(committables: readonly Committable[]): void | Promise<void>;
}

export interface SinkContext {
  readonly workspace: Workspace;
  readonly host: Host;
  readonly schema: Schema;
  readonly jobId: string;
  readonly subtask: number;
  readonly parallelism: number;
  count(metric: string, increment: number): void;
}

export interface SinkWriter {
  /** Borrows the batch. */
  write(batch: Batch): void | Promise<void>;
  /** Everything is on stable storage; the writer is closed afterwards. */
  prepareCommit(): Committable | Promise<Committable>;
  /** Without `prepareCommit` before it: removes what was written. */
  close(): void;
}

export type SinkFactory = (spec: SinkSpec, host: Host) => Sink;
