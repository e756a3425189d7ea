import type {
  DataType,
  DecimalType,
  Fields,
  FloatKind,
  IntKind,
  SimpleType,
  TimestampType,
  TimeType,
} from "../types.ts";

/**
 * The type of an expression before its schema is known: a data type, a column to look up, a literal that adapts, or a
 * rule over other symbols. `ResolveSymbol` reads it over a schema. It mirrors `promote.ts`; where a rule depends on
 * values or precision, the result is a union of what can come out.
 */
export type ExpressionSymbol = DataType | Reference<string> | LiteralSymbol | Rule | NestedRule;

export interface Reference<N extends string> {
  readonly reference: N;
}
/** "integer": a literal that fits integers; "number": one that may or may not; the others by their kind. */
export interface LiteralSymbol<K extends LiteralKind = LiteralKind> {
  readonly literal: K;
}
export type LiteralKind = "integer" | "fraction" | "number" | "bigint" | "text" | "instant" | "null";
interface Rule {
  readonly rule: "arithmetic" | "common" | "division";
  readonly of: readonly [unknown, unknown];
}
/** The result of add, sub, mul, intDiv, mod. */
export interface Arithmetic<A, B> {
  readonly rule: "arithmetic";
  readonly of: readonly [A, B];
}
/** The type that both values can be read as. */
export interface Common<A, B> {
  readonly rule: "common";
  readonly of: readonly [A, B];
}
/** float32 of two float32, else float64. */
export interface Division<A, B> {
  readonly rule: "division";
  readonly of: readonly [A, B];
}

interface NestedRule {
  readonly rule: "field" | "element" | "mapValue";
  readonly in: unknown;
}
/** A field of a struct. */
export interface FieldOf<S, N extends string> {
  readonly rule: "field";
  readonly in: S;
  readonly name: N;
}
/** An element of a list. */
export interface ElementOf<S> {
  readonly rule: "element";
  readonly in: S;
}
/** A value of a map. */
export interface MapValueOf<S> {
  readonly rule: "mapValue";
  readonly in: S;
}

/**
 * Where in a row a symbol looks: "address.city", "items[].price", "prices{}"; `never` where it is computed. An
 * expression lists these beside the columns that it reads, so that a misspelt field does not compile.
 */
export type PathOf<S> =
  S extends Reference<infer N>
    ? N
    : S extends FieldOf<infer I, infer N>
      ? `${PathOf<I>}.${N}`
      : S extends ElementOf<infer I>
        ? `${PathOf<I>}[]`
        : S extends MapValueOf<infer I>
          ? `${PathOf<I>}{}`
          : never;

/** The columns of a schema and the paths of all fields below them. */
export type PathsIn<F extends Fields> = string extends keyof F
  ? string
  : { [N in keyof F & string]: N | PathsBelow<F[N], N> }[keyof F & string];

type PathsBelow<T, P extends string> = DataType extends T
  ? `${P}${string}`
  : T extends { kind: "struct"; fields: infer G }
    ? string extends keyof G
      ? `${P}.${string}`
      : { [N in keyof G & string]: `${P}.${N}` | PathsBelow<G[N], `${P}.${N}`> }[keyof G & string]
    : T extends { kind: "list"; element: infer E }
      ? PathsBelow<E, `${P}[]`>
      : T extends { kind: "map"; value: infer V }
        ? PathsBelow<V, `${P}{}`>
        : never;

/** The symbol of a JavaScript value used as a literal. */
export type LiteralSymbolOf<V> = V extends null
  ? LiteralSymbol<"null">
  : V extends boolean
    ? SimpleType<"bool">
    : V extends number
      ? number extends V
        ? LiteralSymbol<"number">
        : `${V}` extends `${bigint}`
          ? LiteralSymbol<"integer">
          : LiteralSymbol<"fraction">
      : V extends bigint
        ? LiteralSymbol<"bigint">
        : V extends string
          ? LiteralSymbol<"text">
          : V extends Date
            ? LiteralSymbol<"instant">
            : SimpleType<"binary">;

/** The data type of a symbol over a schema; literals that meet nothing take their own type. */
export type ResolveSymbol<S, F extends Fields> = Settle<Resolve<S, F>>;

/** A symbol with columns looked up and rules applied; may still be a literal. */
type Resolve<S, F extends Fields> =
  S extends Reference<infer N>
    ? N extends keyof F
      ? F[N]
      : never
    : S extends { rule: "arithmetic"; of: readonly [infer A, infer B] }
      ? Promote<Resolve<A, F>, Resolve<B, F>>
      : S extends { rule: "common"; of: readonly [infer A, infer B] }
        ? Join<Resolve<A, F>, Resolve<B, F>>
        : S extends { rule: "division"; of: readonly [infer A, infer B] }
          ? [Resolve<A, F> | Resolve<B, F>] extends [SimpleType<"float32">]
            ? SimpleType<"float32">
            : SimpleType<"float64">
          : S extends NestedRule
            ? ResolveNested<S, Resolve<S["in"], F>>
            : S;

