import type { Batch } from "../../core/batch.ts";
import { gatherBatch } from "../../core/columns/gather.ts";
import { EvaluationError, PlanError } from "../../core/errors.ts";
import { type CompiledExpression, compileExpression } from "../../core/expressions/evaluate.ts";
import type { ExpressionNode } from "../../core/expressions/node.ts";
import type { Schema } from "../../core/schema.ts";
import type { Workspace } from "../../core/workspace.ts";
import { partitionDirectory } from "../files/partition-values.ts";
import { columnText, dateText } from "../files/value-text.ts";

/** Into which directory below the target a row goes. */
export type BucketSpec =
  /** `name=value`, by the text of the value; `name` is "bucket" unless given. */
  | { readonly kind: "expression"; readonly expression: ExpressionNode; readonly name?: string }
  /** By the event time of the row, in UTC: 2020, 2020-01, 2020-01-31, 2020-01-31--10; below a name, `name=2020-01-31`. */
  | { readonly kind: "eventTime"; readonly unit: EventTimeUnit; readonly name?: string };

export type EventTimeUnit = "year" | "month" | "day" | "hour";

export interface BucketRows {
  /** "" for the target itself. */
  readonly directory: string;
  /** The caller owns it. */
  readonly rows: Batch;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Cuts batches by bucket. */
export class Buckets {
  readonly #workspace: Workspace;
  readonly #spec: BucketSpec | undefined;
  readonly #compiled: CompiledExpression | undefined;

  /** @throws {PlanError} those of the expression, OPTION_INVALID */
  constructor(workspace: Workspace, schema: Schema, spec: BucketSpec | undefined) {
    this.#workspace = workspace;
    this.#spec = spec;
    if (spec?.kind === "expression") this.#compiled = compileExpression(spec.expression, schema);
    else if (spec !== undefined && !["year", "month", "day", "hour"].includes(spec.unit)) {
      throw new PlanError(
        "OPTION_INVALID",
        `Buckets of event time are cut by ${JSON.stringify(spec.unit)}.`,
        'The unit is "year", "month", "day" or "hour".',
      );
    }
  }

  /** The rows of each bucket, in their order. Borrows the batch. */
  cut(batch: Batch): BucketRows[] {
    if (this.#spec === undefined) return [{ directory: "", rows: batch.retain() }];
    const directoryOf = this.#spec.kind === "expression" ? this.#byExpression(batch) : this.#byTime(batch, this.#spec);
    const numbers = new Map<string, number[]>();
    let [last, rows]: [string | undefined, number[]] = [undefined, []];
    for (let row = 0; row < batch.rowCount; row++) {
      const directory = directoryOf(row);
      // Neighbours mostly share a bucket.
      if (directory !== last) {
        last = directory;
        rows = numbers.get(directory) ?? [];
        numbers.set(directory, rows);
      }
      rows.push(row);
    }
    if (numbers.size === 1 && last !== undefined) return [{ directory: last, rows: batch.retain() }];
    return this.#gather(batch, numbers);
  }

  close(): void {
    this.#compiled?.close();
  }

  #gather(batch: Batch, numbers: ReadonlyMap<string, readonly number[]>): BucketRows[] {
    const indices = this.#workspace.allocate(batch.rowCount * 4);
    const cut: BucketRows[] = [];
    try {
      for (const [directory, rows] of numbers) {
        this.#workspace.u32.set(rows, indices.address >>> 2);
        cut.push({ directory, rows: gatherBatch(this.#workspace, batch, indices.address, rows.length) });
      }
      return cut;
    } catch (error) {
      for (const { rows } of cut) rows.release();
      throw error;
    } finally {
      indices.release();
    }
  }

  #byExpression(batch: Batch): (row: number) => string {
    const { name = "bucket" } = this.#spec ?? {};
    const column = this.#compiled?.evaluate(this.#workspace, batch);
    if (column === undefined) return () => "";
    try {
      const text = columnText(this.#workspace, column);
      // Read out here, since the column does not outlive this call.
      const directories = Array.from({ length: batch.rowCount }, (_, row) => partitionDirectory(name, text(row)));
      return (row) => directories[row];
    } finally {
      column.release();
    }
  }

  #byTime(batch: Batch, { unit, name }: BucketSpec & { kind: "eventTime" }): (row: number) => string {
    const times = batch.rowTimes;
    if (times === undefined) {
      throw new EvaluationError(
        "EVENT_TIME_MISSING",
        "Files are to be cut by event time, and the rows have none.",
        "Give the stream a watermark strategy with timestamps, or cut by an expression.",
      );
    }
    const { i64 } = this.#workspace;
    const stepMs = unit === "hour" ? HOUR_MS : DAY_MS;
    let [startMs, directory] = [Number.NaN, ""];
    return (row) => {
      const timeMs = Number(i64[(times.data >>> 3) + row]);
      if (timeMs >= startMs && timeMs < startMs + stepMs) return directory;
      startMs = Math.floor(timeMs / stepMs) * stepMs;
      const text = bucketText(startMs, unit);
      directory = name === undefined ? text : partitionDirectory(name, text);
      return directory;
    };
  }
}

function bucketText(startMs: number, unit: EventTimeUnit): string {
  const day = Math.floor(startMs / DAY_MS);
  const date = dateText(day);
  if (unit === "day") return date;
  if (unit === "hour") return `${date}--${String((startMs - day * DAY_MS) / HOUR_MS).padStart(2, "0")}`;
  return date.slice(0, unit === "month" ? -3 : -6);
}
