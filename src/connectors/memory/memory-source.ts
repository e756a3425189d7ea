import { Batch } from "../../core/batch.ts";
import type { Column } from "../../core/column.ts";
import { columnOf } from "../../core/columns/allocate.ts";
import { columnBuilder } from "../../core/columns/builder.ts";
import { describeValue } from "../../core/describe-value.ts";
import { EvaluationError, PlanError } from "../../core/errors.ts";
import { inferSchema } from "../../core/rows/infer-schema.ts";
import { type Field, Schema } from "../../core/schema.ts";
import type {
  Json,
  Source,
  SourceContext,
  SourceFactory,
  SourceSpec,
  SourceStatistics,
  Split,
  SplitReader,
} from "../../core/source.ts";
import { byteWidth, type DataType, nullType, sameType } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";
import { typedArrayType } from "./typed-arrays.ts";

/** Values of one column: a typed array, or an array of values in the form of `ValueOf` with null for null. */
export type MemoryColumn = ArrayBufferView | readonly unknown[];

/**
 * Data of the running program. It lives on the planning thread, where its splits are read; the spec holds the data
 * itself and is no JSON.
 */
export interface MemorySourceSpec extends SourceSpec {
  readonly kind: "memory";
  readonly rows?: readonly object[];
  readonly data?: Readonly<Record<string, MemoryColumn>>;
  /** Default: found in the values (see core/rows/infer-schema.ts) */
  readonly schema?: Schema;
  readonly columns?: readonly string[];
}

interface MemorySplit {
  readonly start: number;
  readonly count: number;
}

const SPLIT_ROWS = 1 << 17;

export const memorySource: SourceFactory = (spec) => new MemorySource(spec as MemorySourceSpec);

/**
 * Rows or columns in memory. The data must not change while a job reads it.
 * @throws {PlanError} MEMORY_INVALID.
 * @throws {EvaluationError} those of `inferSchema`, and ROW_INVALID and VALUE_INVALID for what does not fit the
 * schema, while the job runs.
 */
export class MemorySource implements Source {
  readonly spec: MemorySourceSpec;
  readonly schema: Schema;
  readonly staysWithCaller = true;
  readonly #whole: Schema;
  readonly #rowCount: number;

