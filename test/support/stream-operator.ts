import { Batch } from "../../src/core/batch.ts";
import { buildBatch } from "../../src/core/columns/build.ts";
import { buildColumn } from "../../src/core/columns/builder.ts";
import { hashColumns } from "../../src/core/columns/hash.ts";
import { keyGroupOwners, partitionBatch } from "../../src/core/columns/partition.ts";
import { readRows } from "../../src/core/columns/read.ts";
import type { Host } from "../../src/core/host.ts";
import type { OperatorSnapshot } from "../../src/core/job-snapshot.ts";
import { keyGroupRange } from "../../src/core/key-group.ts";
import type { Operator, Output, Progress } from "../../src/core/operator.ts";
import type { Schema } from "../../src/core/schema.ts";
import { loadTableFormat } from "../../src/core/snapshot-tables.ts";
import { END_OF_TIME_MS } from "../../src/core/time/time.ts";
import { int8, int64 } from "../../src/core/types.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import { JoinedSnapshots } from "../../src/runtime/joined-snapshots.ts";
import { TableHistory, TableReader, TableWriter } from "../../src/runtime/snapshots.ts";

await loadTableFormat();

/** What an operator gave: a row with its event time (undefined without one), or a watermark. */
export type Emitted =
  | { readonly row: Record<string, unknown>; readonly timeMs: number | undefined; readonly tag?: string }
  | { readonly watermark: number };

export interface StreamOperatorOptions {
  readonly parallelism?: number;
  readonly maxParallelism?: number;
  readonly isBatchMode?: boolean;
  readonly batchRows?: number;
  readonly nowMs?: number;
  readonly restore?: OperatorSnapshot;
}

interface StreamSubtask {
  readonly operator: Operator;
  readonly output: Output;
  readonly history: TableHistory;
  requestMs: number;
  isWoken: boolean;
}

/** Drives the subtasks of one operator as the runtime does, on a clock of its own. */
export class StreamOperator {
  readonly emitted: Emitted[] = [];
  readonly metrics = new Map<string, number>();
  readonly #ws: Workspace;
  readonly #options: StreamOperatorOptions;
  readonly #subtasks: StreamSubtask[] = [];
  readonly #joined: JoinedSnapshots;
  #checkpoints = 0;
  nowMs: number;

  constructor(ws: Workspace, create: () => Operator, options: StreamOperatorOptions = {}) {
    const { parallelism = 1, restore } = options;
    const maxParallelism = options.maxParallelism ?? 16;
    this.#ws = ws;
    this.#options = options;
    this.#joined = new JoinedSnapshots(maxParallelism, true);
    this.nowMs = options.nowMs ?? 0;
    for (let subtask = 0; subtask < parallelism; subtask++) {
      const one: StreamSubtask = {
        operator: create(),
        output: this.#output(),
        history: new TableHistory(),
        requestMs: Number.POSITIVE_INFINITY,
        isWoken: false,
      };
      this.#subtasks.push(one);
      const keyGroups = keyGroupRange(subtask, parallelism, maxParallelism);
      one.operator.open({
        workspace: ws,
        host: {
          clock: { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs },
          scheduler: { after: (delayMs: number, callback: () => void) => this.#after(delayMs, callback) },
        } as unknown as Host,
        subtask,
        parallelism,
        batchRows: options.batchRows ?? 1024,
        operatorId: "operator under test",
        spillDirectory: () => "/spill",
        count: (metric, increment) => this.metrics.set(metric, (this.metrics.get(metric) ?? 0) + increment),
        stream: {
          maxParallelism,
          keyGroups,
          isBatchMode: options.isBatchMode ?? false,
          processingTimeMs: () => this.nowMs,
          requestProcessTime: (atMs) => {
            one.requestMs = Math.min(one.requestMs, atMs);
          },
          wake: () => {
            one.isWoken = true;
          },
        },
      });
      if (restore === undefined) continue;
      try {
        one.operator.restoreState?.(new TableReader(ws, restore, { keyGroups, subtask, parallelism }));
      } catch (thrown) {
        this.close();
        throw thrown;
      }
    }
  }

  get operators(): readonly Operator[] {
    return this.#subtasks.map(({ operator }) => operator);
  }

  get rows(): Record<string, unknown>[] {
    return this.emitted.flatMap((one) => ("row" in one && one.tag === undefined ? [one.row] : []));
  }

  /** Rows to their subtasks: by key, to all, or all to the first. A row's `time` is its event time, `kind` its kind. */
  send(
    schema: Schema,
    rows: readonly { readonly row: object; readonly timeMs?: number; readonly kind?: number }[],
    { keys, isBroadcast = false, input = 0 }: { keys?: readonly string[]; isBroadcast?: boolean; input?: number } = {},
  ): void {
    const ws = this.#ws;
    const plain = buildBatch(
      ws,
      schema,
      rows.map(({ row }) => row),
    );
    const hasTimes = rows[0]?.timeMs !== undefined;
    const hasKinds = rows[0]?.kind !== undefined;
    const column = (type: typeof int64 | typeof int8, values: unknown[]) => buildColumn(ws, type, values);
    const batch = new Batch(
      schema,
      rows.length,
      plain.columns.map((each) => each.retain()),
      {
        ...(hasTimes
          ? {
              times: column(
                int64,
                rows.map(({ timeMs }) => timeMs),
              ),
            }
          : {}),
        ...(hasKinds
          ? {
              kinds: column(
                int8,
                rows.map(({ kind }) => kind),
              ),
            }
          : {}),
      },
    );
    plain.release();
    try {
      const parts = this.#route(batch, keys, isBroadcast);
      try {
        for (const [subtask, part] of parts.entries()) {
          const { operator, output } = this.#subtasks[subtask];
          if (part !== undefined) this.drain(subtask, () => operator.processBatch(part, output, input));
        }
      } finally {
        for (const part of parts) part?.release();
      }
    } finally {
      batch.release();
    }
  }

  watermark(timeMs: number): void {
    for (const [subtask, { operator, output }] of this.#subtasks.entries()) {
      if (operator.processWatermark === undefined) output.emitWatermark({ timeMs });
      else this.drain(subtask, () => operator.processWatermark?.({ timeMs }, output) ?? "done");
    }
  }

  /** Moves the clock, and answers requests on its way in the order of time. */
  advanceTo(nowMs: number): void {
    for (;;) {
      const next = Math.min(
        ...this.#subtasks.map(({ requestMs }) => requestMs),
        ...this.#timers.map(({ atMs }) => atMs),
      );
      if (next > nowMs) break;
      this.nowMs = Math.max(this.nowMs, next);
      for (const timer of this.#timers.filter(({ atMs }) => atMs <= this.nowMs)) {
        this.#timers.splice(this.#timers.indexOf(timer), 1);
        timer.callback();
      }
      for (const [subtask, one] of this.#subtasks.entries()) {
        if (one.requestMs > this.nowMs) continue;
        one.requestMs = Number.POSITIVE_INFINITY;
        this.drain(subtask, () => one.operator.processTime?.(this.nowMs, one.output) ?? "done");
      }
    }
    this.nowMs = Math.max(this.nowMs, nowMs);
  }

  /** Turns that operators asked for with `wake`. */
  answerWakes(): void {
    for (const [subtask, one] of this.#subtasks.entries()) {
      if (!one.isWoken) continue;
      one.isWoken = false;
      this.drain(subtask, () => one.operator.resume?.(one.output) ?? "done");
    }
  }

  end(inputCount = 1): void {
    for (const [subtask, { operator, output }] of this.#subtasks.entries()) {
      this.drain(subtask, () => operator.processTime?.(END_OF_TIME_MS, output) ?? "done");
      this.drain(subtask, () => operator.processWatermark?.({ timeMs: END_OF_TIME_MS }, output) ?? "done");
      for (let input = 0; input < inputCount; input++) this.drain(subtask, () => operator.endInput(output, input));
    }
  }

  snapshot(): OperatorSnapshot {
    const subtasks = this.#subtasks.map(({ operator }, subtask) => {
      const writer = new TableWriter(this.#ws);
      operator.snapshotState?.(writer);
      return { subtask, operators: [{ uid: "operator", tables: writer.finish() }] };
    });
    return (
      new JoinedSnapshots(this.#options.maxParallelism ?? 16, true).join(1, subtasks).operators.operator ?? {
        tables: {},
      }
    );
  }

