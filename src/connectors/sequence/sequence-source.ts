import { Batch } from "../../core/batch.ts";
import { columnOf } from "../../core/columns/allocate.ts";
import { PlanError } from "../../core/errors.ts";
import { Schema } from "../../core/schema.ts";
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
import { int64 } from "../../core/types.ts";

/** Bounds are decimal texts where they pass the safe integers of JavaScript. */
export interface SequenceSourceSpec extends SourceSpec {
  readonly kind: "sequence";
  readonly from: number | string;
  /** The sequence ends before it. */
  readonly to: number | string;
  /** Not 0; default 1. */
  readonly step?: number | string;
  /** Default "value". */
  readonly column?: string;
  readonly columns?: readonly string[];
}

interface SequenceSplit {
  readonly first: string;
  readonly count: number;
}

const SPLIT_ROWS = 1 << 20;

export const sequenceSource: SourceFactory = (spec) => new SequenceSource(spec as SequenceSourceSpec);

/**
 * int64 values from, from + step, ... up to, and without, `to`; a negative step counts down.
 * @throws {PlanError} SEQUENCE_INVALID.
 */
export class SequenceSource implements Source {
  readonly spec: SequenceSourceSpec;
  readonly schema: Schema;
  readonly #first: bigint;
  readonly #step: bigint;
  readonly #count: number;

  constructor(spec: SequenceSourceSpec) {
    this.spec = spec;
    const all = new Schema([{ name: spec.column ?? "value", type: int64 }]);
    this.schema = spec.columns === undefined ? all : all.pick(spec.columns);
    this.#first = wholeNumber("from", spec.from);
    this.#step = wholeNumber("step", spec.step ?? 1);
    const to = wholeNumber("to", spec.to);
    if (this.#step === 0n) throw invalid("step is 0");
    const span = this.#step > 0n ? to - this.#first : this.#first - to;
    const stride = this.#step > 0n ? this.#step : -this.#step;
    const count = span <= 0n ? 0n : (span + stride - 1n) / stride;
    if (count > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`it has ${count} values`);
    this.#count = Number(count);
  }

  get statistics(): SourceStatistics {
    const name = this.schema.names[0];
    if (this.#count === 0 || name === undefined) return { rows: this.#count };
    const last = this.#first + BigInt(this.#count - 1) * this.#step;
    const [min, max] = this.#step > 0n ? [this.#first, last] : [last, this.#first];
    return {
      rows: this.#count,
      bytes: this.#count * 8,
      columns: { [name]: { min, max, nullCount: 0, distinct: this.#count } },
    };
  }

  get description(): string {
    const { from, to, step = 1 } = this.spec;
    return `sequence ${from} to ${to}${Number(step) === 1 ? "" : ` by ${step}`}`;
  }

  splits(): readonly Split[] {
    const splits: Split[] = [];
    for (let row = 0; row < this.#count; row += SPLIT_ROWS) {
      const count = Math.min(SPLIT_ROWS, this.#count - row);
      const first = String(this.#first + BigInt(row) * this.#step);
      splits.push({ id: `sequence from ${first}`, rows: count, bytes: count * 8, payload: { first, count } });
    }
    return splits;
  }

  openSplit(split: Split, context: SourceContext, offset?: Json): SplitReader {
    const { first, count } = split.payload as unknown as SequenceSplit;
    const step = this.#step;
    const { schema } = this;
    let row = typeof offset === "number" ? offset : 0;
    return {
      next: () => {
        if (row >= count) return undefined;
        const { workspace, batchRows } = context;
        const rows = Math.min(batchRows, count - row);
        const start = BigInt(first) + BigInt(row) * step;
        row += rows;
        if (schema.fields.length === 0) return new Batch(schema, rows, []);
        const data = workspace.allocate(rows * 8);
        workspace.kernels.sequenceI64(start, step, rows, data.address);
        return new Batch(schema, rows, [columnOf(workspace, int64, rows, { data })]);
      },
      offset: () => row,
      close: () => {
        row = count;
      },
    };
  }

  withColumns(columns: readonly string[]): SequenceSource {
    return new SequenceSource({ ...this.spec, columns });
  }
}

function wholeNumber(name: string, value: number | string): bigint {
  const isWhole = typeof value === "number" ? Number.isSafeInteger(value) : /^-?\d{1,19}$/.test(value);
  const whole = isWhole ? BigInt(value) : undefined;
  if (whole === undefined || BigInt.asIntN(64, whole) !== whole) throw invalid(`${name} is ${JSON.stringify(value)}`);
  return whole;
}

const invalid = (what: string): PlanError =>
  new PlanError(
    "SEQUENCE_INVALID",
    `A sequence cannot be made: ${what}.`,
    "from, to and step are whole numbers of int64, or their decimal texts, and step is not 0.",
  );
