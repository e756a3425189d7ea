import { PlanError } from "../../core/errors.ts";
import type { Field, Schema } from "../../core/schema.ts";
import type { StateDescriptor } from "../../core/state/descriptors.ts";
import { KEY_GROUP_FIELD, type StateKind } from "../../core/state-snapshot.ts";
import { formatType, int64, sameType } from "../../core/types.ts";
import { isListTable, MAP_KEY, POSITION, type StateColumn, storedKeyName, UPDATED, VALUE } from "./state-columns.ts";

/** Where a column of a state table comes from: a column of the rows, several as fields of a struct, or nowhere. */
export type ColumnOrigin =
  | { readonly from: string }
  | { readonly fields: readonly string[] }
  | { readonly isNull: true };

/** How rows of a dataset become those of a state table. */
export interface StateLayout {
  /** For messages: 'the state "total" of the step "sums"'. */
  readonly what: string;
  readonly table: string;
  readonly kind: StateKind;
  /** Of the table, but for a key group that follows from the key. */
  readonly columns: readonly StateColumn[];
  readonly origins: readonly ColumnOrigin[];
  /** A key, or a key of a map, has one row at most. */
  readonly isUnique: boolean;
  /** A value that is null is none. */
  readonly hasNulls: boolean;
  /** The rows have a column that says in which order elements of a list stand. */
  readonly isOrdered: boolean;
}

/** The table of a state that is declared, and its columns. `keys` are those of keyed state. */
export function describedTable(
  descriptor: StateDescriptor,
  kind: StateKind,
  keys: readonly Field[],
): { readonly table: string; readonly columns: readonly StateColumn[] } {
  const own = (name: string, type: Field["type"]): StateColumn => ({ name, stored: name, type, isKey: false });
  const columns = kind === "keyed" ? keys.map(({ name, type }) => keyColumn(name, type)) : [];
  if (descriptor.kind === "map") columns.push(own(MAP_KEY, descriptor.keyType));
  columns.push(own(VALUE, descriptor.type));
  if (kind === "keyed" && descriptor.ttl !== undefined) columns.push(own(UPDATED, int64));
  const prefix = { keyed: descriptor.kind, list: "operatorList", union: "operatorUnion", broadcast: "broadcast" }[kind];
  return { table: `${prefix}:${descriptor.name}`, columns };
}

const keyColumn = (name: string, type: Field["type"]): StateColumn => ({
  name,
  stored: storedKeyName(name),
  type,
  isKey: true,
});

/** What of the rows is no key, by its name, where nobody says what the key is. */
export function keysAmong(schema: Schema, descriptor: StateDescriptor): Field[] {
  const own = new Set<string>([MAP_KEY, VALUE, UPDATED, POSITION]);
  const { type } = descriptor;
  const isSpread = !schema.has(VALUE) && type.kind === "struct";
  if (isSpread) for (const name of Object.keys(type.fields)) own.add(name);
  return schema.fields.filter(({ name }) => !own.has(name));
}

/** @throws {PlanError} STATE_COLUMNS_INVALID */
export function stateLayout(
  what: string,
  {
    table,
    kind,
    columns,
  }: { readonly table: string; readonly kind: StateKind; readonly columns: readonly StateColumn[] },
  schema: Schema,
): StateLayout {
  const used = new Set<string>();
  const isOrdered = isListTable(table) && schema.has(POSITION);
  if (isOrdered) {
    used.add(POSITION);
    if (!sameType(schema.typeOf(POSITION), int64)) throw differs(what, { name: POSITION, type: int64 }, schema);
  }
  const origins = columns.map((column): ColumnOrigin => {
    const { name, type } = column;
    if (schema.has(name)) {
      if (!sameType(schema.typeOf(name), type)) throw differs(what, column, schema);
      used.add(name);
      return { from: name };
    }
    if (name === VALUE && type.kind === "struct") {
      const fields = Object.entries(type.fields).map(([field, of]): Field => ({ name: field, type: of }));
      for (const field of fields) {
        if (!schema.has(field.name) || !sameType(schema.typeOf(field.name), field.type)) {
          throw differs(what, field, schema);
        }
        used.add(field.name);
      }
      return { fields: fields.map((field) => field.name) };
    }
    if (name === UPDATED) return { isNull: true };
    throw differs(what, column, schema);
  });
  const further = schema.names.filter((name) => !used.has(name));
  if (further.length > 0) {
    throw invalid(
      `${what} has no column for ${further.map((name) => `"${name}"`).join(" and ")} of the rows`,
      `Its columns are ${columns.map(({ name, type }) => `${name} ${formatType(type)}`).join(", ")}: leave out or rename what is no part of them.`,
    );
  }
  if (kind === "keyed" && !columns.some(({ isKey, name }) => isKey || name === KEY_GROUP_FIELD.name)) {
    throw invalid(`${what} is given rows without a key`, "Name its columns with the option keys.");
  }
  const isOwn = /^(value|map|reducing|aggregating|broadcast):/.test(table);
  const hasNulls = !/^(value|reducing|aggregating):/.test(table);
  return { what, table, kind, columns, origins, isUnique: isOwn, hasNulls, isOrdered };
}

function differs(what: string, { name, type }: Field, schema: Schema): PlanError {
  const has = schema.has(name) ? `have it as ${formatType(schema.typeOf(name))}` : "lack it";
  return invalid(
    `${what} needs "${name}" as ${formatType(type)}, and the rows ${has}`,
    `The rows have the columns (${schema}): rename, or cast with col("${name}").cast(...).`,
  );
}

const invalid = (whatHappened: string, whatToDo: string): PlanError =>
  new PlanError("STATE_COLUMNS_INVALID", `${whatHappened[0].toUpperCase()}${whatHappened.slice(1)}.`, whatToDo);
