import { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { allocateBitmap, bitmapBytes, columnOf } from "../columns/allocate.ts";
import { type ColumnSource, type JoinPlan, type JoinSide, keepsUnmatched, type SidePlan } from "../joins/join-plan.ts";
import { type Field, Schema } from "../schema.ts";
import { timestamp, uint32 } from "../types.ts";
import type { SessionRows } from "../windows/session-index.ts";
import type { Workspace } from "../workspace.ts";
import type { SideRows } from "./session-rows.ts";

/** Rows of the result, and when their sessions begin and end: timestamp(ms) per row. The caller owns all. */
export interface SessionPairs {
  readonly batch: Batch;
  readonly starts: Column;
  readonly ends: Column;
}

/**
 * Joins the rows of many sessions at once. As a session has one key, rows match by their session's number, which stands
 * behind their columns twice: as the key, null where a key is null that matches nothing, and as what tells the bounds.
 */
export class SessionJoin {
  /** For `BuiltSide`: the plan over rows with these columns. */
  readonly plan: JoinPlan;
  readonly #workspace: Workspace;
  readonly #given: JoinPlan;

  constructor(workspace: Workspace, plan: JoinPlan) {
    this.#workspace = workspace;
    this.#given = plan;
    const sides = sidesWithSession(plan.type);
    const numbers = sides.map((side): ColumnSource => ({ side, column: plan[side].schema.fields.length + 1 }));
    this.plan = {
      ...plan,
      nullEquals: false,
      left: withSession(plan.left),
      right: withSession(plan.right),
      output: [...plan.output, ...numbers],
      outputSchema: extended(
        plan.outputSchema,
        sides.map((side) => `session of the ${side} row`),
      ),
    };
  }

  /** The rows of a side for the plan; takes them over. */
  rowsOf(side: JoinSide, { batch, sessions }: SideRows): Batch {
    const { rowCount } = batch;
    const [data] = sessions.retainBlocks();
    const validity = this.#given.nullEquals ? undefined : this.#haveKeys(this.#given[side].keys, batch);
    const match = columnOf(this.#workspace, uint32, rowCount, {
      data,
      ...(validity === undefined ? {} : { validity }),
    });
    const columns = [...batch.columns.map((column) => column.retain()), match, sessions];
    batch.release();
    return new Batch(this.plan[side].schema, rowCount, columns);
  }

  /** The columns of the result alone, and the bounds of each row's session. Takes over the batch. */
  pairsOf(batch: Batch, { starts, ends }: SessionRows): SessionPairs {
    const { rowCount } = batch;
    const { outputSchema } = this.#given;
    const [first, second] = batch.columns.slice(outputSchema.fields.length);
    const numbers = this.#workspace.allocate(rowCount * 4);
    const { kernels } = this.#workspace;
    if (second === undefined || first.nullCount === 0) kernels.copyBytes(numbers.address, first.data, rowCount * 4);
    else kernels.sessionRowsEither(first.data, first.validity, second.data, rowCount, numbers.address);
    const bounds = [starts, ends].map((times) => {
      const data = this.#workspace.allocate(rowCount * 8);
      kernels.gather64(times.address, numbers.address, rowCount, data.address);
      return columnOf(this.#workspace, timestamp("ms"), rowCount, { data });
    });
    const columns = batch.columns.slice(0, outputSchema.fields.length).map((column) => column.retain());
    for (const owned of [numbers, batch]) owned.release();
    return { batch: new Batch(outputSchema, rowCount, columns), starts: bounds[0], ends: bounds[1] };
  }

  /** Bitmap of the rows whose keys are all there; undefined where all are. */
  #haveKeys(keys: readonly number[], { columns, rowCount }: Batch) {
    const nullable = keys.map((key) => columns[key]).filter(({ nullCount }) => nullCount > 0);
    if (nullable.length === 0) return undefined;
    const { kernels } = this.#workspace;
    const bitmap = allocateBitmap(this.#workspace, rowCount);
    // Columns of the type null have no bitmap.
    if (nullable.some(({ validity }) => validity === 0)) return bitmap;
    kernels.copyBytes(bitmap.address, nullable[0].validity, bitmapBytes(rowCount));
    for (const { validity } of nullable.slice(1)) {
      kernels.bitmapAnd(bitmap.address, validity, rowCount, bitmap.address);
    }
    return bitmap;
  }
}

/** The sides from which a row of the result tells its session: both where either may be missing. */
const sidesWithSession = (type: JoinPlan["type"]): readonly JoinSide[] =>
  type === "full" ? ["left", "right"] : [keepsUnmatched(type, "right") ? "right" : "left"];

function withSession(side: SidePlan): SidePlan {
  const { length } = side.schema.fields;
  return { ...side, schema: extended(side.schema, ["session to match", "session"]), keys: [length] };
}

function extended(schema: Schema, names: readonly string[]): Schema {
  const fields: Field[] = [...schema.fields];
  for (let name of names) {
    while (fields.some((field) => field.name === name)) name += "_";
    fields.push({ name, type: uint32 });
  }
  return new Schema(fields);
}
