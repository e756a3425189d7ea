import type { Column } from "../../core/column.ts";
import { columnOf } from "../../core/columns/allocate.ts";
import { PlanError } from "../../core/errors.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Field } from "../../core/schema.ts";
import { byteWidth, type DataType, formatType } from "../../core/types.ts";
import type { RecordBlock } from "../files/record-scanner.ts";
import { type FieldParser, fieldText, type ParseContext, packed } from "./field-parser.ts";
import { StringParser } from "./string-parser.ts";

/** Refuses the types that delimited text cannot hold, before anything is opened. */
export function checkFieldTypes(fields: readonly Field[]): void {
  for (const { name, type } of fields) {
    if (!["list", "struct", "map", "interval", "null"].includes(type.kind)) continue;
    throw new PlanError(
      "CSV_TYPE_UNSUPPORTED",
      `Column "${name}" has the type ${formatType(type)}, which CSV cannot hold.`,
      "Read it as utf8 and convert it with an expression.",
    );
  }
}

/** A parser for batches of at most `batchRows` rows. */
export function fieldParser(context: ParseContext, type: DataType, batchRows: number): FieldParser {
  const isBytes = type.kind === "utf8" || type.kind === "binary";
  return isBytes ? new StringParser(context, type, batchRows) : new FixedParser(context, type, batchRows);
}

type ParseKernel = (block: RecordBlock, field: number, values: Address, valid: Address) => number;

/** Numbers, bools, dates, times and decimals: one slot per row. */
class FixedParser implements FieldParser {
  readonly #context: ParseContext;
  readonly #type: DataType;
  readonly #batchRows: number;
  readonly #width: number;
  readonly #parse: ParseKernel;
  #values: Block | undefined;
  #valid: Block | undefined;

  constructor(context: ParseContext, type: DataType, batchRows: number) {
    this.#context = context;
    this.#type = type;
    this.#batchRows = batchRows;
    // Bools are bytes until the batch is complete.
    this.#width = type.kind === "bool" ? 1 : byteWidth(type);
    this.#parse = parseKernel(context, type);
  }

  parse(block: RecordBlock, field: number, start: number): number {
    const { workspace } = this.#context;
    this.#values ??= workspace.allocate(this.#batchRows * this.#width);
    this.#valid ??= workspace.allocate(this.#batchRows);
    return this.#parse(block, field, this.#values.address + start * this.#width, this.#valid.address + start);
  }

  finish(rows: number): Column {
    const { workspace } = this.#context;
    const validity = packed(workspace, this.#valid, rows);
    let data = this.#values ?? workspace.allocate(0);
    if (this.#type.kind === "bool") data = packed(workspace, this.#values, rows);
    this.#values = undefined;
    this.#valid = undefined;
    return columnOf(workspace, this.#type, rows, { data, validity });
  }

  close(): void {
    this.#values?.release();
    this.#valid?.release();
    this.#values = undefined;
    this.#valid = undefined;
  }
}

function parseKernel(context: ParseContext, type: DataType): ParseKernel {
  const { workspace, quote, nulls, scratch, bad } = context;
  const { kernels } = workspace;
  switch (type.kind) {
    case "bool":
      return ({ text, table, stride, rows }, field, values, valid) =>
        kernels.csvBools(text, table, stride, field, rows, quote, nulls, values, valid, bad);
    case "float64":
      return (block, field, values, valid) => {
        const { text, table, stride, rows } = block;
        const undecided = kernels.csvDoubles(text, table, stride, field, rows, quote, nulls, values, valid, bad);
        if (undecided === 0) return 0;
        return decide(context, block, field, (row, value) => {
          workspace.f64[values / 8 + row] = value;
        });
      };
    case "float32":
      return (block, field, values, valid) => {
        const { text, table, stride, rows } = block;
        const wide = workspace.allocate(rows * 8);
        kernels.csvDoubles(text, table, stride, field, rows, quote, nulls, wide.address, valid, bad);
        const { f32, f64 } = workspace;
        for (let row = 0; row < rows; row++) f32[(values >>> 2) + row] = f64[wide.address / 8 + row];
        wide.release();
        return decide(context, block, field, (row, value) => {
          f32[(values >>> 2) + row] = value;
        });
      };
    case "date":
      return ({ text, table, stride, rows }, field, values, valid) =>
        kernels.csvDates(text, table, stride, field, rows, quote, nulls, values, valid, bad);
    case "timestamp": {
      const units = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 }[type.unit];
      return ({ text, table, stride, rows }, field, values, valid) =>
        kernels.csvTimestamps(units, text, table, stride, field, rows, quote, nulls, values, valid, bad);
    }
    case "time": {
      const units = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 }[type.unit];
      const width = byteWidth(type);
      return ({ text, table, stride, rows }, field, values, valid) =>
        kernels.csvTimes(units, width, text, table, stride, field, rows, quote, nulls, values, valid, bad);
    }
    case "decimal":
      return ({ text, table, stride, rows }, field, values, valid) =>
        kernels.csvDecimals(
          type.precision,
          type.scale,
          text,
          table,
          stride,
          field,
          rows,
          quote,
          nulls,
          values,
          valid,
          bad,
        );
    default: {
      const bits = (type.kind.startsWith("u") ? 8 : -8) * byteWidth(type);
      return ({ text, table, stride, rows }, field, values, valid) =>
        kernels.csvIntegers(bits, text, table, stride, field, rows, quote, nulls, scratch, values, valid, bad);
    }
  }
}

const UNDECIDED = 2;
const BAD = 1;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const WORDS = new Map([
  ["nan", Number.NaN],
  ["inf", Number.POSITIVE_INFINITY],
  ["infinity", Number.POSITIVE_INFINITY],
]);

/** Converts the numbers that the kernel left: with many digits, at the ends of the range, or no numbers at all. */
function decide(
  context: ParseContext,
  block: RecordBlock,
  field: number,
  write: (row: number, value: number) => void,
): number {
  const { u8 } = context.workspace;
  let badCount = 0;
  for (let row = 0; row < block.rows; row++) {
    const flags = u8[context.bad + row];
    if ((flags & UNDECIDED) === 0) continue;
    const value = toNumber(fieldText(context, block, row, field));
    if (value === undefined) badCount++;
    else write(row, value);
    u8[context.bad + row] = (flags & ~UNDECIDED) | (value === undefined ? BAD : 0);
  }
  return badCount;
}

function toNumber(field: string): number | undefined {
  const text = field.trim();
  if (NUMBER.test(text)) return Number(text);
  const word = WORDS.get(text.replace(/^[+-]/, "").toLowerCase());
  if (word === undefined) return undefined;
  return text.startsWith("-") ? -word : word;
}