  constructor(spec: MemorySourceSpec) {
    const { rows, data } = spec;
    if ((rows === undefined) === (data === undefined)) throw invalid("rows or data are needed, and just one of them");
    if (rows !== undefined && !Array.isArray(rows)) throw invalid(`the rows are ${describeValue(rows)}`);
    this.#whole = spec.schema ?? schemaOf(spec);
    this.spec = { ...spec, schema: this.#whole };
    this.schema = spec.columns === undefined ? this.#whole : this.#whole.pick(spec.columns);
    this.#rowCount = rows?.length ?? columnsLength(data ?? {}, this.#whole);
  }

  get statistics(): SourceStatistics {
    return { rows: this.#rowCount };
  }

  get description(): string {
    return `memory (${this.#rowCount} rows)`;
  }

  splits(): readonly Split[] {
    const splits: Split[] = [];
    for (let start = 0; start < this.#rowCount; start += SPLIT_ROWS) {
      const count = Math.min(SPLIT_ROWS, this.#rowCount - start);
      splits.push({ id: `memory from row ${start}`, rows: count, payload: { start, count } });
    }
    return splits;
  }

  openSplit(split: Split, { workspace, batchRows }: SourceContext, offset?: Json): SplitReader {
    const { start, count } = split.payload as unknown as MemorySplit;
    let row = typeof offset === "number" ? offset : start;
    const end = start + count;
    return {
      next: () => {
        if (row >= end) return undefined;
        const rows = Math.min(batchRows, end - row);
        const batch = this.#batch(workspace, row, rows);
        row += batch.rowCount;
        return batch;
      },
      offset: () => row,
      close: () => {
        row = end;
      },
    };
  }

  withColumns(columns: readonly string[]): MemorySource {
    return new MemorySource({ ...this.spec, columns });
  }

  #batch(workspace: Workspace, start: number, count: number): Batch {
    const { rows, data = {} } = this.spec;
    const part = rows?.slice(start, start + count);
    if (part !== undefined) checkRows(part, start);
    const columns: Column[] = [];
    try {
      for (const field of this.schema.fields) {
        columns.push(
          part === undefined
            ? columnFrom(workspace, field, data[field.name], start, count)
            : buildPlaced(
                workspace,
                field,
                part.map((row) => ownProperty(row, field.name)),
                start,
              ),
        );
      }
    } catch (error) {
      for (const column of columns) column.release();
      throw error;
    }
    return new Batch(this.schema, count, columns);
  }
}

function checkRows(rows: readonly unknown[], start: number): void {
  const wrong = rows.findIndex((row) => typeof row !== "object" || row === null);
  if (wrong < 0) return;
  throw new EvaluationError(
    "ROW_INVALID",
    `Row ${start + wrong} is ${describeValue(rows[wrong])}, where an object with the columns as properties is needed.`,
    "Give objects such as { name: value }.",
  );
}

const ownProperty = (row: object, name: string): unknown =>
  Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : null;

/** The column of `values`, the first of which is that of row `start`. @throws {EvaluationError} VALUE_INVALID, of that row */
function buildPlaced(workspace: Workspace, { name, type }: Field, values: readonly unknown[], start: number): Column {
  const builder = columnBuilder(workspace, type, values.length);
  try {
    for (const value of values) builder.append(value);
    return builder.finish();
  } catch (cause) {
    if (!(cause instanceof EvaluationError)) throw cause;
    const { code, whatHappened, whatToDo } = cause;
    throw new EvaluationError(code, `Row ${start + builder.length}, column "${name}": ${whatHappened}`, whatToDo);
  } finally {
    builder.close();
  }
}

function schemaOf({ rows, data }: MemorySourceSpec): Schema {
  if (rows !== undefined) return inferSchema(rows);
  return new Schema(
    Object.entries(data ?? {}).map(([name, values]) => ({
      name,
      type: typedArrayType(values) ?? inferColumn(name, values as readonly unknown[]),
    })),
  );
}

function inferColumn(name: string, values: readonly unknown[]): DataType {
  if (!Array.isArray(values)) throw invalid(`column "${name}" is no array`);
  return inferSchema(values.map((value) => ({ [name]: value as unknown }))).fields[0]?.type ?? nullType;
}

function columnsLength(data: Readonly<Record<string, MemoryColumn>>, schema: Schema): number {
  let length: number | undefined;
  for (const name of schema.names) {
    const values = Object.hasOwn(data, name) ? (data[name] as { length?: number } | undefined) : undefined;
    if (typeof values?.length !== "number") throw invalid(`column "${name}" is no array`);
    length ??= values.length;
    if (values.length !== length) throw invalid(`column "${name}" has ${values.length} values, others have ${length}`);
  }
  return length ?? 0;
}

function columnFrom(workspace: Workspace, field: Field, values: MemoryColumn, start: number, count: number): Column {
  const { type } = field;
  const stored = typedArrayType(values);
  if (stored === undefined) {
    return buildPlaced(workspace, field, (values as readonly unknown[]).slice(start, start + count), start);
  }
  const typed = values as Int32Array;
  // The same layout under another name is copied as it is: int64 as timestamp, int32 as date.
  if (!sameType(stored, type) && !sharesLayout(stored, type)) {
    return buildPlaced(workspace, field, Array.from(typed.subarray(start, start + count)), start);
  }
  const width = byteWidth(type);
  const block = workspace.allocate(count * width);
  workspace.u8.set(new Uint8Array(typed.buffer, typed.byteOffset + start * width, count * width), block.address);
  return columnOf(workspace, type, count, { data: block });
}

const sharesLayout = (stored: DataType, type: DataType): boolean =>
  (stored.kind === "int64" && type.kind === "timestamp") || (stored.kind === "int32" && type.kind === "date");

const invalid = (what: string): PlanError =>
  new PlanError("MEMORY_INVALID", `Data in memory cannot be read: ${what}.`, "Pass rows, or columns of one length.");
