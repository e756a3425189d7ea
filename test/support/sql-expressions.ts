import { typedLiteral } from "../../src/core/expressions/literal.ts";
import { type DataType, isInteger } from "../../src/core/types.ts";
import { and, coalesce, col, Expression, greatest, least, lit, not, or, types, when } from "../../src/index.ts";
import type { Choices } from "./choices.ts";

/** A column of a pipeline. Rounding may differ between engines in one that is not exact, so nothing is computed of it. */
export interface PipelineColumn {
  readonly name: string;
  readonly type: DataType;
  readonly exact: boolean;
}

const LITERALS: Readonly<Record<string, readonly (number | bigint | string)[]>> = {
  int8: [0, 1, -1, 127, -128],
  uint8: [0, 1, 255, 6],
  int16: [0, 3, -7, 32_767],
  uint16: [0, 9, 65_535],
  int32: [0, 1, 2, 100_000, -2_147_483_648],
  uint32: [0, 77, 4_294_967_295],
  int64: [0n, 7n, 9_007_199_254_740_993n, 9_007_199_254_740_992n, -(2n ** 63n)],
  uint64: [0n, 1n, 2n ** 64n - 1n],
  float32: [0, 1.5, Number.NaN],
  float64: [0, 1.5, -2.25, 0.5, Number.NaN, Number.POSITIVE_INFINITY],
  utf8: ["", "a", "ab", "blue", "b", "😀", "long long ", "日本"],
  date: [0, 19_782, 19_000],
};

const ofKind = (columns: readonly PipelineColumn[], ...kinds: string[]) =>
  columns.filter(({ type, exact }) => exact && kinds.includes(type.kind));

function literalOf(type: DataType, choices: Choices): Expression | undefined {
  const values = LITERALS[type.kind];
  return values && new Expression(typedLiteral(choices.of(values), type));
}

/** Another value of a type: a literal, or a column of the same type. */
function otherOf(column: PipelineColumn, columns: readonly PipelineColumn[], choices: Choices): Expression {
  const same = columns.filter(({ type, exact }) => exact && JSON.stringify(type) === JSON.stringify(column.type));
  const literal = literalOf(column.type, choices);
  return literal === undefined || choices.below(4) === 0 ? col(choices.of(same).name) : literal;
}

const ORDERED = ["eq", "ne", "lt", "le", "gt", "ge", "isDistinctFrom", "isNotDistinctFrom"] as const;

/** Any condition that never fails. */
export function anyCondition(columns: readonly PipelineColumn[], choices: Choices, depth = 2): Expression {
  const usable = columns.filter(({ type, exact }) => exact && !["list", "binary"].includes(type.kind));
  if (usable.length === 0) return lit(choices.below(2) === 0);
  const kind = choices.below(depth === 0 ? 7 : 10);
  const column = choices.of(usable);
  const value = col(column.name) as Expression;
  const literal = () => literalOf(column.type, choices);
  switch (kind) {
    case 0:
      return choices.below(2) === 0 ? value.isNull() : value.isNotNull();
    case 1:
      return choices.below(8) === 0 ? lit(null, types.bool) : value.isNotNull();
    case 2: {
      const low = literal();
      const high = literal();
      if (low !== undefined && high !== undefined) return value.between(low, high);
      break;
    }
    case 3: {
      const texts = ofKind(columns, "utf8");
      if (texts.length > 0) return textCondition(col(choices.of(texts).name) as Expression, choices);
      break;
    }
    case 4: {
      const values = LITERALS[column.type.kind];
      if (values !== undefined && /^(u?int(8|16|32)|int64|utf8)$/.test(column.type.kind)) {
        return value.isIn([...choices.some(values), choices.of(values)].slice(0, 4));
      }
      break;
    }
    case 7:
      return and(anyCondition(columns, choices, depth - 1), anyCondition(columns, choices, depth - 1));
    case 8:
      return or(anyCondition(columns, choices, depth - 1), anyCondition(columns, choices, depth - 1));
    case 9:
      return not(anyCondition(columns, choices, depth - 1));
    default:
  }
  if (column.type.kind === "bool" && choices.below(2) === 0) return value;
  return value[choices.of(ORDERED)](otherOf(column, columns, choices));
}

