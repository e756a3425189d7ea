import type { Operator, OperatorContext, Progress } from "../../src/core/operator.ts";
import type { Schema } from "../../src/core/schema.ts";
import type { KeyedStateBackend, KeyedStateFactory } from "../../src/core/state/keyed-backend.ts";
import { KeyColumns } from "../../src/core/state/state-key.ts";
import type { SnapshotReader, SnapshotWriter } from "../../src/core/state-snapshot.ts";
import { int32 } from "../../src/core/types.ts";
import { diskState } from "../../src/state/disk/disk-backend.ts";
import { MemoryFiles } from "./memory-files.ts";

/** State on a disk of its own, of which next to nothing stays in memory. */
export const tinyDiskState =
  (files: MemoryFiles = new MemoryFiles()): KeyedStateFactory =>
  (options) =>
    diskState({ memoryBytes: 1 })({
      ...options,
      site: { ...options.site, host: { files } as never, jobId: "tiny", spillDirectory: () => "/state" },
    });

/** State without functions: what is done to it comes from the test. */
export class StateOperator implements Operator {
  readonly name = "state";
  readonly outputSchema: Schema;
  backend!: KeyedStateBackend;
  keys!: KeyColumns;
  /** Of the row at hand, how far its event time is before or behind the watermark. */
  aheadMs = 0;
  #context!: OperatorContext;
  readonly #schema: Schema;
  readonly #state: KeyedStateFactory;

  constructor(schema: Schema, state: KeyedStateFactory) {
    this.#schema = schema;
    this.#state = state;
    this.outputSchema = schema;
  }

  open(context: OperatorContext): void {
    this.#context = context;
    const { workspace, stream } = context;
    const nowMs = () => stream?.processingTimeMs() ?? 0;
    this.keys = new KeyColumns(workspace, this.#schema, this.#schema.names, stream?.maxParallelism ?? 16);
    this.backend = this.#state({
      workspace,
      site: context,
      keys: this.keys,
      keyGroups: stream?.keyGroups ?? { start: 0, end: 16 },
      clock: { processingTimeMs: nowMs, eventTimeMs: () => nowMs() + this.aheadMs, watermarkMs: nowMs },
      namespaceType: int32,
    });
  }

  owns(keyGroup: number): boolean {
    const { start, end } = this.#context.stream?.keyGroups ?? { start: 0, end: 0 };
    return keyGroup >= start && keyGroup < end;
  }

  processBatch(): Progress {
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  snapshotState(writer: SnapshotWriter): void {
    this.backend.snapshot(writer);
  }

  restoreState(reader: SnapshotReader): void {
    this.backend.restore(reader);
  }

  close(): void {
    this.backend.close();
  }
}
