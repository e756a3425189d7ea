import type { Column } from "../column.ts";
import { PlanError } from "../errors.ts";
import type { Schema } from "../schema.ts";
import {
  binary,
  bool,
  type DataType,
  float64,
  formatType,
  int64,
  isFloat,
  isNested,
  isNumeric,
  list,
  utf8,
} from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Accumulator } from "./accumulator.ts";
import { ExtremeRowAccumulator, PositionAccumulator } from "./chosen-rows.ts";
import { CountAccumulator } from "./count.ts";
import { DistinctAccumulator } from "./distinct-values.ts";
import { ExtremeAccumulator } from "./extreme.ts";
import { CovarianceAccumulator, VarianceAccumulator } from "./moments.ts";
import { hasOrderWords } from "./order-words.ts";
import { SumAccumulator, sumType } from "./sum.ts";
import { TopAccumulator } from "./top.ts";
import { UserAccumulator, type UserAggregate } from "./user-aggregate.ts";
import { ValueCounts } from "./value-counts.ts";
import { ListAccumulator, QuantileAccumulator } from "./value-list.ts";

/** Built-in aggregates by name. Nulls are passed over unless said otherwise; a group without values gives null. */
export type AggregateFunction =
  /** Sum of numbers: int64 for integers, decimal(38, s) for decimals, float64 for floats. */
  | "sum"
  /** Mean of numbers as float64. */
  | "avg"
  /** Values that are not null, or rows; int64, never null. */
  | "count"
  | "countAll"
  | "countDistinct"
  /** Least and greatest value of any ordered type: NaN above infinity, strings by bytes. */
  | "min"
  | "max"
  /** float64: of a sample (null for fewer than 2 values) or of the whole population. */
  | "stddevSample"
  | "stddevPopulation"
  | "varianceSample"
  | "variancePopulation"
  /** float64 of two columns: `column` and params.other; rows where either is null are passed over. */
  | "corr"
  | "covarianceSample"
  | "covariancePopulation"
  /** float64, exact, interpolated; params.fraction from 0 to 1 for quantile, params.fractions for quantiles (list<float64>). */
  | "median"
  | "quantile"
  | "quantiles"
  /** In the order of rows. */
  | "first"
  | "last"
  /** All values in the order of rows, nulls among them. */
  | "list"
  /** The value of `column`, which may be null, in the row where params.by is least or greatest. */
  | "minBy"
  | "maxBy"
  /** bool: whether all, or any, of the values are true. */
  | "boolAnd"
  | "boolOr"
  /** list: the params.k greatest or least values, best first. */
  | "largest"
  | "smallest"
  /** params.aggregate; runs where its closure is, so a plan with it does not travel. */
  | "user";

export interface AggregateParams {
  /** corr, covariance: the second column. */
  readonly other?: string;
  /** minBy, maxBy: the column that decides. */
  readonly by?: string;
  readonly fraction?: number;
  readonly fractions?: readonly number[];
  readonly k?: number;
  readonly aggregate?: UserAggregate;
  /** user: the columns whose values `add` gets after the state; default: `column`. */
  readonly columns?: readonly string[];
}

/** One result column of an aggregation; plain JSON unless `params.aggregate` is set. */
export interface AggregateSpec {
  readonly fn: AggregateFunction;
  /** Input column; absent for countAll. */
  readonly column?: string;
  readonly params?: AggregateParams;
  /** Name of the result column. */
  readonly as: string;
  /** Each distinct value of a group counts once. */
  readonly distinct?: boolean;
}

/** A spec checked against its input schema. */
export interface BoundAggregate {
  readonly type: DataType;
  /** Positions of the input columns in the schema. */
  readonly inputs: readonly number[];
  /** Specs of one key share an accumulator: sum, avg and count of a column, say. */
  readonly accumulatorKey: string;
  /** Columns of the accumulator's partial state. */
  readonly stateTypes: readonly DataType[];
  createAccumulator(workspace: Workspace): Accumulator;
  /** Where `createAccumulator` makes ValueCounts: what computes a result from the distinct values. */
  createResult?(workspace: Workspace): Accumulator;
  /** Reads the result of groups [from, from + count) from an accumulator of this key. */
  read(accumulator: Accumulator, from: number, count: number): Column;
}

