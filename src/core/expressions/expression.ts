import { describeValue } from "../describe-value.ts";
import { PlanError } from "../errors.ts";
import type { DataType, Fields, SimpleType, TimestampType } from "../types.ts";
import { type Literal, literalNode } from "./literal.ts";
import { callNode, type ExpressionNode } from "./node.ts";
import type {
  Arithmetic,
  Common,
  Division,
  ElementOf,
  FieldOf,
  LiteralSymbolOf,
  MapValueOf,
  PathOf,
  ResolveSymbol,
} from "./symbols.ts";

/** What every method takes: an expression, or a JavaScript value, which adapts to the type that it meets. */
export type Operand = Expression | Literal;

/** Names of the columns that an operand reads; `never` of a literal. */
export type ColumnsOf<O> = O extends Expression<infer C, unknown> ? C : never;

export type SymbolOf<O> = O extends Expression<string, infer S> ? S : LiteralSymbolOf<O>;

/** The data type of an operand over a schema's fields. */
export type ResultType<O, F extends Fields> = ResolveSymbol<SymbolOf<O>, F>;

/** `O` where it reads only columns and fields named in `Names`, else the union of the names that it may read. */
export type AcceptsColumns<O, Names extends string> = [ColumnsOf<O>] extends [Names] ? O : Expression<Names>;

/** Field types of `select({ name: expression, ... })`. */
export type SelectedFields<E extends Readonly<Record<string, Operand>>, F extends Fields> = {
  readonly [N in keyof E]: ResultType<E[N], F>;
};

/** Units of date arithmetic; `week` starts on Monday. */
export type DateUnit =
  | "year"
  | "quarter"
  | "month"
  | "week"
  | "day"
  | "hour"
  | "minute"
  | "second"
  | "millisecond"
  | "microsecond"
  | "nanosecond";

type Bool = SimpleType<"bool">;
type Int32 = SimpleType<"int32">;
type Int64 = SimpleType<"int64">;
type Float64 = SimpleType<"float64">;
type Text = SimpleType<"utf8">;

/**
 * A typed, inspectable computation on columns, evaluated in batches by kernels: `col("price").mul(col("qty")).gt(100)`.
 * Immutable; `node` is plain JSON. Names and types are checked against a schema when a plan is built, and by the
 * compiler where the schema is known to it: `C` are the columns that it reads, `S` stands for its type.
 *
 * A null operand gives null unless a method says otherwise. Numbers are brought to a common type: integers to the wider
 * one, an integer with a float to float64, decimals exactly. Integer results that do not fit raise EXPRESSION_OVERFLOW.
 */
export class Expression<out C extends string = string, out S = unknown> {
  /** For inference only; never set. */
  declare readonly $columns: C;
  declare readonly $symbol: S;
  readonly node: ExpressionNode;

  constructor(node: ExpressionNode) {
    this.node = node;
  }

  /** Names the result. */
  as<const N extends string>(name: N): NamedExpression<N, C, S> {
    return new NamedExpression(name, this.node);
  }

  // Arithmetic

  /** Sum. */
  add<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Arithmetic<S, SymbolOf<O>>> {
    return this.#call("add", other);
  }

  /** Difference. */
  sub<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Arithmetic<S, SymbolOf<O>>> {
    return this.#call("sub", other);
  }

  /** Product; decimals add their digits and scales. */
  mul<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Arithmetic<S, SymbolOf<O>>> {
    return this.#call("mul", other);
  }

  /** Floating point quotient; division by zero gives an infinity or NaN. float32 only of two float32. */
  div<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Division<S, SymbolOf<O>>> {
    return this.#call("div", other);
  }

  /** Integer quotient, rounded towards zero. A zero divisor raises EXPRESSION_DIVIDE_BY_ZERO. */
  intDiv<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Arithmetic<S, SymbolOf<O>>> {
    return this.#call("intDiv", other);
  }

  /** Remainder with the sign of the dividend. A zero divisor raises EXPRESSION_DIVIDE_BY_ZERO, for floats it gives NaN. */
  mod<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Arithmetic<S, SymbolOf<O>>> {
    return this.#call("mod", other);
  }

  /** The number with the other sign. */
  neg(): Expression<C, S> {
    return this.#call("neg");
  }

