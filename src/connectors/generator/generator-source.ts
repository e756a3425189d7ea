import { Batch } from "../../core/batch.ts";
import { columnOf } from "../../core/columns/allocate.ts";
import { PlanError, UserFunctionError } from "../../core/errors.ts";
import type { ExpressionNode } from "../../core/expressions/node.ts";
import { type CompiledProjection, compileProjection } from "../../core/expressions/projection.ts";
import { inferSchema } from "../../core/rows/infer-schema.ts";
import { createRowWriter, type RowWriter } from "../../core/rows/row-writer.ts";
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
import { RowPace } from "./row-pace.ts";

/**
 * Rows by their number n = 0, 1, 2, ...: from expressions over the int64 column `n`, which any thread can compute, or
 * from a user function, which stays on the planning thread (the spec is no JSON then). The function must give the same
 * row for the same n: after a restore it is asked again.
 */
export interface GeneratorSourceSpec extends SourceSpec {
  readonly kind: "generator";
  readonly expressions?: readonly { readonly name: string; readonly expression: ExpressionNode }[];
  readonly generate?: (n: number) => object;
  /** Of what `generate` gives; default: found in the first rows (see core/rows/infer-schema.ts). */
  readonly schema?: Schema;
  /** Absent: rows without end. */
  readonly count?: number;
  /** Of all splits together; absent: as many as the job takes. */
  readonly rowsPerSecond?: number;
  /** Split i of k gives the rows i, i + k, i + 2k, ...; default 1. A restored job needs the same number. */
  readonly splitCount?: number;
}

interface GeneratorSplit {
  readonly index: number;
  readonly count: number;
}

const SAMPLE_ROWS = 16;
const NUMBERS = Schema.of({ n: int64 });

export const generatorSource: SourceFactory = (spec) => new GeneratorSource(spec as GeneratorSourceSpec);

/** @throws {PlanError} GENERATOR_INVALID, those of the expressions. @throws {UserFunctionError} */
export class GeneratorSource implements Source {
  readonly spec: GeneratorSourceSpec;
  readonly schema: Schema;
  readonly boundedness: "bounded" | "unbounded";
  /** All at once: each has rows at any time. */
  readonly openSplits = Number.POSITIVE_INFINITY;
  readonly #splitCount: number;

  constructor(spec: GeneratorSourceSpec) {
    const { expressions, generate, count, rowsPerSecond, splitCount = 1 } = spec;
    if ((expressions === undefined) === (generate === undefined)) {
      throw invalid("expressions or a function are needed, and just one of them");
    }
    if (count !== undefined && !(Number.isSafeInteger(count) && count >= 0)) throw invalid(`count is ${count}`);
    if (rowsPerSecond !== undefined && !(rowsPerSecond > 0)) throw invalid(`rowsPerSecond is ${rowsPerSecond}`);
    if (!Number.isSafeInteger(splitCount) || splitCount < 1) throw invalid(`splitCount is ${splitCount}`);
    this.spec = spec;
    this.#splitCount = splitCount;
    this.boundedness = count === undefined ? "unbounded" : "bounded";
    if (expressions !== undefined) {
      const projection = compileProjection(expressions, NUMBERS);
      this.schema = projection.schema;
      projection.close();
    } else this.schema = spec.schema ?? inferSchema(sample(spec));
  }

  get statistics(): SourceStatistics {
    return this.spec.count === undefined ? {} : { rows: this.spec.count };
  }

  get description(): string {
    const { count, rowsPerSecond } = this.spec;
    const pace = rowsPerSecond === undefined ? "" : `, ${rowsPerSecond} per second`;
    return `generator (${count === undefined ? "rows without end" : `${count} rows`}${pace})`;
  }