type ResolveNested<S, T> =
  S extends FieldOf<unknown, infer N>
    ? T extends { kind: "struct"; fields: infer G }
      ? N extends keyof G
        ? G[N]
        : never
      : never
    : S extends ElementOf<unknown>
      ? T extends { kind: "list"; element: infer E }
        ? E
        : never
      : T extends { kind: "map"; value: infer V }
        ? V
        : never;

type Settle<T> = T extends LiteralSymbol<infer K> ? DefaultOf<K> : T;

/** The type of a literal on its own. An integer may be past the range of int32. */
interface Defaults {
  integer: SimpleType<"int32">;
  fraction: SimpleType<"float64">;
  number: SimpleType<"float64">;
  bigint: SimpleType<"int64">;
  text: SimpleType<"utf8">;
  instant: TimestampType;
  null: SimpleType<"null">;
}
type DefaultOf<K extends LiteralKind> = Defaults[K];

/** Two types of an operation on numbers; either may still be a literal. */
type Promote<A, B> =
  A extends LiteralSymbol<infer K>
    ? B extends LiteralSymbol<infer L>
      ? Numeric<DefaultOf<K>, DefaultOf<L>>
      : Adapt<K, B>
    : B extends LiteralSymbol<infer L>
      ? Adapt<L, A>
      : Numeric<A, B>;

/** A literal that meets a number. */
type Adapt<K extends LiteralKind, T> = T extends { kind: IntKind }
  ? K extends "fraction"
    ? SimpleType<"float64">
    : K extends "number"
      ? T | SimpleType<"float64">
      : T
  : T extends { kind: "decimal" }
    ? K extends "number"
      ? DecimalType | SimpleType<"float64">
      : DecimalType
    : T;

type Numeric<A, B> = A extends { kind: infer K }
  ? B extends { kind: infer L }
    ? K extends FloatKind
      ? L extends K
        ? A
        : SimpleType<"float64">
      : L extends FloatKind
        ? SimpleType<"float64">
        : "decimal" extends K | L
          ? DecimalType
          : SimpleType<IntegerOf<K, L>>
    : never
  : never;

/** Widths of the integer kinds, in powers of two of a byte. */
interface Width {
  int8: 0;
  int16: 1;
  int32: 2;
  int64: 3;
  uint8: 0;
  uint16: 1;
  uint32: 2;
  uint64: 3;
}
interface SignedOfWidth {
  0: "int8";
  1: "int16";
  2: "int32";
  3: "int64";
}
/** The signed kind of the next width, which holds an unsigned one. */
interface SignedAbove {
  uint8: "int16";
  uint16: "int32";
  uint32: "int64";
  uint64: "int64";
}
type Unsigned = keyof SignedAbove;
/** Which of two widths is the greater. */
interface Wider {
  0: { 0: 0; 1: 1; 2: 2; 3: 3 };
  1: { 0: 1; 1: 1; 2: 2; 3: 3 };
  2: { 0: 2; 1: 2; 2: 2; 3: 3 };
  3: { 0: 3; 1: 3; 2: 3; 3: 3 };
}
interface UnsignedOfWidth {
  0: "uint8";
  1: "uint16";
  2: "uint32";
  3: "uint64";
}

type IntegerOf<K, L> = K extends L
  ? K & IntKind
  : K extends Unsigned
    ? L extends Unsigned
      ? UnsignedOfWidth[Wider[Width[K]][Width[L]]]
      : L extends keyof Width
        ? IntegerOf<SignedAbove[K], L>
        : never
    : K extends keyof Width
      ? L extends Unsigned
        ? IntegerOf<K, SignedAbove[L]>
        : L extends keyof Width
          ? SignedOfWidth[Wider[Width[K]][Width[L]]]
          : never
      : never;

/** Two values of one column: branches of a case, coalesce, greatest. */
type Join<A, B> =
  A extends LiteralSymbol<"null">
    ? B
    : B extends LiteralSymbol<"null">
      ? A
      : A extends LiteralSymbol<infer K>
        ? B extends LiteralSymbol<infer L>
          ? K extends L
            ? A
            : JoinTypes<DefaultOf<K>, DefaultOf<L>>
          : JoinLiteral<K, B>
        : B extends LiteralSymbol<infer L>
          ? JoinLiteral<L, A>
          : JoinTypes<A, B>;

/** Past the range of an integer column, a literal widens it. */
type JoinLiteral<K extends LiteralKind, T> = K extends "integer" | "fraction" | "number" | "bigint" ? Adapt<K, T> : T;

type JoinTypes<A, B> = A extends { kind: infer K }
  ? B extends { kind: infer L }
    ? K extends "null"
      ? B
      : L extends "null"
        ? A
        : K extends IntKind | FloatKind | "decimal"
          ? Numeric<A, B>
          : K extends "timestamp" | "date"
            ? L extends "date"
              ? A
              : K extends "date"
                ? B
                : A | B
            : K extends "time"
              ? TimeType
              : A
    : never
  : never;
