import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { Expression, NamedExpression, nodeOf, type Operand } from "../core/expressions/expression.ts";
import { columnNode } from "../core/expressions/node.ts";
import type { NamedExpression as NamedNode } from "../plan/logical.ts";

// What a method is given as columns, checked for what only plain JavaScript lets through.

type ColumnArgument = string | NamedExpression<string, string, unknown> | Readonly<Record<string, Operand>>;

/**
 * Names of columns, at least one.
 * @throws {PlanError} COLUMNS_EMPTY, COLUMN_ARGUMENT_INVALID
 */
export function columnNames<N extends string>(method: string, names: readonly N[]): readonly N[] {
  if (names.length === 0) throw noColumns(method);
  for (const name of names) if (typeof name !== "string") throw notAColumn(method, name);
  return names;
}

/**
 * Columns by name and computed ones, at least one.
 * @throws {PlanError} COLUMNS_EMPTY, COLUMN_ARGUMENT_INVALID, LITERAL_INVALID
 */
export function namedColumns(method: string, columns: readonly ColumnArgument[]): NamedNode[] {
  const named = columns.flatMap((column): NamedNode[] => {
    if (typeof column === "string") return [{ name: column, expression: columnNode(column) }];
    if (column instanceof NamedExpression) return [{ name: column.name as string, expression: column.node }];
    return computedColumns(method, column);
  });
  if (named.length === 0) throw noColumns(method);
  return named;
}

/** Computed columns by name: `{ name: expression }`. */
export function computedColumns(method: string, columns: Readonly<Record<string, Operand>>): NamedNode[] {
  const isRecord = typeof columns === "object" && columns !== null && !Array.isArray(columns);
  if (!isRecord || columns instanceof Expression || columns instanceof NamedExpression) {
    throw notAColumn(method, columns);
  }
  return Object.entries<Operand>(columns).map(([name, operand]) => ({ name, expression: nodeOf(operand) }));
}

const noColumns = (method: string): PlanError =>
  new PlanError("COLUMNS_EMPTY", `${method} was given no column.`, "Name at least one column.");

function notAColumn(method: string, given: unknown): PlanError {
  const [what, whatToDo] = Array.isArray(given)
    ? ["an array", "Give the columns one by one, or spread the array: ...columns."]
    : given instanceof Expression || given instanceof NamedExpression
      ? ["an expression without a place", "Give it a name: { name: expression }."]
      : [describeValue(given), "Name a column, or give { name: expression }."];
  return new PlanError("COLUMN_ARGUMENT_INVALID", `${method} was given ${what} as a column.`, whatToDo);
}
