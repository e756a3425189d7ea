import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnReader, rowObject } from "../columns/read.ts";
import { EvaluationError } from "../errors.ts";
import type { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";
import { bindCell, type CellForm, cellForm, cellSource, DictionaryTexts } from "./cells.ts";
import { canGenerateCode, generateCode, giveBackCode, literal, propertyKey, takeCode } from "./code-generation.ts";

/** A row as user functions get it: one enumerable property per column. */
export type Row = Record<string, unknown>;

/** A user function of one row. */
export type RowFunction<T, C = unknown> = (row: Row, context: C) => T;

/**
 * Views of the rows of one batch after the other.
 *
 * A **view** is a flyweight: an object with an enumerable getter per column that reads the batch when it is asked.
 * It means its row only during the call that it is passed to. Reading it later throws ROW_STALE, and never gives
 * another row's values unnoticed for long: `VIEW_COUNT` views take turns, so a kept one is stale for all but one of
 * that many calls. `{...row}`, Object.keys and JSON.stringify see the columns; a copy made by spreading may be kept.
 * Views cannot be written to.
 *
 * A **copy** (`copyAt`) is an ordinary object that the user may keep and change.
 */
export interface RowReader {
  /** The batch whose rows follow; the caller holds it until `unbind` or the next `bind`. */
  bind(batch: Batch): void;
  unbind(): void;
  /** A view of a row until `retire`, or until VIEW_COUNT more rows were viewed. */
  viewAt(row: number): Row;
  retire(view: Row): void;
  copyAt(row: number): Row;
  /** The object itself, or a copy where it is a view of this reader: for results that outlive the call. */
  settle(result: unknown): unknown;
  /** Calls `visit(apply(view, context))` for the rows [start, end). */
  each<T, C>(apply: RowFunction<T, C>, context: C, start: number, end: number, visit: (result: T) => void): void;
  /** The same, compiled apart: a caller with two kinds of `visit` keeps each fast. */
  eachToo<T, C>(apply: RowFunction<T, C>, context: C, start: number, end: number, visit: (result: T) => void): void;
  /** Writes the rows of [0, end) for which `keeps` gives a truthy value to `out`, and returns their number. */
  select<C>(keeps: RowFunction<unknown, C>, context: C, end: number, out: Uint32Array): number;
  /** The row that `each` or `select` was at when it threw. */
  readonly row: number;
  /** Lets a later job with the same function use the code of this reader, which must not be used any more. */
  close(): void;
}

/** A power of two. */
export const VIEW_COUNT = 16;

export interface RowReaderOptions {
  /** Names and positions of the columns to show; default: the whole schema. */
  readonly columns?: readonly { readonly name: string; readonly column: number }[];
  /** A batch such as will follow: code is made for columns with nulls where it has some, for speed only. */
  readonly sample?: Batch;
  /** Source text of the user function that gets the rows; without it, `close` has nothing to hand on. */
  readonly functionText?: string | undefined;
  /** False forbids generated code; default: used where the process allows it. */
  readonly generate?: boolean;
}

export function createRowReader(workspace: Workspace, schema: Schema, options: RowReaderOptions = {}): RowReader {
  const shown = options.columns ?? schema.fields.map(({ name }, column) => ({ name, column }));
  const columns = shown.map(({ name, column }) => shownColumn(schema, name, column, options.sample));
  return (options.generate ?? canGenerateCode())
    ? generateReader(workspace, columns, options.functionText)
    : new InterpretedReader(workspace, columns);
}

export const shownColumn = (schema: Schema, name: string, column: number, sample?: Batch): ShownColumn => ({
  name,
  column,
  form: cellForm(schema.fields[column].type),
  hasNulls: sample === undefined || sample.columns[column].validity !== 0,
});

export interface ShownColumn {
  readonly name: string;
  readonly column: number;
  readonly form: CellForm;
  /** Whether its getter expects nulls; either kind reads both right. */
  readonly hasNulls: boolean;
}

function stale(name: string): never {
  throw new EvaluationError(
    "ROW_STALE",
    `The column "${name}" of a row was read after the call that the row was passed to.`,
    "A row is a view that is valid during the call only: keep a copy of it, {...row}, or the values that you need.",
  );
}

const inspect = Symbol.for("nodejs.util.inspect.custom");

const BINDINGS = ["values", "validity", "read", "decode", "texts"] as const;

const UNBOUND = Object.fromEntries(BINDINGS.map((binding) => [binding, null]));

/** Code for the rows of one schema; see `readerSource`. */
export interface ReaderCode extends Pick<RowReader, "viewAt" | "retire" | "copyAt" | "settle"> {
  bind(bindings: readonly object[]): void;
  retireAll(): void;
  liveRow(): number;
}

/** More members of the class Row, which see the position `#row` of a view, and what the code returns with them. */
interface ReaderExtension {
  readonly declarations?: string;
  readonly members: string;
  readonly returned: string;
}

/** Names that the code of a reader expects. */
export const READER_PARAMETERS = { stale, inspect, none: () => null, unread: new Int32Array(0) };

/** Source of the views of rows with these columns. Getters are short: V8 inlines only so much into one loop. */
export function readerSource(columns: readonly ShownColumn[], extension: ReaderExtension): string {
  const variables = columns.map((_, k) =>
    [...BINDINGS.map((binding) => `${binding}${k} = null`), `plain${k} = unread`].join(", "),
  );
  const rebind = columns.map(
    ({ form, hasNulls }, k) =>
      `${BINDINGS.map((binding) => `${binding}${k} = b[${k}].${binding};`).join(" ")}
      ${isPlainForm(form) ? `plain${k} = values${k} === null${hasNulls ? "" : ` || validity${k} !== null`} ? unread : values${k};` : ""}`,
  );
  const cells = columns.map(
    ({ name, form }, k) =>
      `function cell${k}(i) { if (i < 0) stale(${literal(name)}); return ${cellSource(form, k)}; }`,
  );
  const getters = columns.map(({ name, form, hasNulls }, k) => ({
    name,
    body: isPlainForm(form)
      ? `const i = this.#row; return ${hasNulls ? `${isValid(k)} ? ${plainSource(k)} : cell${k}(i)` : plainSource(k)};`
      : `const i = this.#row; if (i < 0) stale(${literal(name)}); return ${cellSource(form, k)};`,
  }));
  const properties = columns.map(({ name, form }, k) => `${propertyKey(name)}: ${cellSource(form, k)}`);
  return `
  ${variables.length > 0 ? `var ${variables.join(",\n    ")};` : ""}
  ${extension.declarations ?? ""}
  ${cells.join("\n  ")}
  var views = [];
  var turn = 0;
  class Row {
    #row = -1;
    [inspect]() { return { ...this }; }
    ${viewsSource("views", getters)}
    static viewAt(i) {
      const view = views[turn];
      turn = (turn + 1) & ${VIEW_COUNT - 1};
      view.#row = i;
      return view;
    }
    static retire(view) { view.#row = -1; }
    static retireAll() { for (const view of views) view.#row = -1; }
    static settle(result) { return typeof result === "object" && result !== null && #row in result ? copyAt(result.#row) : result; }
    static liveRow() { ${liveRowSource("views")} }
    ${extension.members}
  }
  function copyAt(i) {
    if (i < 0) stale("any");
    return { ${properties.join(", ")} };
  }
  return {
    bind(b) { ${rebind.join("\n      ")} },
    copyAt,
    viewAt: Row.viewAt, retire: Row.retire, retireAll: Row.retireAll, settle: Row.settle, liveRow: Row.liveRow,
    ${extension.returned}
  };`;
}

/** Forms that are read by plain indexing where no value is null. */
const isPlainForm = (form: CellForm): boolean => form === "number" || form === "bigint";

/** Past the end of an array there is nothing: at -1 for a stale view, everywhere in a column that is not read this way. */
const plainSource = (k: number): string => `plain${k}[i] ?? cell${k}(i)`;

const isValid = (k: number): string => `(validity${k} === null || ((validity${k}[i >>> 3] >>> (i & 7)) & 1) === 1)`;

/** A static block that fills an array with views; `body` is what the getter of a column does. */
export const viewsSource = (views: string, getters: readonly { readonly name: string; readonly body: string }[]) => `
    static {
      const getters = [${getters.map(({ body }) => `function () { ${body} }`).join(",\n        ")}];
      for (let n = 0; n < ${VIEW_COUNT}; n++) {
        const row = new Row();
        ${getters.map(({ name }, k) => `Object.defineProperty(row, ${literal(name)}, { enumerable: true, get: getters[${k}] });`).join("\n        ")}
        ${views}.push(row);
      }
    }`;

/** The row of the view that is in use, -1 where none is. */
export const liveRowSource = (views: string) =>
  `let row = -1; for (const view of ${views}) row = Math.max(row, view.#row); return row;`;

const eachSource = (name: string) => `
    static ${name}(apply, context, start, end, visit) {
      for (let i = start; i < end; i++) {
        const view = views[i & ${VIEW_COUNT - 1}];
        view.#row = i;
        visit(apply(view, context));
        view.#row = -1;
      }
    }`;

const LOOPS: ReaderExtension = {
  members: `
    ${eachSource("each")}
    ${eachSource("eachToo")}
    static select(keeps, context, end, out) {
      let count = 0;
      for (let i = 0; i < end; i++) {
        const view = views[i & ${VIEW_COUNT - 1}];
        view.#row = i;
        const isKept = keeps(view, context);
        view.#row = -1;
        // Written in any case: a branch on the data would be mispredicted half the time.
        out[count] = i;
        count += !!isKept & 1;
      }
      return count;
    }`,
  returned: "each: Row.each, eachToo: Row.eachToo, select: Row.select,",
};

function generateReader(workspace: Workspace, columns: readonly ShownColumn[], functionText?: string): RowReader {
  const source = readerSource(columns, LOOPS);
  type Loops = Pick<RowReader, "each" | "eachToo" | "select">;
  const generate = () =>
    generateCode<ReaderCode & Loops>("rows", READER_PARAMETERS, source, (made) => clearReader(made, columns.length));
  const key = `${functionText}\n${source}`;
  const code = functionText === undefined ? generate() : takeCode(key, generate);
  const bindings = new ReaderBindings(workspace, columns, code);
  let isClosed = false;
  return {
    bind: (batch) => bindings.bind(batch),
    unbind: code.retireAll,
    viewAt: code.viewAt,
    retire: code.retire,
    copyAt: code.copyAt,
    settle: code.settle,
    each: code.each,
    eachToo: code.eachToo,
    select: code.select,
    get row() {
      return code.liveRow();
    },
    close: () => {
      if (functionText === undefined || isClosed) return;
      isClosed = true;
      bindings.clear();
      giveBackCode(key, code);
    },
  };
}

/** Points the code of a reader at batches. */
export class ReaderBindings {
  readonly #workspace: Workspace;
  readonly #columns: readonly ShownColumn[];
  readonly #code: ReaderCode;
  readonly #known: readonly DictionaryTexts[];

  constructor(workspace: Workspace, columns: readonly ShownColumn[], code: ReaderCode) {
    this.#workspace = workspace;
    this.#columns = columns;
    this.#code = code;
    this.#known = columns.map(() => new DictionaryTexts());
  }

  bind(batch: Batch): void {
    this.#code.bind(
      this.#columns.map(({ column }, k) => bindCell(this.#workspace, batch.columns[column], this.#known[k])),
    );
  }

  clear(): void {
    clearReader(this.#code, this.#columns.length);
  }
}

/** Leaves no memory of the job behind in the code. */
export function clearReader(code: ReaderCode, columnCount: number): void {
  code.retireAll();
  code.bind(new Array<object>(columnCount).fill(UNBOUND));
}

/** The same without generated code: about ten times slower. */
class InterpretedReader implements RowReader {
  readonly #workspace: Workspace;
  readonly #columns: readonly ShownColumn[];
  readonly #names: string[];
  readonly #views: Row[] = [];
  readonly #rowOf = new Map<unknown, number>();
  #readers: ((row: number) => unknown)[] = [];
  #turn = 0;

  constructor(workspace: Workspace, columns: readonly ShownColumn[]) {
    this.#workspace = workspace;
    this.#columns = columns;
    this.#names = columns.map(({ name }) => name);
    for (let n = 0; n < VIEW_COUNT; n++) this.#views.push(this.#createView());
    this.unbind();
  }

  get row(): number {
    return Math.max(-1, ...this.#rowOf.values());
  }

  bind(batch: Batch): void {
    this.#readers = this.#columns.map(({ column }) => lazyReader(this.#workspace, batch.columns[column]));
  }

  unbind(): void {
    for (const view of this.#views) this.#rowOf.set(view, -1);
  }

  close(): void {
    this.unbind();
  }

  viewAt(row: number): Row {
    const view = this.#views[this.#turn];
    this.#turn = (this.#turn + 1) % VIEW_COUNT;
    this.#rowOf.set(view, row);
    return view;
  }

  retire(view: Row): void {
    this.#rowOf.set(view, -1);
  }

  copyAt(row: number): Row {
    return rowObject(this.#names, (i) => this.#readers[i](row));
  }

  settle(result: unknown): unknown {
    const row = this.#rowOf.get(result);
    return row === undefined ? result : row < 0 ? stale("any") : this.copyAt(row);
  }

  each<T, C>(apply: RowFunction<T, C>, context: C, start: number, end: number, visit: (result: T) => void): void {
    for (let row = start; row < end; row++) {
      const view = this.viewAt(row);
      visit(apply(view, context));
      this.retire(view);
    }
  }

  eachToo<T, C>(apply: RowFunction<T, C>, context: C, start: number, end: number, visit: (result: T) => void): void {
    this.each(apply, context, start, end, visit);
  }

  select<C>(keeps: RowFunction<unknown, C>, context: C, end: number, out: Uint32Array): number {
    let count = 0;
    let row = 0;
    this.each(keeps, context, 0, end, (isKept) => {
      if (isKept) out[count++] = row;
      row++;
    });
    return count;
  }

  #createView(): Row {
    const view: Row = {};
    for (const [i, name] of this.#names.entries()) {
      const get = (): unknown => {
        const row = this.#rowOf.get(view) ?? -1;
        return row < 0 ? stale(name) : this.#readers[i](row);
      };
      Object.defineProperty(view, name, { enumerable: true, get });
    }
    Object.defineProperty(view, inspect, { value: () => this.copyAt(this.#rowOf.get(view) ?? -1) });
    return view;
  }
}

/** Readers of columns that the user never asks for are not made. */
function lazyReader(workspace: Workspace, column: Column): (row: number) => unknown {
  let reader: ((row: number) => unknown) | undefined;
  return (row) => {
    reader ??= columnReader(workspace, column);
    return reader(row);
  };
}
