import type { Field } from "../../core/schema.ts";
import { KEY_GROUP_FIELD, type StateKind } from "../../core/state-snapshot.ts";

/** A column of a state table, and what it is called where its rows are those of a dataset. */
export interface StateColumn extends Field {
  /** In the table: "key.word". */
  readonly stored: string;
  readonly isKey: boolean;
}

/** Of elements of lists: their place in the table, which keeps the order of each list. */
export const POSITION = "position";
export const MAP_KEY = "mapKey";
export const VALUE = "value";
/** Of states with a time to live: when a value was renewed. */
export const UPDATED = "updatedAtMs";

const KEY = /^key[. ](.*)$/s;
const RESERVED = [POSITION, MAP_KEY, VALUE, UPDATED, "namespace", KEY_GROUP_FIELD.name];

/**
 * The columns of a table by the names that users gave them: "key.word" is `word`, as long as nothing else is called so.
 * The key group of a table with a key is left out, since it follows from that.
 */
export function stateColumns(kind: StateKind, fields: readonly Field[]): StateColumn[] {
  const keys = fields.filter(({ name }) => KEY.test(name));
  const others = fields.filter((field) => !keys.includes(field));
  const named = others.filter(({ name }) => kind !== "keyed" || keys.length === 0 || name !== KEY_GROUP_FIELD.name);
  const taken = new Set([...RESERVED, ...others.map(({ name }) => name)]);
  return [
    ...keys.map(({ name, type }) => ({ name: keyName(name, taken), stored: name, type, isKey: true })),
    ...named.map(({ name, type }) => ({ name, stored: name, type, isKey: false })),
  ];
}

function keyName(stored: string, taken: ReadonlySet<string>): string {
  const [, own = stored] = KEY.exec(stored) ?? [];
  return taken.has(own) ? stored : own;
}

/** What a column of a key is called in a table of keyed state. */
export const storedKeyName = (name: string): string => (KEY.test(name) ? name : `key.${name}`);

/** Tables whose rows have an order. */
export const isListTable = (table: string): boolean => /^(list|operatorList|operatorUnion):/.test(table);
