import { Batch } from "../../src/core/batch.ts";
import { buildBatch } from "../../src/core/columns/build.ts";
import { buildColumn } from "../../src/core/columns/builder.ts";
import { hashColumns } from "../../src/core/columns/hash.ts";
import { keyGroups } from "../../src/core/columns/partition.ts";
import { readRows } from "../../src/core/columns/read.ts";
import { keyGroupRange, subtaskOfKeyGroup } from "../../src/core/key-group.ts";
import type { Operator, OperatorContext, Output, Progress } from "../../src/core/operator.ts";
import type { Schema } from "../../src/core/schema.ts";
import { loadTableFormat } from "../../src/core/snapshot-tables.ts";
import { END_OF_TIME_MS } from "../../src/core/time/time.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import { TableReader, TableWriter } from "../../src/runtime/snapshots.ts";
import { operatorContext } from "./run-operator.ts";

await loadTableFormat();

/** One input of a stream operator under test. */
export interface HarnessInput {
  readonly schema: Schema;
  /** Columns by which rows find their subtask. */
  readonly keys: readonly string[];
}

export type Row = Record<string, unknown>;

/** A row that came out, with its marks. */
export interface Emitted {
  readonly row: Row;
  readonly time: number | undefined;
  readonly kind: number;
  readonly subtask: number;
}

export interface HarnessOptions {
  readonly batchRows?: number;
  readonly maxParallelism?: number;
  readonly parallelism?: number;
  readonly isBatchMode?: boolean;
}

/** Drives the subtasks of one operator by hand: rows by key group, watermarks, snapshots and restores at another parallelism. */
export class StreamHarness {
  readonly emitted: Emitted[] = [];
  readonly side: { tag: string; row: Row; time: number | undefined }[] = [];
  readonly watermarks: number[][] = [];
  readonly metrics = new Map<string, number>();
  nowMs = 0;
  readonly #ws: Workspace;
  readonly #create: () => Operator;
  readonly #inputs: readonly HarnessInput[];
  readonly #options: HarnessOptions;
  readonly #maxParallelism: number;
  #subtasks: { operator: Operator; requests: number[] }[] = [];

  constructor(ws: Workspace, create: () => Operator, inputs: readonly HarnessInput[], options: HarnessOptions = {}) {
    this.#ws = ws;
    this.#create = create;
    this.#inputs = inputs;
    this.#options = options;
    this.#maxParallelism = options.maxParallelism ?? 16;
    this.#open(options.parallelism ?? 1);
  }

  /** What the state of all subtasks takes. */
  get stateBytes(): number {
    return this.operators.reduce((sum, { stateBytes = 0 }) => sum + stateBytes, 0);
  }

  get operators(): readonly Operator[] {
    return this.#subtasks.map(({ operator }) => operator);
  }

  /** Rows with their event times and, in a changelog, their kinds. */
  rows(
    input: number,
    rows: readonly Row[],
    marks: { times?: readonly number[]; kinds?: readonly number[] } = {},
  ): void {
    const ws = this.#ws;
    const { schema, keys } = this.#inputs[input];
    const owner = this.#ownersOf(schema, keys, rows);
    for (const subtask of this.#subtasks.keys()) {
      const mine = [...rows.keys()].filter((i) => owner[i] === subtask);
      if (mine.length === 0) continue;
      const plain = buildBatch(
        ws,
        schema,
        mine.map((i) => rows[i]),
      );
      const { times, kinds } = marks;
      const batch = new Batch(
        schema,
        mine.length,
        plain.columns.map((column) => column.retain()),
        {
          ...(times === undefined
            ? {}
            : {
                times: buildColumn(
                  ws,
                  { kind: "int64" },
                  mine.map((i) => BigInt(times[i])),
                ),
              }),
          ...(kinds === undefined
            ? {}
            : {
                kinds: buildColumn(
                  ws,
                  { kind: "int8" },
                  mine.map((i) => kinds[i]),
                ),
              }),
        },
      );
      plain.release();
      try {
        this.#call(subtask, (operator, output) => operator.processBatch(batch, output, input));
      } finally {
        batch.release();
      }
    }
  }

