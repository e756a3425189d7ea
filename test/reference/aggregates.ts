import type { AggregateSpec } from "../../src/core/aggregates/spec.ts";
import type { DataType } from "../../src/core/types.ts";
import { keyText } from "./groups.ts";

type Row = Record<string, unknown>;

/** The value of an aggregate over the rows of one group; `typeOf` gives column types. */
export function aggregateRows(spec: AggregateSpec, rows: readonly Row[], typeOf: (name: string) => DataType): unknown {
  const name = spec.column ?? "";
  const all = rows.map((row) => row[name] ?? null);
  let values: unknown[] = all.filter((value) => value !== null);
  if (spec.distinct) values = distinct(values);
  const numbers = isNumber(spec, typeOf) ? values.map(Number) : [];
  switch (spec.fn) {
    case "countAll":
      return BigInt(rows.length);
    case "count":
      return BigInt(values.length);
    case "countDistinct":
      return BigInt(distinct(values).length);
    case "sum":
      return values.length === 0 ? null : sum(values, typeOf(name));
    case "avg":
      return values.length === 0 ? null : mean(values, typeOf(name));
    case "min":
    case "boolAnd":
      return best(values, typeOf(name), -1);
    case "max":
    case "boolOr":
      return best(values, typeOf(name), 1);
    case "varianceSample":
      return values.length < 2 ? null : squares(numbers) / (numbers.length - 1);
    case "variancePopulation":
      return values.length < 1 ? null : squares(numbers) / numbers.length;
    case "stddevSample":
      return values.length < 2 ? null : Math.sqrt(squares(numbers) / (numbers.length - 1));
    case "stddevPopulation":
      return values.length < 1 ? null : Math.sqrt(squares(numbers) / numbers.length);
    case "median":
      return quantile(numbers, 0.5);
    case "quantile":
      return quantile(numbers, spec.params?.fraction ?? 0);
    case "quantiles":
      return values.length === 0 ? null : (spec.params?.fractions ?? []).map((q) => quantile(numbers, q));
    case "first":
      return values[0] ?? null;
    case "last":
      return values[values.length - 1] ?? null;
    case "list":
      return spec.distinct ? values : all;
    case "minBy":
    case "maxBy": {
      const by = spec.params?.by ?? "";
      const ordered = rows.filter((row) => row[by] !== null);
      const order = best(
        ordered.map((row) => row[by]),
        typeOf(by),
        spec.fn === "maxBy" ? 1 : -1,
      );
      return ordered.find((row) => compare(row[by], order, typeOf(by)) === 0)?.[name] ?? null;
    }
    case "largest":
    case "smallest": {
      const sign = spec.fn === "largest" ? -1 : 1;
      const sorted = [...values].sort((a, b) => sign * compare(a, b, typeOf(name)));
      return sorted.slice(0, spec.params?.k).map(canonical);
    }
    case "corr":
    case "covarianceSample":
    case "covariancePopulation": {
      const other = spec.params?.other ?? "";
      const pairs = rows.filter((row) => row[name] !== null && row[other] !== null);
      return covariance(
        pairs.map((row) => Number(row[name])),
        pairs.map((row) => Number(row[other])),
        spec.fn,
      );
    }
    case "user":
      throw new Error("A user aggregate is its own reference.");
  }
}

const isNumber = ({ column }: AggregateSpec, typeOf: (name: string) => DataType): boolean =>
  column !== undefined && /^(u?int\d|float|decimal)/.test(typeOf(column).kind);

const canonical = (value: unknown): unknown => (Object.is(value, -0) ? 0 : value);

function distinct(values: readonly unknown[]): unknown[] {
  const seen = new Set<string>();
  return values.filter((value) => {
    const text = keyText(value);
    if (seen.has(text)) return false;
    seen.add(text);
    return true;
  });
}

function sum(values: readonly unknown[], type: DataType): unknown {
  if (type.kind === "decimal") {
    const total = values.reduce<bigint>((a, value) => a + BigInt((value as string).replace(".", "")), 0n);
    const digits = (total < 0n ? -total : total).toString().padStart(type.scale + 1, "0");
    const text = type.scale === 0 ? digits : `${digits.slice(0, -type.scale)}.${digits.slice(-type.scale)}`;
    return total < 0n ? `-${text}` : text;
  }
  if (type.kind.startsWith("float")) return values.reduce<number>((a, value) => a + (value as number), 0);
  return values.reduce<bigint>((a, value) => a + BigInt(value as number), 0n);
}

const mean = (values: readonly unknown[], type: DataType): number => Number(sum(values, type)) / values.length;

function squares(numbers: readonly number[]): number {
  const center = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  return numbers.reduce((a, b) => a + (b - center) ** 2, 0);
}

function quantile(numbers: readonly number[], q: number): number | null {
  if (numbers.length === 0) return null;
  const sorted = [...numbers].sort((a, b) => compare(a, b, { kind: "float64" }));
  const position = q * (sorted.length - 1);
  const low = sorted[Math.floor(position)];
  const high = sorted[Math.ceil(position)];
  return low === high || position % 1 === 0 ? low : low + (high - low) * (position % 1);
}

function covariance(xs: readonly number[], ys: readonly number[], fn: string): number | null {
  const n = xs.length;
  if (n === 0 || (fn === "covarianceSample" && n < 2)) return null;
  const meanX = xs.reduce((a, b) => a + b, 0) / n;
  const meanY = ys.reduce((a, b) => a + b, 0) / n;
  const product = xs.reduce((a, x, i) => a + (x - meanX) * (ys[i] - meanY), 0);
  if (fn === "corr") return product / (Math.sqrt(squares(xs)) * Math.sqrt(squares(ys)));
  return product / (fn === "covarianceSample" ? n - 1 : n);
}

function best(values: readonly unknown[], type: DataType, sign: number): unknown {
  if (values.length === 0) return null;
  return canonical(values.reduce((a, b) => (sign * compare(b, a, type) > 0 ? b : a)));
}

/** Total order of a type's values: NaN last, strings and binary by bytes. */
export function compare(a: unknown, b: unknown, type: DataType): number {
  if (type.kind === "utf8") return Buffer.compare(Buffer.from(a as string), Buffer.from(b as string));
  if (type.kind === "binary") return Buffer.compare(a as Uint8Array, b as Uint8Array);
  if (type.kind === "decimal") {
    const [x, y] = [a, b].map((value) => BigInt((value as string).replace(".", "")));
    return x < y ? -1 : x > y ? 1 : 0;
  }
  const [x, y] = [a as number, b as number];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return x < y ? -1 : x > y ? 1 : 0;
}