function textCondition(text: Expression, choices: Choices): Expression {
  switch (choices.below(4)) {
    case 0:
      return text.like(choices.of(["a%", "%b%", "_", "%e", "", "%"]));
    case 1:
      return text.startsWith(choices.of(["a", "", "l", "日"]));
    case 2:
      return text.contains(choices.of(["", "o", " ", "😀"]));
    default:
      return text.length().gt(choices.below(5));
  }
}

/** Any value that can be computed for every row; where `choices` ask for what there is no column for, a literal. */
export function anyValue(columns: readonly PipelineColumn[], choices: Choices): Expression {
  const integers = columns.filter(({ type, exact }) => exact && isInteger(type));
  const floats = ofKind(columns, "float64");
  const texts = ofKind(columns, "utf8");
  const times = ofKind(columns, "date", "timestamp");
  const any = columns.filter(({ exact }) => exact);
  const kind = choices.below(8);
  if (kind === 0) return anyCondition(columns, choices);
  if (kind === 1 && any.length > 0) return branches(columns, choices.of(any), choices);
  if (kind === 2 && texts.length > 0) return textValue(col(choices.of(texts).name) as Expression, texts, choices);
  if (kind === 3 && times.length > 0) {
    const time = col(choices.of(times).name) as Expression;
    return choices.of([
      time.year(),
      time.month(),
      time.day(),
      time.dayOfWeek(),
      time.quarter(),
      time.dateTrunc("month"),
      time.dateTrunc("year"),
    ]);
  }
  if (kind === 4 && floats.length > 0) {
    const float = col(choices.of(floats).name) as Expression;
    // Only by powers of two: sums must stay exact.
    return choices.of([float.mul(2), float.mul(-0.5), float.neg(), float.abs(), float.isNaN(), float.floor()]);
  }
  if (integers.length > 0) return integerValue(choices.of(integers), integers, choices);
  return choices.of([lit(1), lit("constant"), lit(null, types.int64), lit(true)]) as Expression;
}

/** Kept below 1,000, so that nothing overflows; divisions are behind a condition that keeps zero out. */
function integerValue(column: PipelineColumn, integers: readonly PipelineColumn[], choices: Choices): Expression {
  const small = ({ name }: PipelineColumn) => (col(name) as Expression).tryCast(types.int64).mod(1000) as Expression;
  const [a, b] = [small(column), small(choices.of(integers))];
  switch (choices.below(7)) {
    case 0:
      return a.add(b);
    case 1:
      return a.mul(b);
    case 2:
      return when(b.ne(0)).then(a.intDiv(b)).otherwise(-1);
    case 3:
      return a.intDiv(b.nullIf(0));
    case 4:
      return a.sub(b).cast(types.int32).neg();
    case 5:
      return coalesce(a, b, 0);
    default:
      return choices.below(2) === 0 ? greatest(a, b) : least(a, b, 3);
  }
}

function textValue(text: Expression, texts: readonly PipelineColumn[], choices: Choices): Expression {
  const other = col(choices.of(texts).name) as Expression;
  switch (choices.below(8)) {
    case 0:
      return text.length();
    case 1:
      return text.substring(1 + choices.below(3), choices.below(4));
    case 2:
      return text.left(2).concat("-", other.left(3));
    case 3:
      return text.replace("a", "é");
    case 4:
      return text.trim();
    case 5:
      return coalesce(text, other, "none");
    case 6:
      return text.nullIf("a");
    default:
      return text.byteLength();
  }
}

function branches(columns: readonly PipelineColumn[], column: PipelineColumn, choices: Choices): Expression {
  const value = col(column.name) as Expression;
  if (column.type.kind === "list" || column.type.kind === "binary") return value.isNull();
  const other = otherOf(column, columns, choices);
  switch (choices.below(4)) {
    case 0:
      return when(anyCondition(columns, choices, 1))
        .then(value)
        .otherwise(other);
    case 1:
      return when(anyCondition(columns, choices, 1)).then(other);
    case 2:
      return coalesce(value, other);
    default:
      return value.nullIf(other);
  }
}
