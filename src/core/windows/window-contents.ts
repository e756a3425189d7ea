import { rowObject } from "../columns/read.ts";
import { describeValue } from "../describe-value.ts";
import { EvaluationError } from "../errors.ts";
import type { OperatorContext } from "../operator.ts";
import type { ReduceFunction } from "../operators/reduce-rows.ts";
import type { Row, RowReader } from "../rows/row-view.ts";
import { type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Field, Schema } from "../schema.ts";
import { plainText, plainValue } from "../state/plain-text.ts";
import { type StoredType, storedType } from "../state/stored-value.ts";
import { utf8 } from "../types.ts";
import type { WindowAggregateFunction, WindowCalculation } from "./window-calculation.ts";

/** Makes one value of the rows of a window, as they come. Accumulators are never undefined. */
export interface Accumulation {
  readonly user: UserFunction<(...args: never[]) => unknown>;
  /** `row` is the number of the view's row. */
  start(view: Row, row: number): unknown;
  add(accumulator: unknown, view: Row): unknown;
  /** `left` holds the earlier rows. */
  merge(left: unknown, right: unknown): unknown;
  result(accumulator: unknown): unknown;
  /** The result of kept rows, of which there is one at least. */
  fold(rows: readonly Row[]): unknown;
  /** Columns of a snapshot, and accumulators as values of these. */
  readonly fields: readonly Field[];
  store(accumulator: unknown): readonly unknown[];
  load(values: readonly unknown[]): unknown;
  open(context: OperatorContext, reader: RowReader): void;
  close(): void;
}

/** Undefined where the calculation needs the rows themselves. */
export function createAccumulation(
  calculation: WindowCalculation,
  schema: Schema,
  site: FunctionSite,
): Accumulation | undefined {
  switch (calculation.kind) {
    case "reduce":
      return new ReduceAccumulation(new UserFunction<ReduceFunction>(calculation.reduce, "reduce", site), schema);
    case "aggregate":
      return new AggregateAccumulation(calculation.aggregate, site);
    case "process":
      return undefined;
  }
}

class ReduceAccumulation implements Accumulation {
  readonly user: UserFunction<ReduceFunction>;
  readonly fields: readonly Field[];
  readonly #names: readonly string[];
  #reader!: RowReader;

  constructor(user: UserFunction<ReduceFunction>, schema: Schema) {
    this.user = user;
    this.#names = schema.names;
    this.fields = schema.fields.map(({ name, type }) => ({ name: `row.${name}`, type }));
  }

  open(context: OperatorContext, reader: RowReader): void {
    this.#reader = reader;
    this.user.open(context);
  }

  start(_view: Row, row: number): unknown {
    return this.#reader.copyAt(row);
  }

  add(accumulator: unknown, view: Row): unknown {
    const next = this.#reduced(accumulator as Row, view);
    // It may be the view, which ends with the call.
    return next === accumulator ? next : this.#reader.settle(next);
  }

  merge(left: unknown, right: unknown): unknown {
    return this.#reduced(left as Row, right as Row);
  }

  result(accumulator: unknown): unknown {
    return accumulator;
  }

  fold([first, ...rows]: readonly Row[]): unknown {
    let result: Row = { ...first };
    for (const row of rows) result = this.#reduced(result, row) as Row;
    return result;
  }

  store(accumulator: unknown): readonly unknown[] {
    return this.#names.map((name) => (Object.hasOwn(accumulator as Row, name) ? (accumulator as Row)[name] : null));
  }

  load(values: readonly unknown[]): unknown {
    return rowObject(this.#names, (i) => values[i]);
  }

  close(): void {
    this.user.close();
  }

  #reduced(left: Row, right: Row): unknown {
    const result: unknown = this.user.call(left, right, this.user.context);
    if (typeof result === "object" && result !== null) return result;
    throw new EvaluationError(
      "ROW_INVALID",
      `${this.user.where} gave ${describeValue(result)}, where a row is needed.`,
      "Return one of the rows, or an object with the columns as properties.",
    );
  }
}

class AggregateAccumulation implements Accumulation {
  readonly user: UserFunction<(...args: never[]) => unknown>;
  readonly fields: readonly Field[];
  readonly #aggregate: WindowAggregateFunction;
  readonly #stored: StoredType | undefined;

  constructor(aggregate: WindowAggregateFunction, site: FunctionSite) {
    this.#aggregate = aggregate;
    this.user = new UserFunction(aggregate, "add", site);
    const { accumulatorType } = aggregate;
    this.#stored = accumulatorType && storedType(accumulatorType, `the accumulator of ${this.user.where}`);
    this.fields = [{ name: "accumulator", type: accumulatorType ?? utf8 }];
  }

  open(context: OperatorContext): void {
    this.user.open(context);
  }

  start(view: Row): unknown {
    return this.add(this.#aggregate.createAccumulator(), view);
  }

  add(accumulator: unknown, view: Row): unknown {
    return defined(this.#aggregate.add(accumulator, view), "add", this.user.where);
  }

  merge(left: unknown, right: unknown): unknown {
    return defined(this.#aggregate.merge(left, right), "merge", this.user.where);
  }

  result(accumulator: unknown): unknown {
    return this.#aggregate.getResult(accumulator);
  }

  fold(rows: readonly Row[]): unknown {
    let accumulator = this.#aggregate.createAccumulator();
    for (const row of rows) accumulator = this.add(accumulator, row);
    return this.#aggregate.getResult(accumulator);
  }

  store(accumulator: unknown): readonly unknown[] {
    return [this.#stored === undefined ? plainText(accumulator, this.user.where) : this.#stored.store(accumulator)];
  }

  load([stored]: readonly unknown[]): unknown {
    return this.#stored === undefined ? plainValue(stored as string) : this.#stored.load(stored);
  }

  close(): void {
    this.user.close();
  }
}

function defined(accumulator: unknown, method: string, where: string): unknown {
  if (accumulator !== undefined && accumulator !== null) return accumulator;
  throw new EvaluationError(
    "ACCUMULATOR_INVALID",
    `${method} of ${where} gave ${describeValue(accumulator)} as accumulator.`,
    "Return the accumulator, also where it was changed in place.",
  );
}