  watermark(timeMs: number): void {
    for (const subtask of this.#subtasks.keys()) {
      this.#call(subtask, (operator, output) => {
        if (operator.processWatermark !== undefined) return operator.processWatermark({ timeMs }, output);
        output.emitWatermark({ timeMs });
        return "done";
      });
    }
  }

  /** What comes ahead of a barrier, and before an input is idle. */
  flush(): void {
    for (const subtask of this.#subtasks.keys()) {
      this.#call(subtask, (operator, output) => {
        operator.flush?.(output);
        return "done";
      });
    }
  }

  /** The clock goes on; operators are called that asked for it. */
  processingTime(nowMs: number): void {
    this.nowMs = nowMs;
    for (const [subtask, entry] of this.#subtasks.entries()) {
      if (!entry.requests.some((atMs) => atMs <= nowMs)) continue;
      const later = entry.requests.filter((atMs) => atMs > nowMs);
      entry.requests.splice(0, entry.requests.length, ...later);
      this.#call(subtask, (operator, output) => operator.processTime?.(nowMs, output) ?? "done");
    }
  }

  /** Stops all subtasks behind a snapshot and goes on from it with other ones. */
  restart(parallelism: number): void {
    const parts: Record<string, { kind: "keyed" | "list" | "union" | "broadcast"; parts: Uint8Array[] }> = {};
    for (const { operator } of this.#subtasks) {
      for (const { name, kind, bytes } of this.#snapshot(operator)) {
        parts[name] ??= { kind, parts: [] };
        parts[name].parts.push(bytes);
      }
    }
    this.#close();
    this.#open(parallelism, { tables: parts });
  }

  /** Bytes of the present snapshot of each subtask, by table. */
  snapshotBytes(): string[] {
    return this.#subtasks.map(({ operator }) =>
      this.#snapshot(operator)
        .map(({ name, bytes }) => `${name}:${Buffer.from(bytes).toString("base64")}`)
        .join(";"),
    );
  }

  end(): void {
    this.watermark(END_OF_TIME_MS);
    for (const subtask of this.#subtasks.keys()) {
      this.#call(subtask, (operator, output) => operator.processTime?.(END_OF_TIME_MS, output) ?? "done");
      for (const input of this.#inputs.keys()) {
        this.#call(subtask, (operator, output) => operator.endInput(output, input));
      }
    }
    this.#close();
  }

  /** Ends as the runtime does: the clock first, then event time. */
  endOfTime(): void {
    for (const subtask of this.#subtasks.keys()) {
      this.#call(subtask, (operator, output) => operator.processTime?.(END_OF_TIME_MS, output) ?? "done");
    }
    this.end();
  }

  close(): void {
    this.#close();
  }

  #snapshot(operator: Operator) {
    const writer = new TableWriter(this.#ws);
    operator.snapshotState?.(writer);
    return writer.finish();
  }

  #open(parallelism: number, snapshot?: ConstructorParameters<typeof TableReader>[1]): void {
    this.#subtasks = [];
    for (let subtask = 0; subtask < parallelism; subtask++) {
      const operator = this.#create();
      const requests: number[] = [];
      const keyRange = keyGroupRange(subtask, parallelism, this.#maxParallelism);
      const context: OperatorContext = {
        ...operatorContext(this.#ws, { batchRows: this.#options.batchRows ?? 1024, metrics: this.metrics }),
        subtask,
        parallelism,
        stream: {
          maxParallelism: this.#maxParallelism,
          keyGroups: keyRange,
          isBatchMode: this.#options.isBatchMode ?? false,
          processingTimeMs: () => this.nowMs,
          requestProcessTime: (atMs) => void requests.push(atMs),
          wake: () => {},
        },
      };
      operator.open(context);
      this.#subtasks.push({ operator, requests });
      this.watermarks[subtask] ??= [];
      if (snapshot !== undefined) {
        operator.restoreState?.(new TableReader(this.#ws, snapshot, { subtask, parallelism, keyGroups: keyRange }));
      }
    }
  }

  #close(): void {
    for (const { operator } of this.#subtasks) operator.close();
    this.#subtasks = [];
  }

  #ownersOf(schema: Schema, keys: readonly string[], rows: readonly Row[]): number[] {
    const ws = this.#ws;
    if (keys.length === 0) return rows.map(() => 0);
    const batch = buildBatch(ws, schema, rows);
    const columns = keys.map((key) => batch.columns[schema.indexOf(key)]);
    const hashes = hashColumns(ws, columns, rows.length);
    const groups = keyGroups(ws, hashes, rows.length, this.#maxParallelism);
    const owners = [...ws.u32.subarray(groups.address >>> 2, (groups.address >>> 2) + rows.length)].map((group) =>
      subtaskOfKeyGroup(group, this.#subtasks.length, this.#maxParallelism),
    );
    for (const owned of [hashes, groups, batch]) owned.release();
    return owners;
  }

  #call(subtask: number, use: (operator: Operator, output: Output) => Progress): void {
    const ws = this.#ws;
    const { operator } = this.#subtasks[subtask];
    const timesOf = (batch: Batch): (number | undefined)[] => {
      const at = batch.rowTimes?.data;
      return Array.from({ length: batch.rowCount }, (_, i) =>
        at === undefined ? undefined : Number(ws.i64[at / 8 + i]),
      );
    };
    const output: Output = {
      emit: (batch) => {
        const times = timesOf(batch);
        const kinds = batch.rowKinds?.data;
        for (const [i, row] of readRows(ws, batch).entries()) {
          this.emitted.push({ row, time: times[i], kind: kinds === undefined ? 0 : ws.i8[kinds + i], subtask });
        }
        batch.release();
      },
      emitWatermark: ({ timeMs }) => void this.watermarks[subtask].push(timeMs),
      emitSide: (tag, batch) => {
        const times = timesOf(batch);
        for (const [i, row] of readRows(ws, batch).entries()) this.side.push({ tag, row, time: times[i] });
        batch.release();
      },
      isClosed: false,
    };
    let progress = use(operator, output);
    while (progress === "more") progress = operator.resume?.(output) ?? "done";
  }
}