  // Comparison: NaN equals NaN and is above every other number, -0 equals 0; text compares by code points

  /** Equal. */
  eq<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("eq", other);
  }

  /** Not equal. */
  ne<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("ne", other);
  }

  /** Less. */
  lt<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("lt", other);
  }

  /** Less or equal. */
  le<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("le", other);
  }

  /** Greater. */
  gt<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("gt", other);
  }

  /** Greater or equal. */
  ge<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("ge", other);
  }

  /** low <= this <= high. */
  between<const O extends Operand, const P extends Operand>(
    low: O,
    high: P,
  ): Expression<C | ColumnsOf<O> | ColumnsOf<P>, Bool> {
    return this.#call("between", low, high);
  }

  /**
   * Whether it equals one of the values: null where none does and it is null itself or a value is.
   * @example col("country").isIn(["NL", "DE"])
   */
  isIn(values: readonly Literal[]): Expression<C, Bool> {
    return new Expression({ kind: "in", input: this.node, values: values.map(literalNode) });
  }

  // Conditions: three-valued logic, a null being unknown. A right side that may fail runs only where the left leaves it open

  /** Both are true. */
  and<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("and", other);
  }

  /** At least one is true. */
  or<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("or", other);
  }

  /** True becomes false and false true. */
  not(): Expression<C, Bool> {
    return this.#call("not");
  }

  // Nulls

  /** Whether there is no value; never null itself. */
  isNull(): Expression<C, Bool> {
    return this.#call("isNull");
  }

  /** Whether there is a value; never null itself. */
  isNotNull(): Expression<C, Bool> {
    return this.#call("isNotNull");
  }

  /** Not equal, where two nulls are equal; never null itself. */
  isDistinctFrom<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("isDistinctFrom", other);
  }

  /** Equal, where two nulls are equal; never null itself. */
  isNotDistinctFrom<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("isNotDistinctFrom", other);
  }

  /** Itself, or `other` where it is null. */
  ifNull<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Common<S, SymbolOf<O>>> {
    return this.#call("ifNull", other);
  }

  /** Null where it equals `other`. */
  nullIf<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, S> {
    return this.#call("nullIf", other);
  }

  // Conversion

  /**
   * As another type. Floats round half to even, decimals half away from zero, text is read in the form it is written in.
   * A value that does not fit raises CAST_FAILED.
   */
  cast<const T extends DataType>(type: T): Expression<C, T> {
    return new Expression({ kind: "cast", input: this.node, to: type, safe: false });
  }

  /** Like `cast`, with null for values that do not fit. */
  tryCast<const T extends DataType>(type: T): Expression<C, T> {
    return new Expression({ kind: "cast", input: this.node, to: type, safe: true });
  }

  // Mathematics

  /** Without its sign. */
  abs(): Expression<C, S> {
    return this.#call("abs");
  }

  /** -1, 0 or 1 in its own type; NaN stays NaN. */
  sign(): Expression<C, S> {
    return this.#call("sign");
  }

  /** The least integer that is not below it, in its own type. */
  ceil(): Expression<C, S> {
    return this.#call("ceil");
  }

  /** The greatest integer that is not above it, in its own type. */
  floor(): Expression<C, S> {
    return this.#call("floor");
  }

  /** Without its fraction. */
  trunc(): Expression<C, S> {
    return this.#call("trunc");
  }

  /** Rounded half away from zero to `digits` places, which may be negative. */
  round(digits: number = 0): Expression<C, S> {
    return this.#call("round", digits);
  }

  /** Square root; NaN below zero. */
  sqrt(): Expression<C, Float64> {
    return this.#call("sqrt");
  }

  /** Cube root. */
  cbrt(): Expression<C, Float64> {
    return this.#call("cbrt");
  }

  /** e to its power. */
  exp(): Expression<C, Float64> {
    return this.#call("exp");
  }

  /** Natural logarithm; -Infinity at zero, NaN below. */
  ln(): Expression<C, Float64> {
    return this.#call("ln");
  }

  /** Logarithm to base 10. */
  log10(): Expression<C, Float64> {
    return this.#call("log10");
  }

  /** Logarithm to base 2. */
  log2(): Expression<C, Float64> {
    return this.#call("log2");
  }

  /** Sine of an angle in radians. */
  sin(): Expression<C, Float64> {
    return this.#call("sin");
  }

  /** Cosine of an angle in radians. */
  cos(): Expression<C, Float64> {
    return this.#call("cos");
  }

  /** Tangent of an angle in radians. */
  tan(): Expression<C, Float64> {
    return this.#call("tan");
  }

  /** Arc sine in radians. */
  asin(): Expression<C, Float64> {
    return this.#call("asin");
  }

  /** Arc cosine in radians. */
  acos(): Expression<C, Float64> {
    return this.#call("acos");
  }

  /** Arc tangent in radians. */
  atan(): Expression<C, Float64> {
    return this.#call("atan");
  }

  /** Hyperbolic sine. */
  sinh(): Expression<C, Float64> {
    return this.#call("sinh");
  }

  /** Hyperbolic cosine. */
  cosh(): Expression<C, Float64> {
    return this.#call("cosh");
  }

  /** Hyperbolic tangent. */
  tanh(): Expression<C, Float64> {
    return this.#call("tanh");
  }

  /** Its power. */
  pow<const O extends Operand>(exponent: O): Expression<C | ColumnsOf<O>, Float64> {
    return this.#call("pow", exponent);
  }

  /** Angle in radians of the point (x, this). */
  atan2<const O extends Operand>(x: O): Expression<C | ColumnsOf<O>, Float64> {
    return this.#call("atan2", x);
  }

  /** Whether it is NaN. */
  isNaN(): Expression<C, Bool> {
    return this.#call("isNaN");
  }

  /** Bits set in both. */
  bitAnd<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Arithmetic<S, SymbolOf<O>>> {
    return this.#call("bitAnd", other);
  }

  /** Bits set in either. */
  bitOr<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Arithmetic<S, SymbolOf<O>>> {
    return this.#call("bitOr", other);
  }

  /** Bits set in exactly one. */
  bitXor<const O extends Operand>(other: O): Expression<C | ColumnsOf<O>, Arithmetic<S, SymbolOf<O>>> {
    return this.#call("bitXor", other);
  }

  /** Bits moved up within int32 or int64; bits past the top are lost. */
  shiftLeft<const O extends Operand>(bits: O): Expression<C | ColumnsOf<O>, S> {
    return this.#call("shiftLeft", bits);
  }

  /** Bits moved down within int32 or int64, keeping the sign. */
  shiftRight<const O extends Operand>(bits: O): Expression<C | ColumnsOf<O>, S> {
    return this.#call("shiftRight", bits);
  }

  // Text: positions count code points from 1

  /** In upper case, by the rules of Unicode. */
  upper(): Expression<C, Text> {
    return this.#call("upper");
  }

  /** In lower case, by the rules of Unicode. */
  lower(): Expression<C, Text> {
    return this.#call("lower");
  }

  /** Without the given characters (default: spaces) at both ends. */
  trim(characters: string = " "): Expression<C, Text> {
    return this.#call("trim", characters);
  }

  /** Without the given characters at its start. */
  ltrim(characters: string = " "): Expression<C, Text> {
    return this.#call("ltrim", characters);
  }

  /** Without the given characters at its end. */
  rtrim(characters: string = " "): Expression<C, Text> {
    return this.#call("rtrim", characters);
  }

  /** Number of code points of a text, or of elements of a list or map. */
  length(): Expression<C, Int32> {
    return this.#call("length");
  }

  /** Number of bytes, of UTF-8 text or binary. */
  byteLength(): Expression<C, Int32> {
    return this.#call("byteLength");
  }

  /** The part from code point `start` (1 is the first, -1 the last), of `length` code points or to the end. */
  substring<const O extends Operand, const P extends Operand = never>(
    start: O,
    length?: P,
  ): Expression<C | ColumnsOf<O> | ColumnsOf<P>, Text> {
    return length === undefined ? this.#call("substring", start) : this.#call("substring", start, length);
  }

  /** Its first `length` code points; a negative length leaves out that many at the end. */
  left<const O extends Operand>(length: O): Expression<C | ColumnsOf<O>, Text> {
    return this.#call("left", length);
  }

  /** Its last `length` code points; a negative length leaves out that many at the start. */
  right<const O extends Operand>(length: O): Expression<C | ColumnsOf<O>, Text> {
    return this.#call("right", length);
  }

  /** Texts one after the other; a null counts as empty text. */
  concat<const O extends readonly Operand[]>(...others: O): Expression<C | ColumnsOf<O[number]>, Text> {
    return this.#call("concat", ...others);
  }

  /** Every occurrence of `search` replaced; empty `search` changes nothing. */
  replace<const O extends Operand, const P extends Operand>(
    search: O,
    replacement: P,
  ): Expression<C | ColumnsOf<O> | ColumnsOf<P>, Text> {
    return this.#call("replace", search, replacement);
  }

  /** Part `index` (1 is the first, -1 the last) between separators; empty text where there is none. */
  splitPart<const O extends Operand, const P extends Operand>(
    separator: O,
    index: P,
  ): Expression<C | ColumnsOf<O> | ColumnsOf<P>, Text> {
    return this.#call("splitPart", separator, index);
  }

  /** Filled at its start up to `length` code points, or cut to them. */
  lpad<const O extends Operand>(length: O, fill: string = " "): Expression<C | ColumnsOf<O>, Text> {
    return this.#call("lpad", length, fill);
  }

  /** Filled at its end up to `length` code points, or cut to them. */
  rpad<const O extends Operand>(length: O, fill: string = " "): Expression<C | ColumnsOf<O>, Text> {
    return this.#call("rpad", length, fill);
  }

  /** Code points in reverse order. */
  reverse(): Expression<C, Text> {
    return this.#call("reverse");
  }

  /** Where `search` first occurs, 0 where it does not. */
  position<const O extends Operand>(search: O): Expression<C | ColumnsOf<O>, Int32> {
    return this.#call("position", search);
  }

  /** Whether it starts with `prefix`. */
  startsWith<const O extends Operand>(prefix: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("startsWith", prefix);
  }

  /** Whether it ends with `suffix`. */
  endsWith<const O extends Operand>(suffix: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("endsWith", suffix);
  }

  /** Whether `search` occurs in it. */
  contains<const O extends Operand>(search: O): Expression<C | ColumnsOf<O>, Bool> {
    return this.#call("contains", search);
  }

  /** SQL pattern: % is any text, _ one code point, a backslash makes the next character plain. */
  like(pattern: string): Expression<C, Bool> {
    return this.#call("like", pattern);
  }

  /** `like` without regard to case. */
  ilike(pattern: string): Expression<C, Bool> {
    return this.#call("ilike", pattern);
  }

  /** Whether a JavaScript regular expression matches anywhere in it. */
  regexp(pattern: RegExp): Expression<C, Bool> {
    return this.#call("regexp", ...patternOf("regexp", pattern));
  }

  /** The first match of a regular expression, or of its group; null where it does not match. */
  regexpExtract(pattern: RegExp, group = 0): Expression<C, Text> {
    return this.#call("regexpExtract", ...patternOf("regexpExtract", pattern), group);
  }

  /** Matches replaced (all of them with the flag g), as String.prototype.replace does: $1 is the first group. */
  regexpReplace(pattern: RegExp, replacement: string): Expression<C, Text> {
    return this.#call("regexpReplace", ...patternOf("regexpReplace", pattern), replacement);
  }

  // Dates and times: of a timestamp with a zone, the wall clock of that zone

  /** Year. */
  year(): Expression<C, Int32> {
    return this.#call("year");
  }

  /** Quarter, 1 to 4. */
  quarter(): Expression<C, Int32> {
    return this.#call("quarter");
  }

  /** Month, 1 to 12. */
  month(): Expression<C, Int32> {
    return this.#call("month");
  }

  /** ISO week of the year, 1 to 53. */
  week(): Expression<C, Int32> {
    return this.#call("week");
  }

  /** Day of the month. */
  day(): Expression<C, Int32> {
    return this.#call("day");
  }

  /** Day of the year, from 1. */
  dayOfYear(): Expression<C, Int32> {
    return this.#call("dayOfYear");
  }

  /** ISO day of the week: 1 is Monday, 7 Sunday. */
  dayOfWeek(): Expression<C, Int32> {
    return this.#call("dayOfWeek");
  }

  /** Hour, 0 to 23. */
  hour(): Expression<C, Int32> {
    return this.#call("hour");
  }

  /** Minute, 0 to 59. */
  minute(): Expression<C, Int32> {
    return this.#call("minute");
  }

  /** Second, 0 to 59. */
  second(): Expression<C, Int32> {
    return this.#call("second");
  }

  /** Milliseconds within the second, 0 to 999. */
  millisecond(): Expression<C, Int32> {
    return this.#call("millisecond");
  }

  /** The start of the unit that it lies in. */
  dateTrunc(unit: DateUnit): Expression<C, S> {
    return this.#call("dateTrunc", unit);
  }

  /** Moved by whole units; months keep the day of the month where it exists, else take the last. */
  dateAdd<const O extends Operand>(amount: O, unit: DateUnit): Expression<C | ColumnsOf<O>, S> {
    return this.#call("dateAdd", amount, unit);
  }

  /** Boundaries of the unit between `other` and this: days between two dates, negative where `other` is later. */
  dateDiff<const O extends Operand>(other: O, unit: DateUnit): Expression<C | ColumnsOf<O>, Int64> {
    return this.#call("dateDiff", other, unit);
  }

  /** Units since 1970-01-01T00:00:00Z, rounded down. */
  toEpoch(unit: "s" | "ms" | "us" | "ns" = "ms"): Expression<C, Int64> {
    return this.#call("toEpoch", unit);
  }

  /** Units since 1970-01-01T00:00:00Z as a timestamp of that unit. */
  toTimestamp(unit: "s" | "ms" | "us" | "ns" = "ms", timezone?: string): Expression<C, TimestampType> {
    return timezone === undefined ? this.#call("toTimestamp", unit) : this.#call("toTimestamp", unit, timezone);
  }

  // Nested values

  /**
   * A field of a struct; null where the struct is.
   * @throws {PlanError} FIELD_UNKNOWN, TYPE_MISMATCH
   * @example col("address").field("city")
   */
  field<const N extends string>(name: N): Expression<C | PathOf<FieldOf<S, N>>, FieldOf<S, N>> {
    return this.#call("field", name);
  }

  /** The element of a list at a position from 0, or from the end where it is negative; null where there is none. */
  at<const O extends Operand>(position: O): Expression<C | ColumnsOf<O>, ElementOf<S>> {
    return this.#call("at", position);
  }

  /** The value of a map's key, which is a constant; null where there is none. */
  get(key: Literal): Expression<C, MapValueOf<S>> {
    return this.#call("get", key);
  }

  // Hashes

  /** The engine's stable 64-bit hash, which also partitions rows; nulls have one too. */
  hash64(): Expression<C, SimpleType<"uint64">> {
    return this.#call("hash64");
  }

  /** MD5 of its UTF-8 bytes as lower-case hexadecimal digits. */
  md5(): Expression<C, Text> {
    return this.#call("md5");
  }

  /** SHA-256 of its UTF-8 bytes as lower-case hexadecimal digits. */
  sha256(): Expression<C, Text> {
    return this.#call("sha256");
  }

  #call<D extends string, T>(fn: string, ...args: readonly Operand[]): Expression<D, T> {
    return new Expression(callNode(fn, this.node, ...args.map(nodeOf)));
  }
}

/** An expression with a name of its own, for `select`. */
export class NamedExpression<out N extends string, out C extends string, out S> extends Expression<C, S> {
  readonly name: N;

  constructor(name: N, input: ExpressionNode) {
    super({ kind: "alias", name, input });
    this.name = name;
  }
}

/** The node of an expression or literal. */
export function nodeOf(operand: Operand): ExpressionNode {
  return operand instanceof Expression ? operand.node : literalNode(operand);
}

function patternOf(method: string, pattern: RegExp): [source: string, flags: string] {
  if (pattern instanceof RegExp) return [pattern.source, pattern.flags];
  throw new PlanError(
    "LITERAL_INVALID",
    `${method} was given ${describeValue(pattern)} as a pattern.`,
    "Give a regular expression such as /^a+/; contains and like take texts.",
  );
}