/** The type of an aggregate's result; a PlanError says what does not fit. */
export const aggregateType = (spec: AggregateSpec, schema: Schema): DataType => bindAggregate(spec, schema).type;

/**
 * Checks a spec and says how to compute it.
 * @throws {PlanError} COLUMN_UNKNOWN, AGGREGATE_COLUMN_MISSING, AGGREGATE_TYPE, AGGREGATE_PARAMETER
 */
export function bindAggregate(spec: AggregateSpec, schema: Schema): BoundAggregate {
  const bound = bindPlain(spec, schema);
  const isDistinct = spec.distinct === true || spec.fn === "countDistinct";
  // A repeated value changes none of these.
  if (!isDistinct || ["min", "max", "boolAnd", "boolOr", "first"].includes(spec.fn)) return bound;
  if (bound.inputs.length !== 1) {
    throw new PlanError(
      "AGGREGATE_PARAMETER",
      `The aggregate "${spec.as}" asks for distinct values, but ${spec.fn} has ${bound.inputs.length} input columns.`,
      "Leave out distinct, or apply distinct to the rows first.",
    );
  }
  const inputType = schema.fields[bound.inputs[0]].type;
  return {
    type: bound.type,
    inputs: bound.inputs,
    accumulatorKey: `distinct ${bound.accumulatorKey}`,
    stateTypes: [list(inputType)],
    createAccumulator: (workspace) => new DistinctAccumulator(workspace, inputType, bound.createAccumulator(workspace)),
    read: (accumulator, from, count) =>
      bound.read((accumulator as DistinctAccumulator<Accumulator>).inner, from, count),
  };
}

/**
 * Whether rows may be aggregated in parts, which are merged in any order: the result is the same to the last bit, and a
 * partial state is no larger than a row. Sums of floats are rounded, so theirs depend on the parts.
 * @throws {PlanError} as `bindAggregate`
 */
export function isExactInParts(spec: AggregateSpec, schema: Schema): boolean {
  const { inputs } = bindAggregate(spec, schema);
  switch (spec.fn) {
    case "countAll":
    case "min":
    case "max":
    case "boolAnd":
    case "boolOr":
      return true;
    case "count":
      return spec.distinct !== true;
    case "sum":
    case "avg":
      return spec.distinct !== true && inputs.every((index) => !isFloat(schema.fields[index].type));
    default:
      return false;
  }
}

/**
 * Like `bindAggregate`, for rows that may be taken back later.
 * @throws {PlanError} RETRACTION_UNSUPPORTED where the aggregate would have to keep every row
 */
export function bindRetractable(spec: AggregateSpec, schema: Schema): BoundAggregate {
  const bound = bindPlain(spec, schema);
  const isDistinct = spec.distinct === true || spec.fn === "countDistinct";
  if (!isDistinct && ["sum", "avg", "count", "countAll"].includes(spec.fn)) return bound;
  const dependsOnDistinct = isDistinct || ["min", "max", "boolAnd", "boolOr"].includes(spec.fn);
  const dependsOnOrder = ["first", "last", "list"].includes(spec.fn);
  if (!dependsOnDistinct || dependsOnOrder || bound.inputs.length !== 1 || spec.fn === "user") {
    throw new PlanError(
      "RETRACTION_UNSUPPORTED",
      `The aggregate "${spec.as}" (${spec.fn}) reads rows that may be taken back later, which it cannot forget.`,
      "Use count, sum, avg, min, max or distinct values, or aggregate before the rows are updated.",
    );
  }
  const inputType = schema.fields[bound.inputs[0]].type;
  return {
    ...bound,
    accumulatorKey: `values ${bound.inputs[0]}`,
    stateTypes: [list(inputType), list(int64)],
    createAccumulator: (workspace) => new ValueCounts(workspace, inputType),
    createResult: (workspace) => bound.createAccumulator(workspace),
  };
}

