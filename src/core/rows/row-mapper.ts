import type { Batch } from "../batch.ts";
import type { Schema } from "../schema.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { cellForm } from "./cells.ts";
import { canGenerateCode, generateCode, giveBackCode, literal, takeCode } from "./code-generation.ts";
import { storeForm } from "./fixed-column.ts";
import {
  clearReader,
  createRowReader,
  liveRowSource,
  READER_PARAMETERS,
  ReaderBindings,
  type ReaderCode,
  type RowFunction,
  readerSource,
  shownColumn,
  VIEW_COUNT,
  viewsSource,
} from "./row-view.ts";
import {
  clearWriter,
  createRowWriter,
  GeneratedWriter,
  type RowWriterOptions,
  storeRowSource,
  type WriterCode,
  writerParts,
} from "./row-writer.ts";

/** Calls a function with the row views of batches, and makes batches of the objects that it returns. */
export interface RowMapper<C> {
  /** The results for the rows of a batch, which it borrows; the caller owns what it gets. */
  map(batch: Batch, apply: RowFunction<unknown, C>, context: C): Batch;
  /** The row of the batch for which the function was called last, where `map` threw. */
  readonly row: number;
  close(): void;
}

/** A mapper that shows each of its results, as a row view, to a condition at once. */
export interface RowMapperWithFilter<C> extends Omit<RowMapper<C>, "map"> {
  /** Like `map`; writes the positions of results that `keeps` wants to `kept`, and their number is `count`. */
  mapAndSelect(
    batch: Batch,
    apply: RowFunction<unknown, C>,
    context: C,
    keeps: RowFunction<unknown, C>,
    keepsContext: C,
    kept: Uint32Array,
  ): { readonly results: Batch; readonly count: number };
  /** True where `mapAndSelect` threw because the condition did. */
  readonly isFiltering: boolean;
}

/** What a mapper reads; code is made for columns with nulls where `sample` has some, for speed only. */
export interface MapperInput {
  readonly schema: Schema;
  readonly sample: Batch;
}

/** Reading, calling and storing are one generated loop where the process allows that. */
export function createRowMapper<C>(
  workspace: Workspace,
  input: MapperInput,
  output: Schema,
  options: RowWriterOptions,
): RowMapper<C> {
  return canGenerateCode()
    ? new GeneratedMapper(workspace, input, output, options, options.functionText)
    : new InterpretedMapper(workspace, input.schema, output, options);
}

/** Whether results of this schema can be shown to a condition while their batch is being written. */
export const canFilterResults = (output: Schema): boolean =>
  canGenerateCode() &&
  output.fields.every(({ type }) => {
    const form = storeForm(type);
    return form !== "text" && form !== "other";
  });

/** `filterText` is the source of the condition; without either text the code is not kept for the next job. */
export function createRowMapperWithFilter<C>(
  workspace: Workspace,
  input: MapperInput,
  output: Schema,
  options: RowWriterOptions,
  filterText: string | undefined,
): RowMapperWithFilter<C> {
  const { functionText } = options;
  const texts = functionText === undefined || filterText === undefined ? undefined : `${functionText}\n${filterText}`;
  return new GeneratedMapper(workspace, input, output, options, texts, true);
}

type Loop = (apply: unknown, context: unknown, end: number) => void;
type SelectingLoop = (
  apply: unknown,
  context: unknown,
  keeps: unknown,
  keepsContext: unknown,
  end: number,
  kept: Uint32Array,
) => number;

interface MapperCode extends ReaderCode {
  readonly writer: WriterCode;
  map: Loop;
  mapChecked: Loop;
  mapAndSelect: SelectingLoop;
  mapAndSelectChecked: SelectingLoop;
  retireResults(): void;
  liveResult(): number;
}

class GeneratedMapper<C> implements RowMapper<C>, RowMapperWithFilter<C> {
  readonly #code: MapperCode;
  readonly #reader: ReaderBindings;
  readonly #writer: GeneratedWriter;
  row = -1;
  isFiltering = false;

  constructor(
    workspace: Workspace,
    { schema, sample }: MapperInput,
    output: Schema,
    options: RowWriterOptions,
    texts: string | undefined,
    isFilter = false,
  ) {
    const columns = schema.fields.map(({ name }, column) => shownColumn(schema, name, column, sample));
    const source = readerSource(columns, isFilter ? selectingLoops(output) : plainLoops(output));
    const generate = () =>
      generateCode<MapperCode>("map", READER_PARAMETERS, source, (code) => {
        clearReader(code, columns.length);
        code.retireResults();
        clearWriter(code.writer);
      });
    const key = `${texts}\n${source}`;
    this.#code = texts === undefined ? generate() : takeCode(key, generate);
    this.#reader = new ReaderBindings(workspace, columns, this.#code);
    this.#writer = new GeneratedWriter(workspace, output, options, this.#code.writer, () => {
      this.#reader.clear();
      if (texts !== undefined) giveBackCode(key, this.#code);
    });
  }

  map(batch: Batch, apply: RowFunction<unknown, C>, context: C): Batch {
    const { rowCount } = batch;
    this.#run(batch, (isChecked) => (isChecked ? this.#code.mapChecked : this.#code.map)(apply, context, rowCount));
    return this.#writer.takeRows(rowCount);
  }

  mapAndSelect(
    batch: Batch,
    apply: RowFunction<unknown, C>,
    context: C,
    keeps: RowFunction<unknown, C>,
    keepsContext: C,
    kept: Uint32Array,
  ): { readonly results: Batch; readonly count: number } {
    const { rowCount } = batch;
    const count = this.#run(batch, (isChecked) =>
      (isChecked ? this.#code.mapAndSelectChecked : this.#code.mapAndSelect)(
        apply,
        context,
        keeps,
        keepsContext,
        rowCount,
        kept,
      ),
    );
    return { results: this.#writer.takeRows(rowCount), count };
  }

  close(): void {
    this.#writer.close();
  }

  #run<T>(batch: Batch, loop: (isChecked: boolean) => T): T {
    this.#reader.bind(batch);
    this.#writer.reserve(batch.rowCount);
    try {
      return loop(this.#writer.wantsCheck);
    } catch (thrown) {
      this.isFiltering = this.#code.liveResult() >= 0;
      this.row = Math.max(this.#code.liveRow(), this.#code.liveResult());
      throw thrown;
    } finally {
      this.#code.retireAll();
      this.#code.retireResults();
    }
  }
}

