import type { DataType, SimpleType } from "../types.ts";
import { type ColumnsOf, Expression, nodeOf, type Operand, type SymbolOf } from "./expression.ts";
import { type Literal, literalNode, typedLiteral } from "./literal.ts";
import { callNode, columnNode, type ExpressionNode } from "./node.ts";
import type { Common, LiteralSymbol, LiteralSymbolOf, Reference } from "./symbols.ts";

/** The values of a column. */
export function col<const N extends string>(name: N): Expression<N, Reference<N>> {
  return new Expression(columnNode(name));
}

/**
 * A constant. Without a type it adapts to what it meets: 1 fits any number, "2024-02-29" a date; alone, numbers are
 * int32 where they fit it and float64 otherwise, bigints int64.
 * @throws {PlanError} LITERAL_INVALID where the value is none of the type.
 */
export function lit<const V extends Literal>(value: V): Expression<never, LiteralSymbolOf<V>>;
export function lit<const T extends DataType>(value: Literal, type: T): Expression<never, T>;
export function lit(value: Literal, type?: DataType): Expression<never, unknown> {
  return new Expression(type === undefined ? literalNode(value) : typedLiteral(value, type));
}

/** Columns and symbol of several operands. */
type CommonOf<O extends readonly unknown[]> = O extends readonly [infer First, ...infer Rest]
  ? Rest extends readonly []
    ? SymbolOf<First>
    : Common<SymbolOf<First>, CommonOf<Rest>>
  : never;

function call<C extends string, S>(fn: string, operands: readonly Operand[]): Expression<C, S> {
  return new Expression(callNode(fn, ...operands.map(nodeOf)));
}

/** The first value that is not null. */
export function coalesce<const O extends readonly [Operand, ...Operand[]]>(
  ...values: O
): Expression<ColumnsOf<O[number]>, CommonOf<O>> {
  return call("coalesce", values);
}

/** The greatest value, nulls left out; NaN is above every number. */
export function greatest<const O extends readonly [Operand, ...Operand[]]>(
  ...values: O
): Expression<ColumnsOf<O[number]>, CommonOf<O>> {
  return call("greatest", values);
}

/** The least value, nulls left out. */
export function least<const O extends readonly [Operand, ...Operand[]]>(
  ...values: O
): Expression<ColumnsOf<O[number]>, CommonOf<O>> {
  return call("least", values);
}

/** Texts one after the other; a null counts as empty text. */
export function concat<const O extends readonly [Operand, ...Operand[]]>(
  ...values: O
): Expression<ColumnsOf<O[number]>, SimpleType<"utf8">> {
  return call("concat", values);
}

/** All conditions are true. */
export function and<const O extends readonly [Operand, ...Operand[]]>(
  ...conditions: O
): Expression<ColumnsOf<O[number]>, SimpleType<"bool">> {
  return call("and", conditions);
}

/** At least one condition is true. */
export function or<const O extends readonly [Operand, ...Operand[]]>(
  ...conditions: O
): Expression<ColumnsOf<O[number]>, SimpleType<"bool">> {
  return call("or", conditions);
}

export function not<const O extends Operand>(condition: O): Expression<ColumnsOf<O>, SimpleType<"bool">> {
  return call("not", [condition]);
}

/** The date of a year, month (1..12) and day; null where there is no such date. */
export function makeDate<const Y extends Operand, const M extends Operand, const D extends Operand>(
  year: Y,
  month: M,
  day: D,
): Expression<ColumnsOf<Y> | ColumnsOf<M> | ColumnsOf<D>, SimpleType<"date">> {
  return call("makeDate", [year, month, day]);
}

/** The engine's stable 64-bit hash of several values in order. */
export function hash64<const O extends readonly [Operand, ...Operand[]]>(
  ...values: O
): Expression<ColumnsOf<O[number]>, SimpleType<"uint64">> {
  return call("hash64", values);
}

/**
 * Starts a case: `when(a.gt(0)).then("up").when(a.lt(0)).then("down").otherwise("flat")`. The first condition that is
 * true decides; without `otherwise` the rest is null. Branches that are not taken never fail.
 */
export function when<const W extends Operand>(condition: W): CaseCondition<ColumnsOf<W>, LiteralSymbol<"null">> {
  return new CaseCondition([], nodeOf(condition));
}

type Branches = readonly { readonly when: ExpressionNode; readonly value: ExpressionNode }[];

/** A condition that waits for its value. */
export class CaseCondition<C extends string, S> {
  readonly #branches: Branches;
  readonly #condition: ExpressionNode;

  constructor(branches: Branches, condition: ExpressionNode) {
    this.#branches = branches;
    this.#condition = condition;
  }

  // biome-ignore lint/suspicious/noThenProperty: SQL's word for it; a case is a step of a builder and never awaited
  then<const T extends Operand>(value: T): CaseExpression<C | ColumnsOf<T>, Common<S, SymbolOf<T>>> {
    return new CaseExpression([...this.#branches, { when: this.#condition, value: nodeOf(value) }]);
  }
}

/** A case that is complete as it is, with null where no condition is true. */
export class CaseExpression<out C extends string, out S> extends Expression<C, S> {
  readonly #branches: Branches;

  constructor(branches: Branches) {
    super({ kind: "case", branches });
    this.#branches = branches;
  }

  when<const W extends Operand>(condition: W): CaseCondition<C | ColumnsOf<W>, S> {
    return new CaseCondition(this.#branches, nodeOf(condition));
  }

  otherwise<const T extends Operand>(value: T): Expression<C | ColumnsOf<T>, Common<S, SymbolOf<T>>> {
    return new Expression({ kind: "case", branches: this.#branches, otherwise: nodeOf(value) });
  }
}