function bindPlain(spec: AggregateSpec, schema: Schema): BoundAggregate {
  const { fn } = spec;
  switch (fn) {
    case "sum":
    case "avg": {
      const { index, type, name } = numericInput(spec, schema);
      return bind(fn === "sum" ? sumType(type) : float64, [index], `sum ${index}`, {
        create: (workspace) => new SumAccumulator(workspace, type, name),
        read: (sum, from, count) => (fn === "sum" ? sum.sum(from, count) : sum.mean(from, count)),
      });
    }
    case "countAll":
      return bind(int64, [], "count", countRows);
    case "count":
    case "countDistinct": {
      const { index } = input(spec, schema);
      return bind(int64, [index], `count ${index}`, countRows);
    }
    case "min":
    case "max": {
      const { index, type } = orderedInput(spec, schema, spec.column);
      return bind(type, [index], `${fn} ${index}`, {
        stateTypes: [type],
        create: (workspace) => new ExtremeAccumulator(workspace, type, fn === "max"),
        read: (extreme, from, count) => extreme.best(from, count),
      });
    }
    case "boolAnd":
    case "boolOr": {
      const { index, type } = input(spec, schema);
      if (type.kind !== "bool") throw typeError(spec, type, "a bool column");
      return bind(bool, [index], `${fn === "boolAnd" ? "min" : "max"} ${index}`, {
        stateTypes: [type],
        create: (workspace) => new ExtremeAccumulator(workspace, type, fn === "boolOr"),
        read: (extreme, from, count) => extreme.best(from, count),
      });
    }
    case "stddevSample":
    case "stddevPopulation":
    case "varianceSample":
    case "variancePopulation": {
      const { index } = numericInput(spec, schema);
      const of = fn.endsWith("Population") ? "population" : "sample";
      const isRoot = fn.startsWith("stddev");
      return bind(float64, [index], `variance ${index}`, {
        create: (workspace) => new VarianceAccumulator(workspace),
        read: (variance, from, count) => variance.variance(from, count, of, isRoot),
      });
    }
    case "corr":
    case "covarianceSample":
    case "covariancePopulation": {
      const x = numericInput(spec, schema);
      const y = numericInput(spec, schema, "other");
      return bind(float64, [x.index, y.index], `covariance ${x.index} ${y.index}`, {
        create: (workspace) => new CovarianceAccumulator(workspace),
        read: (covariance, from, count) =>
          fn === "corr"
            ? covariance.correlation(from, count)
            : covariance.covariance(from, count, fn === "covarianceSample" ? "sample" : "population"),
      });
    }
    case "median":
    case "quantile": {
      const { index } = numericInput(spec, schema);
      const q = fn === "median" ? 0.5 : fraction(spec, spec.params?.fraction);
      return bind(float64, [index], `quantile ${index}`, {
        stateTypes: [list(float64)],
        create: (workspace) => new QuantileAccumulator(workspace),
        read: (values, from, count) => values.quantile(from, count, q),
      });
    }
    case "quantiles": {
      const { index } = numericInput(spec, schema);
      const qs = (spec.params?.fractions ?? []).map((q) => fraction(spec, q));
      if (qs.length === 0) throw parameterError(spec, "params.fractions", "a list of numbers from 0 to 1");
      return bind(list(float64), [index], `quantile ${index}`, {
        stateTypes: [list(float64)],
        create: (workspace) => new QuantileAccumulator(workspace),
        read: (values, from, count) => values.quantiles(from, count, qs),
      });
    }
    case "first":
    case "last": {
      const { index, type } = input(spec, schema);
      return bind(type, [index], `${fn} ${index}`, {
        stateTypes: [type],
        create: (workspace) => new PositionAccumulator(workspace, type, fn === "last"),
        read: (position, from, count) => position.value(from, count),
      });
    }
    case "list": {
      const { index, type } = input(spec, schema);
      return bind(list(type), [index], `list ${index}`, {
        stateTypes: [list(type)],
        create: (workspace) => new ListAccumulator(workspace, type),
        read: (values, from, count) => values.lists(from, count),
      });
    }
    case "minBy":
    case "maxBy": {
      const value = input(spec, schema);
      const order = orderedInput(spec, schema, spec.params?.by, "params.by");
      return bind(value.type, [value.index, order.index], `${fn} ${value.index} ${order.index}`, {
        stateTypes: [value.type, order.type],
        create: (workspace) => new ExtremeRowAccumulator(workspace, value.type, order.type, fn === "maxBy"),
        read: (row, from, count) => row.value(from, count),
      });
    }
    case "largest":
    case "smallest": {
      const { index, type } = input(spec, schema);
      if (!hasOrderWords(type)) throw typeError(spec, type, "a column of numbers, dates, times, timestamps or bools");
      const k = spec.params?.k ?? 0;
      if (!Number.isInteger(k) || k < 1 || k > MAXIMUM_K) {
        throw parameterError(spec, "params.k", `an integer from 1 to ${MAXIMUM_K}`);
      }
      return bind(list(type), [index], `${fn} ${k} ${index}`, {
        stateTypes: [list(type)],
        create: (workspace) => new TopAccumulator(workspace, type, k, fn === "largest"),
        read: (top, from, count) => top.lists(from, count),
      });
    }
    case "user": {
      const aggregate = spec.params?.aggregate;
      if (aggregate === undefined)
        throw parameterError(spec, "params.aggregate", "an object with create, add, merge, result");
      const names = spec.params?.columns ?? (spec.column === undefined ? [] : [spec.column]);
      const indices = names.map((name) => schema.indexOf(name));
      return bind(aggregate.resultType, indices, `user ${spec.as}`, {
        stateTypes: [utf8],
        create: (workspace) => new UserAccumulator(workspace, aggregate, spec.as),
        read: (user, from, count) => user.results(from, count),
      });
    }
  }
}

