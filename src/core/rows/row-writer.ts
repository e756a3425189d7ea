import { Batch } from "../batch.ts";
import { type ColumnBuilder, columnBuilder } from "../columns/builder.ts";
import { describeValue } from "../describe-value.ts";
import { EngineError, EvaluationError } from "../errors.ts";
import type { Schema } from "../schema.ts";
import { formatType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { canGenerateCode, generateCode, giveBackCode, literal, takeCode } from "./code-generation.ts";
import { convertValue, FixedColumn, type StoreForm, storeForm } from "./fixed-column.ts";
import { TextColumn } from "./text-column.ts";

export interface RowWriterOptions {
  /** For messages: `map "scale" at job.ts:12:5`. */
  readonly where: string;
  /** True where the schema was guessed from the first rows: rows that disagree throw ROW_SHAPE_CHANGED. */
  readonly isInferred?: boolean;
  /** True: properties that are no columns are dropped without a word. */
  readonly allowsExtra?: boolean;
  /** Source text of the user function that gives the rows; see `takeCode`. */
  readonly functionText?: string | undefined;
  /** False forbids generated code; default: used where the process allows it. */
  readonly generate?: boolean;
}

/**
 * Puts plain objects into columns of a schema.
 * A missing property, null and undefined are null. Values have the forms of `ValueOf` (and those that ColumnBuilder
 * takes); another value throws VALUE_INVALID (ROW_SHAPE_CHANGED for an inferred schema), something that is no object
 * ROW_INVALID, a property that is no column ROW_PROPERTY_UNKNOWN. Messages name the column and count the rows that
 * this writer got, from 0. After a throw the writer can only be closed.
 *
 * `write` looks for unknown properties only where a column is missing (a misspelt name); `writeChecked` in each row,
 * at twice the price. `wantsCheck` says which to use for the next rows: always the latter where the schema is
 * inferred, otherwise in the first rows and one batch of `CHECKED_SHARE`.
 */
export interface RowWriter {
  /** Rows since the last `take`. */
  readonly length: number;
  readonly wantsCheck: boolean;
  /** Makes room for that many rows in all, to save growing step by step. */
  reserve(rowCount: number): void;
  write(row: unknown): void;
  writeChecked(row: unknown): void;
  /** The rows since the last `take`, owned by the caller. */
  take(): Batch;
  close(): void;
}

const CHECKED_ROWS = 1024;
const CHECKED_SHARE = 16;
const LEAST_CAPACITY = 64;

export function createRowWriter(workspace: Workspace, schema: Schema, options: RowWriterOptions): RowWriter {
  return (options.generate ?? canGenerateCode())
    ? generateWriter(workspace, schema, options)
    : new InterpretedWriter(workspace, schema, options);
}

/** What both writers share: the counting of rows, the checks and their messages. */
abstract class CheckingWriter {
  readonly schema: Schema;
  readonly workspace: Workspace;
  readonly #options: RowWriterOptions;
  readonly #names: ReadonlySet<string>;
  #rowsTaken = 0;
  #batchesTaken = 0;

  constructor(workspace: Workspace, schema: Schema, options: RowWriterOptions) {
    this.workspace = workspace;
    this.schema = schema;
    this.#options = options;
    this.#names = new Set(schema.names);
  }

  abstract get length(): number;

  get wantsCheck(): boolean {
    if (this.#options.allowsExtra) return false;
    return (
      this.#options.isInferred === true ||
      this.#rowsTaken + this.length < CHECKED_ROWS ||
      this.#batchesTaken % CHECKED_SHARE === 0
    );
  }

  protected countBatch(rowCount: number): void {
    this.#rowsTaken += rowCount;
    this.#batchesTaken++;
  }

  /** A row that is not an object with one property per column. */
  protected readonly checkRow = (row: unknown): void => {
    const { where, allowsExtra, isInferred } = this.#options;
    if (typeof row !== "object" || row === null || Array.isArray(row) || row instanceof Promise) {
      const what = row instanceof Promise ? "a promise" : describeValue(row);
      throw new EvaluationError(
        "ROW_INVALID",
        `${where} gave ${what} as row ${this.#rowNumber}, where an object with the columns as properties is needed.`,
        row instanceof Promise
          ? "Functions over rows are synchronous: remove async, and load what they need beforehand."
          : "Return an object such as { name: value }.",
      );
    }
    if (allowsExtra) return;
    for (const name of Object.keys(row)) {
      if (this.#names.has(name)) continue;
      const known = this.schema.names.map((column) => JSON.stringify(column)).join(", ");
      throw new EvaluationError(
        isInferred ? "ROW_SHAPE_CHANGED" : "ROW_PROPERTY_UNKNOWN",
        `${where} gave row ${this.#rowNumber} with the property ${JSON.stringify(name)}, which is no column${isInferred ? " of the schema that was inferred from the first rows" : ""}; the columns are ${known}.`,
        isInferred
          ? "Declare the output schema, or return the same properties for every row (null where there is no value)."
          : "Correct the name, add the column to the output schema, or drop the property.",
      );
    }
  };

  protected readonly failValue = (index: number, value: unknown, cause?: unknown): never => {
    const { where, isInferred } = this.#options;
    if (cause !== undefined && !(cause instanceof EvaluationError && cause.code === "VALUE_INVALID")) throw cause;
    const { name, type } = this.schema.fields[index];
    const shown = cause instanceof EngineError ? cause.whatHappened : `The value is ${describeValue(value)}.`;
    throw new EvaluationError(
      isInferred ? "ROW_SHAPE_CHANGED" : "VALUE_INVALID",
      `${where} gave row ${this.#rowNumber} with a value that does not fit the column "${name}" of type ${formatType(type)}${isInferred ? ", as inferred from the first rows" : ""}. ${shown}`,
      isInferred
        ? "Declare the output schema with a type that fits all rows, or return values of one type."
        : "Return a value of the column's type, or declare another type.",
    );
  };

  get #rowNumber(): number {
    return this.#rowsTaken + this.length;
  }
}

/** What generated code asks its writer for. */
interface WriterHooks {
  grow(): void;
  checkRow(row: unknown): void;
  failValue(index: number, value: unknown, cause?: unknown): never;
  convert(index: number, value: unknown): unknown;
}

export interface WriterCode {
  serve(hooks: WriterHooks | null): void;
  bind(columns: readonly (FixedColumn | TextColumn | ColumnBuilder)[], capacity: number): void;
  reset(): void;
  length(): number;
  write(row: unknown): void;
  writeChecked(row: unknown): void;
}

function generateWriter(workspace: Workspace, schema: Schema, options: RowWriterOptions): RowWriter {
  const { functionText } = options;
  const parts = writerParts(schema);
  const source = `${parts.declarations} return { ${parts.members} };`;
  const generate = () => generateCode<WriterCode>("write", {}, source, clearWriter);
  if (functionText === undefined) return new GeneratedWriter(workspace, schema, options, generate());
  const key = `${functionText}\n${source}`;
  const code = takeCode(key, generate);
  return new GeneratedWriter(workspace, schema, options, code, () => giveBackCode(key, code));
}

/** Stores into typed arrays by code made for the schema; see `writerParts`. */
export class GeneratedWriter extends CheckingWriter implements RowWriter {
  readonly #columns: (FixedColumn | TextColumn | ColumnBuilder)[];
  readonly #code: WriterCode;
  readonly #giveBack: (() => void) | undefined;
  readonly write: (row: unknown) => void;
  readonly writeChecked: (row: unknown) => void;
  #capacity = 0;

  /** `giveBack` is called when the code is not needed any more. */
  constructor(
    workspace: Workspace,
    schema: Schema,
    options: RowWriterOptions,
    code: WriterCode,
    giveBack?: () => void,
  ) {
    super(workspace, schema, options);
    this.#columns = schema.fields.map(({ type }) => {
      const form = storeForm(type);
      if (form === "text") return new TextColumn(workspace);
      return form === "other" ? columnBuilder(workspace, type) : new FixedColumn(workspace, type);
    });
    this.#code = code;
    this.#giveBack = giveBack;
    code.serve({
      grow: () => this.reserve(Math.max(LEAST_CAPACITY, this.#capacity * 2)),
      checkRow: this.checkRow,
      failValue: this.failValue,
      convert: (k: number, value: unknown) => convertValue(schema.fields[k].type, value) ?? this.failValue(k, value),
    });
    this.write = code.write;
    this.writeChecked = code.writeChecked;
  }

  get length(): number {
    return this.#code.length();
  }

  reserve(rowCount: number): void {
    if (rowCount <= this.#capacity) return;
    for (const column of this.#columns) {
      if (column instanceof FixedColumn || column instanceof TextColumn) column.reserve(rowCount, this.length);
    }
    this.#capacity = rowCount;
    this.#code.bind(this.#columns, rowCount);
  }

  take(): Batch {
    return this.takeRows(this.length);
  }

  /** Takes that many rows, which code of another kind has put into the columns. */
  takeRows(length: number): Batch {
    // Columns without rows have no blocks yet.
    this.reserve(1);
    const columns = this.#columns.map((column) =>
      column instanceof FixedColumn || column instanceof TextColumn ? column.take(length) : column.finish(),
    );
    this.countBatch(length);
    this.#capacity = 0;
    this.#code.reset();
    return new Batch(this.schema, length, columns);
  }

  close(): void {
    for (const column of this.#columns) column.close();
    if (this.#giveBack === undefined) return;
    clearWriter(this.#code);
    this.#giveBack();
  }
}

/** Leaves no memory of the job behind in the code. */
export function clearWriter(code: WriterCode): void {
  code.reset();
  code.serve(null);
}

/** Own properties only, where Object.prototype would answer for a column that the row lacks. */
const propertySource = (name: string): string =>
  name in Object.prototype
    ? `(Object.hasOwn(row, ${literal(name)}) ? row[${literal(name)}] : undefined)`
    : `row[${literal(name)}]`;

/**
 * Source of a writer: its variables, and the members of `WriterCode`. `length` is an expression for the number of rows
 * that were stored, which is `n` where `write` counts them.
 */
export function writerParts(schema: Schema, length = "n"): { readonly declarations: string; readonly members: string } {
  const forms = schema.fields.map(({ type }) => storeForm(type));
  const variables = forms.map((_, k) => `data${k} = null, halves${k} = null, nulls${k} = null, column${k} = null`);
  const rebind = forms.map((form, k) =>
    form === "text" || form === "other"
      ? `column${k} = columns[${k}];`
      : `column${k} = columns[${k}]; data${k} = column${k}.values; halves${k} = column${k}.halves; nulls${k} = column${k}.nulls;`,
  );
  const release = forms.map((_, k) => `data${k} = halves${k} = nulls${k} = column${k} = null;`);
  const write = (isChecked: boolean) => `(row) => {
    if (n === capacity) hooks.grow();
    ${storeRowSource(schema, isChecked)}
    n++;
  }`;
  return {
    declarations: `var n = 0, capacity = 0, hooks = null;
  ${variables.length > 0 ? `var ${variables.join(",\n    ")};` : ""}`,
    members: `
    bind(columns, rows) { capacity = rows; ${rebind.join("\n      ")} },
    serve(given) { hooks = given; if (given === null) { ${release.join(" ")} } },
    reset() { n = 0; capacity = 0; },
    length() { return ${length}; },
    write: ${write(false)},
    writeChecked: ${write(true)},`,
  };
}

/** Statements that store the object `row` as row `n` of the columns; hooks take `n` for the number of the row. */
export function storeRowSource(schema: Schema, isChecked: boolean): string {
  const { fields } = schema;
  const stores = fields.map(
    ({ name, type }, k) => `const v${k} = ${propertySource(name)};\n${storeSource(storeForm(type), k)}`,
  );
  // The count is right for rows with all columns; where one is undefined, the branch for nulls looks at the names.
  const count = `let keys = 0; for (const key in row) keys++; if (keys > ${fields.length}) hooks.checkRow(row);`;
  return `if (typeof row !== "object" || row === null) hooks.checkRow(row);
    ${isChecked ? count : ""}
    ${stores.join("\n    ")}`;
}

/** Stores v<k> at row n: the common value first, then null, then what has to be converted or refused. */
function storeSource(form: StoreForm, k: number): string {
  const v = `v${k}`;
  const values = `data${k}`;
  const undefinedCheck = `if (${v} === undefined) hooks.checkRow(row);`;
  if (form === "text") {
    return `if (typeof ${v} === "string") column${k}.append(${v}, n);
      else if (${v} === null || ${v} === undefined) { ${undefinedCheck} column${k}.appendNull(n); }
      else hooks.failValue(${k}, ${v});`;
  }
  if (form === "other") {
    return `${undefinedCheck} try { column${k}.append(${v}); } catch (error) { hooks.failValue(${k}, ${v}, error); }`;
  }
  const blank = form === "bool" ? "" : `${values}[n] = ${form === "bigint" ? "0n" : "0"};`;
  const setNull = `{ ${undefinedCheck}
        if (nulls${k} === null) nulls${k} = column${k}.addNulls();
        nulls${k}[n >>> 3] &= ~(1 << (n & 7)); ${blank} }`;
  const other = `else if (${v} === null || ${v} === undefined) ${setNull}`;
  if (form === "bool") {
    return `if (${v} === true) ${values}[n >>> 3] |= 1 << (n & 7);
      else if (${v} !== false) { if (${v} === null || ${v} === undefined) ${setNull} else hooks.failValue(${k}, ${v}); }`;
  }
  if (form === "bigint") {
    // Integers as numbers are stored as two halves: a BigInt each would be garbage.
    return `if (typeof ${v} === "number" && Number.isSafeInteger(${v})) {
        halves${k}[2 * n] = ${v} | 0; halves${k}[2 * n + 1] = Math.floor(${v} / 4294967296);
      } ${other} else ${values}[n] = hooks.convert(${k}, ${v});`;
  }
  const fits: Record<string, string> = {
    float: `typeof ${v} === "number"`,
    int32: `typeof ${v} === "number" && (${v} | 0) === ${v}`,
    uint32: `typeof ${v} === "number" && (${v} >>> 0) === ${v}`,
    int16: `typeof ${v} === "number" && (${v} << 16 >> 16) === ${v}`,
    uint16: `typeof ${v} === "number" && (${v} & 65535) === ${v}`,
    int8: `typeof ${v} === "number" && (${v} << 24 >> 24) === ${v}`,
    uint8: `typeof ${v} === "number" && (${v} & 255) === ${v}`,
  };
  return `if (${fits[form]}) ${values}[n] = ${v}; ${other} else ${values}[n] = hooks.convert(${k}, ${v});`;
}

/** The same without generated code. */
class InterpretedWriter extends CheckingWriter implements RowWriter {
  readonly #builders: ColumnBuilder[];
  length = 0;

  constructor(workspace: Workspace, schema: Schema, options: RowWriterOptions) {
    super(workspace, schema, options);
    this.#builders = schema.fields.map(({ type }) => columnBuilder(workspace, type));
  }

  reserve(): void {}

  readonly write = (row: unknown): void => {
    if (typeof row !== "object" || row === null) this.checkRow(row);
    const values = row as Record<string, unknown>;
    for (const [k, { name }] of this.schema.fields.entries()) {
      const value = !(name in Object.prototype) || Object.hasOwn(values, name) ? values[name] : undefined;
      if (value === undefined) this.checkRow(row);
      try {
        this.#builders[k].append(value);
      } catch (error) {
        this.failValue(k, value, error);
      }
    }
    this.length++;
  };

  readonly writeChecked = (row: unknown): void => {
    this.checkRow(row);
    this.write(row);
  };

  take(): Batch {
    const { length } = this;
    this.countBatch(length);
    this.length = 0;
    return new Batch(
      this.schema,
      length,
      this.#builders.map((builder) => builder.finish()),
    );
  }

  close(): void {
    for (const builder of this.#builders) builder.close();
  }
}
