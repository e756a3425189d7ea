import type {
  NamedExpression,
  Operand,
  ResultType,
  SelectedFields as SelectedTypes,
} from "../core/expressions/expression.ts";
import type { PathsIn } from "../core/expressions/symbols.ts";
import type { DataType, Fields } from "../core/types.ts";

// Column types that follow from what a method was given; datasets and streams share them.

export type Names<F extends Fields> = keyof F & string;

/** What inference found, as fields: a type that could not be found becomes `never`. */
export type AsFields<T> = { readonly [N in keyof T & string]: T[N] extends DataType ? T[N] : never };
export type SelectedFields<E extends Readonly<Record<string, Operand>>, F extends Fields> = AsFields<
  SelectedTypes<E, F>
>;

/** A column to select: its name, or an expression with a name. */
export type Selectable<F extends Fields> = Names<F> | NamedExpression<string, PathsIn<F>, unknown>;

/** The fields of each of the columns `C`, as one intersection. */
export type ListedFields<C, F extends Fields> = Together<
  C extends keyof F & string
    ? Pick<F, C>
    : C extends NamedExpression<infer N, string, unknown>
      ? { readonly [K in N]: ResultType<C, F> }
      : never
>;
type Together<U> = (U extends unknown ? (member: U) => void : never) extends (all: infer All) => void ? All : never;

/** Fields with some replaced or added. */
export type WithFields<F extends Fields, G extends Fields> = Omit<F, keyof G> & G;