const MAXIMUM_K = 1024;

const countRows = {
  create: (workspace: Workspace) => new CountAccumulator(workspace),
  read: (counter: CountAccumulator, from: number, count: number) => counter.count(from, count),
};

/** Ties an accumulator's class to its reader; the cast holds because equal keys mean equal classes. */
function bind<A extends Accumulator>(
  type: DataType,
  inputs: readonly number[],
  accumulatorKey: string,
  by: {
    /** One binary column of records unless given. */
    stateTypes?: readonly DataType[];
    create(workspace: Workspace): A;
    read(accumulator: A, from: number, count: number): Column;
  },
): BoundAggregate {
  return {
    type,
    inputs,
    accumulatorKey,
    stateTypes: by.stateTypes ?? [binary],
    createAccumulator: (workspace) => by.create(workspace),
    read: (accumulator, from, count) => by.read(accumulator as A, from, count),
  };
}

interface Input {
  readonly index: number;
  readonly name: string;
  readonly type: DataType;
}

function input(spec: AggregateSpec, schema: Schema, name = spec.column, what = "column"): Input {
  if (name === undefined) {
    throw new PlanError(
      "AGGREGATE_COLUMN_MISSING",
      `The aggregate "${spec.as}" (${spec.fn}) lacks its ${what}.`,
      "Name an input column.",
    );
  }
  const index = schema.indexOf(name);
  return { index, name, type: schema.fields[index].type };
}

function numericInput(spec: AggregateSpec, schema: Schema, which: "column" | "other" = "column"): Input {
  const found = which === "column" ? input(spec, schema) : input(spec, schema, spec.params?.other, "params.other");
  if (!isNumeric(found.type)) throw typeError(spec, found.type, "a numeric column");
  return found;
}

function orderedInput(spec: AggregateSpec, schema: Schema, name: string | undefined, what?: string): Input {
  const found = input(spec, schema, name, what);
  const { type } = found;
  if (isNested(type) || type.kind === "null" || type.kind === "interval")
    throw typeError(spec, type, "an ordered column");
  return found;
}

function fraction(spec: AggregateSpec, q: number | undefined): number {
  if (q === undefined || !(q >= 0 && q <= 1)) throw parameterError(spec, "params.fraction", "a number from 0 to 1");
  return q;
}

const typeError = (spec: AggregateSpec, type: DataType, wanted: string): PlanError =>
  new PlanError(
    "AGGREGATE_TYPE",
    `The aggregate "${spec.as}" (${spec.fn}) needs ${wanted}, but got ${formatType(type)}.`,
    "Cast the column, or choose another aggregate.",
  );

const parameterError = (spec: AggregateSpec, name: string, wanted: string): PlanError =>
  new PlanError(
    "AGGREGATE_PARAMETER",
    `The aggregate "${spec.as}" (${spec.fn}) lacks a valid ${name}.`,
    `Give ${wanted}.`,
  );