  splits(): readonly Split[] {
    const { count = Number.POSITIVE_INFINITY } = this.spec;
    return Array.from({ length: this.#splitCount }, (_, index) => {
      const rows = Math.max(0, Math.ceil((count - index) / this.#splitCount));
      const isEndless = rows === Number.POSITIVE_INFINITY;
      return {
        id: `generator ${index} of ${this.#splitCount}`,
        ordinal: index,
        ...(isEndless ? {} : { rows }),
        payload: { index, count: isEndless ? Number.MAX_SAFE_INTEGER : rows },
      };
    });
  }

  /** `offset`: how many rows the split has given. */
  openSplit(split: Split, context: SourceContext, offset?: Json): SplitReader {
    const { index, count } = split.payload as unknown as GeneratorSplit;
    const { expressions, rowsPerSecond } = this.spec;
    const first = { n: index, step: this.#splitCount };
    const rows =
      expressions === undefined
        ? new FunctionRows(context, this.spec, this.schema, first)
        : new ExpressionRows(context, compileProjection(expressions, NUMBERS), first);
    const perSecond = rowsPerSecond === undefined ? undefined : rowsPerSecond / this.#splitCount;
    return new GeneratorReader(
      rows,
      new RowPace(context.host, perSecond),
      context.batchRows,
      count,
      Number(offset ?? 0),
    );
  }
}

/** Makes rows of a split by their number within it. */
interface GeneratedRows {
  make(from: number, count: number): Batch;
  close(): void;
}

class GeneratorReader implements SplitReader {
  readonly #rows: GeneratedRows;
  readonly #pace: RowPace;
  readonly #batchRows: number;
  readonly #count: number;
  #given: number;
  #isOpen = true;

  constructor(rows: GeneratedRows, pace: RowPace, batchRows: number, count: number, given: number) {
    this.#rows = rows;
    this.#pace = pace;
    this.#batchRows = batchRows;
    this.#count = count;
    this.#given = given;
  }

  next(): Batch | undefined | Promise<Batch | undefined> {
    if (!this.#isOpen || this.#given >= this.#count) return undefined;
    const allowed = this.#pace.take(Math.min(this.#batchRows, this.#count - this.#given));
    if (allowed === 0) return this.#pace.wait().then(() => this.next());
    const batch = this.#rows.make(this.#given, allowed);
    this.#given += allowed;
    return batch;
  }

  offset(): Json {
    return this.#given;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#pace.close();
    this.#rows.close();
  }
}

interface Numbering {
  readonly n: number;
  readonly step: number;
}

class ExpressionRows implements GeneratedRows {
  readonly #context: SourceContext;
  readonly #projection: CompiledProjection;
  readonly #first: Numbering;

  constructor(context: SourceContext, projection: CompiledProjection, first: Numbering) {
    this.#context = context;
    this.#projection = projection;
    this.#first = first;
  }

  make(from: number, count: number): Batch {
    const { workspace } = this.#context;
    const { n, step } = this.#first;
    const data = workspace.allocate(count * 8);
    workspace.kernels.sequenceI64(BigInt(n + from * step), BigInt(step), count, data.address);
    const numbers = new Batch(NUMBERS, count, [columnOf(workspace, int64, count, { data })]);
    try {
      return new Batch(this.#projection.schema, count, this.#projection.evaluate(workspace, numbers));
    } finally {
      numbers.release();
    }
  }

  close(): void {
    this.#projection.close();
  }
}

class FunctionRows implements GeneratedRows {
  readonly #writer: RowWriter;
  readonly #generate: (n: number) => object;
  readonly #first: Numbering;

  constructor(context: SourceContext, spec: GeneratorSourceSpec, schema: Schema, first: Numbering) {
    const isInferred = spec.schema === undefined;
    this.#writer = createRowWriter(context.workspace, schema, { where: "generator", isInferred });
    this.#generate = (n) => generated(spec, n);
    this.#first = first;
  }

  make(from: number, count: number): Batch {
    const { n, step } = this.#first;
    const writer = this.#writer;
    writer.reserve(count);
    if (writer.wantsCheck) {
      for (let i = from; i < from + count; i++) writer.writeChecked(this.#generate(n + i * step));
    } else {
      for (let i = from; i < from + count; i++) writer.write(this.#generate(n + i * step));
    }
    return writer.take();
  }

  close(): void {
    this.#writer.close();
  }
}

function generated({ generate }: GeneratorSourceSpec, n: number): object {
  try {
    return generate?.(n) ?? {};
  } catch (cause) {
    throw new UserFunctionError(`generator (row ${n})`, cause);
  }
}

function sample(spec: GeneratorSourceSpec): object[] {
  const rows = Math.min(SAMPLE_ROWS, spec.count ?? SAMPLE_ROWS);
  if (rows === 0) throw invalid("its columns are unknown, since it has no rows");
  return Array.from({ length: rows }, (_, n) => generated(spec, n));
}

const invalid = (what: string): PlanError =>
  new PlanError(
    "GENERATOR_INVALID",
    `Rows cannot be generated: ${what}.`,
    "Give expressions or a function; count is a whole number, splitCount one above 0, rowsPerSecond above 0.",
  );