  /** A checkpoint that builds on the newest complete one; `isComplete`: whether it becomes one itself. */
  checkpoint(isComplete = true): OperatorSnapshot {
    const number = ++this.#checkpoints;
    const { since } = this.#joined;
    const subtasks = this.#subtasks.map(({ operator, history }, subtask) => {
      const writer = new TableWriter(this.#ws, { number, since, history });
      operator.snapshotState?.(writer);
      return { subtask, operators: [{ uid: "operator", tables: writer.finish() }] };
    });
    const { operators } = this.#joined.join(number, subtasks);
    if (isComplete) this.#joined.onComplete(number);
    return operators.operator ?? { tables: {} };
  }

  close(): void {
    for (const { operator } of this.#subtasks) operator.close();
  }

  /** Resumes what answered "more". */
  drain(subtask: number, call: () => Progress): void {
    const { operator, output } = this.#subtasks[subtask];
    for (let progress = call(); progress === "more"; ) progress = operator.resume?.(output) ?? "done";
  }

  readonly #timers: { atMs: number; callback: () => void }[] = [];

  #after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  #route(batch: Batch, keys: readonly string[] | undefined, isBroadcast: boolean): (Batch | undefined)[] {
    const ws = this.#ws;
    const { length } = this.#subtasks;
    if (isBroadcast) return this.#subtasks.map(() => batch.retain());
    if (keys === undefined) return [batch.retain()];
    const columns = keys.map((key) => batch.columns[batch.schema.indexOf(key)]);
    const maxParallelism = this.#options.maxParallelism ?? 16;
    const hashes = hashColumns(ws, columns, batch.rowCount);
    const owners = keyGroupOwners(ws, hashes, batch.rowCount, length, maxParallelism);
    const parts = partitionBatch(ws, batch, owners.address, length);
    hashes.release();
    owners.release();
    return parts;
  }

  #output(): Output {
    const put = (batch: Batch, tag?: string) => {
      const times = batch.rowTimes;
      for (const [i, row] of readRows(this.#ws, batch).entries()) {
        const timeMs = times === undefined ? undefined : Number(this.#ws.i64[times.data / 8 + i]);
        this.emitted.push({ row, timeMs, ...(tag === undefined ? {} : { tag }) });
      }
      batch.release();
    };
    return {
      emit: (batch) => put(batch),
      emitWatermark: ({ timeMs }) => this.emitted.push({ watermark: timeMs }),
      emitSide: (tag, batch) => put(batch, tag),
      isClosed: false,
    };
  }
}
