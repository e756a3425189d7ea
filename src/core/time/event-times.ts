import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { describeValue } from "../describe-value.ts";
import { EvaluationError, PlanError } from "../errors.ts";
import { type CompiledExpression, compileExpression } from "../expressions/evaluate.ts";
import type { ExpressionNode } from "../expressions/node.ts";
import { createRowReader, type Row, type RowReader } from "../rows/row-view.ts";
import type { Schema } from "../schema.ts";
import { type DataType, formatType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "./time.ts";
import type { TimestampSpec } from "./watermark-strategy.ts";

/** Gives batches the event times of a strategy. */
export class EventTimes {
  readonly #workspace: Workspace;
  readonly #spec: TimestampSpec;
  readonly #nowMs: () => number;
  readonly #compiled: CompiledExpression | undefined;
  readonly #reader: RowReader | undefined;

  /** @throws {PlanError} EVENT_TIME_TYPE, COLUMN_UNKNOWN */
  constructor(workspace: Workspace, schema: Schema, spec: TimestampSpec, nowMs: () => number) {
    this.#workspace = workspace;
    this.#spec = spec;
    this.#nowMs = nowMs;
    if (spec.kind === "expression") this.#compiled = compileExpression(inMilliseconds(spec.expression, schema), schema);
    if (spec.kind === "function") this.#reader = createRowReader(workspace, schema);
  }

  /**
   * The batch with the event time of each row; borrows it and gives a new reference.
   * @throws {EvaluationError} EVENT_TIME_NULL, EVENT_TIME_INVALID
   */
  assign(batch: Batch): Batch {
    if (this.#spec.kind === "kept") return batch.retain();
    const times = this.#timesOf(batch);
    const columns = batch.columns.map((column) => column.retain());
    const kinds = batch.rowKinds?.retain();
    return new Batch(batch.schema, batch.rowCount, columns, { times, ...(kinds === undefined ? {} : { kinds }) });
  }

  close(): void {
    this.#compiled?.close();
    this.#reader?.close();
  }

  #timesOf(batch: Batch): Column {
    const workspace = this.#workspace;
    if (this.#compiled !== undefined) {
      const encoded = this.#compiled.evaluate(workspace, batch);
      const column = encoded.dictionary === undefined ? encoded.retain() : decodeDictionary(workspace, encoded);
      encoded.release();
      try {
        if (column.nullCount > 0) throw nullTime();
        // A timestamp in milliseconds and an int64 have one layout.
        return column.viewAs({ kind: "int64" }, column.length, column.layout);
      } finally {
        column.release();
      }
    }
    const block = workspace.allocate(batch.rowCount * 8);
    if (this.#spec.kind === "ingestion") {
      workspace.kernels.eventTimeFill(this.#nowMs(), batch.rowCount, block.address);
    } else if (this.#spec.kind === "function" && this.#reader !== undefined) {
      try {
        const times = new Float64Array(batch.rowCount);
        let row = 0;
        const { timestampOf } = this.#spec;
        this.#reader.bind(batch);
        this.#reader.each(
          (view: Row) => milliseconds(timestampOf(view)),
          undefined,
          0,
          batch.rowCount,
          (timeMs: number) => {
            times[row++] = timeMs;
          },
        );
        for (let i = 0; i < row; i++) {
          workspace.u32[(block.address >>> 2) + 2 * i] = times[i] >>> 0;
          workspace.i32[(block.address >>> 2) + 2 * i + 1] = Math.floor(times[i] / 2 ** 32);
        }
      } catch (thrown) {
        block.release();
        throw thrown;
      } finally {
        this.#reader.unbind();
      }
    }
    return columnOf(workspace, { kind: "int64" }, batch.rowCount, { data: block });
  }
}

/** The type of an event time expression is checked while the plan is built. @throws {PlanError} EVENT_TIME_TYPE */
export function inMilliseconds(expression: ExpressionNode, schema: Schema): ExpressionNode {
  const compiled = compileExpression(expression, schema);
  const { type } = compiled;
  compiled.close();
  const cast = (to: DataType): ExpressionNode => ({ kind: "cast", input: expression, to, safe: false });
  switch (type.kind) {
    case "timestamp":
      return type.unit === "ms" ? expression : cast({ ...type, unit: "ms" });
    case "date":
      return cast({ kind: "timestamp", unit: "ms" });
    case "int64":
      return expression;
    case "int8":
    case "int16":
    case "int32":
    case "uint8":
    case "uint16":
    case "uint32":
    case "uint64":
      return cast({ kind: "int64" });
    default:
      throw new PlanError(
        "EVENT_TIME_TYPE",
        `The event time has type ${formatType(type)}.`,
        "Give a timestamp, a date, or a whole number of milliseconds since 1970.",
      );
  }
}

function milliseconds(given: unknown): number {
  const timeMs = given instanceof Date ? given.getTime() : Number(given);
  if (given === null || given === undefined) throw nullTime();
  if (Number.isFinite(timeMs) && timeMs > START_OF_TIME_MS && timeMs < END_OF_TIME_MS) return Math.floor(timeMs);
  throw new EvaluationError(
    "EVENT_TIME_INVALID",
    `A row has the event time ${describeValue(given)}.`,
    "Give milliseconds since 1970 as a number, bigint or Date.",
  );
}

const nullTime = () =>
  new EvaluationError(
    "EVENT_TIME_NULL",
    "A row has no event time: it is null.",
    "Filter such rows out before times are assigned, or replace null by a time.",
  );
