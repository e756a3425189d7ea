import type { Field } from "../../core/schema.ts";
import type { StateDescriptor } from "../../core/state/descriptors.ts";
import type { KeyedStateOptions } from "../../core/state/keyed-backend.ts";
import { keyFields } from "../../core/state/state-table.ts";
import { int64 } from "../../core/types.ts";
import type { CellState } from "./cell-state.ts";

/** A state with its place in the cells of each key. */
export interface Registered {
  readonly index: number;
  readonly state: CellState;
  readonly isInNamespace: boolean;
}

/** Of states with a time to live: null where it is not known. */
export const UPDATED = { name: "updatedAtMs", type: int64 } as const;

export const tableName = ({ kind, name }: StateDescriptor): string => `${kind}:${name}`;

export const isStateTable = (table: string): boolean => /^(value|list|map|reducing|aggregating):/.test(table);

export function splitName(table: string): [kind: string, name: string] {
  const at = table.indexOf(":");
  return [table.slice(0, at), table.slice(at + 1)];
}

/** The columns of the table of a state. */
export function stateFields(
  { namespaceType, keys }: KeyedStateOptions,
  { state: { descriptor }, isInNamespace }: Registered,
): Field[] {
  const fields = keyFields(keys.fields);
  if (isInNamespace && namespaceType !== undefined) fields.push({ name: "namespace", type: namespaceType });
  if (descriptor.kind === "map") fields.push({ name: "mapKey", type: descriptor.keyType });
  fields.push({ name: "value", type: descriptor.type });
  if (descriptor.ttl !== undefined) fields.push(UPDATED);
  return fields;
}