/** The writer of the results beside the reader; while rows are stored, the live view says which one it is. */
function writerSource(output: Schema): string {
  const { declarations, members } = writerParts(output, "Math.max(0, Row.liveRow())");
  return `${declarations}
  var results = [];
  var writer = { ${members} };`;
}

const RETURNED = "writer, retireResults: Row.retireResults, liveResult: Row.liveResult,";

const mapRowSource = (output: Schema, isChecked: boolean) => `
        const view = views[n & ${VIEW_COUNT - 1}];
        view.#row = n;
        const row = apply(view, context);
        ${storeRowSource(output, isChecked)}
        view.#row = -1;`;

const RESULT_MEMBERS = `
    static retireResults() { for (const view of results) view.#row = -1; }
    static liveResult() { ${liveRowSource("results")} }`;

function plainLoops(output: Schema) {
  const loop = (name: string, isChecked: boolean) => `
    static ${name}(apply, context, end) {
      for (let n = 0; n < end; n++) {${mapRowSource(output, isChecked)}
      }
    }`;
  return {
    declarations: writerSource(output),
    members: `${RESULT_MEMBERS}${loop("map", false)}${loop("mapChecked", true)}`,
    returned: `${RETURNED} map: Row.map, mapChecked: Row.mapChecked,`,
  };
}

function selectingLoops(output: Schema) {
  const getters = output.fields.map(({ name, type }, k) => ({
    name,
    body: `const i = this.#row; if (i < 0) stale(${literal(name)}); return ${storedSource(type, k)};`,
  }));
  const loop = (name: string, isChecked: boolean) => `
    static ${name}(apply, context, keeps, keepsContext, end, kept) {
      let count = 0;
      for (let n = 0; n < end; n++) {${mapRowSource(output, isChecked)}
        const result = results[n & ${VIEW_COUNT - 1}];
        result.#row = n;
        const isKept = keeps(result, keepsContext);
        result.#row = -1;
        // Written in any case: a branch on the data would be mispredicted half the time.
        kept[count] = n;
        count += !!isKept & 1;
      }
      return count;
    }`;
  return {
    declarations: writerSource(output),
    members: `${viewsSource("results", getters)}${RESULT_MEMBERS}
    ${loop("mapAndSelect", false)}${loop("mapAndSelectChecked", true)}`,
    returned: `${RETURNED} mapAndSelect: Row.mapAndSelect, mapAndSelectChecked: Row.mapAndSelectChecked,`,
  };
}

/** Source of an expression for row `i` of column `k` of what the writer holds. */
function storedSource(type: DataType, k: number): string {
  const isNull = `nulls${k} !== null && ((nulls${k}[i >>> 3] >>> (i & 7)) & 1) === 0`;
  switch (cellForm(type)) {
    case "milliseconds":
      return `${isNull} ? none() : halves${k}[2 * i + 1] * 4294967296 + (halves${k}[2 * i] >>> 0)`;
    case "bool":
      return `${isNull} ? none() : ((data${k}[i >>> 3] >>> (i & 7)) & 1) === 1`;
    default:
      return `${isNull} ? none() : data${k}[i]`;
  }
}

/** The same without generated code. */
class InterpretedMapper<C> implements RowMapper<C> {
  readonly #reader;
  readonly #writer;
  row = -1;

  constructor(workspace: Workspace, input: Schema, output: Schema, options: RowWriterOptions) {
    this.#reader = createRowReader(workspace, input, { generate: false });
    this.#writer = createRowWriter(workspace, output, { ...options, generate: false });
  }

  map(batch: Batch, apply: RowFunction<unknown, C>, context: C): Batch {
    const [reader, writer] = [this.#reader, this.#writer];
    reader.bind(batch);
    try {
      reader.each(apply, context, 0, batch.rowCount, writer.wantsCheck ? writer.writeChecked : writer.write);
    } catch (thrown) {
      this.row = reader.row;
      throw thrown;
    } finally {
      reader.unbind();
    }
    return writer.take();
  }

  close(): void {
    this.#writer.close();
    this.#reader.close();
  }
}
