import { rowObject } from "../columns/read.ts";
import type { JoinSide } from "../joins/join-plan.ts";
import type { Row } from "../rows/row-view.ts";
import type { Field, Schema } from "../schema.ts";
import { utf8 } from "../types.ts";
import type { TaggedRow } from "./tagged-row.ts";

/** The rows that windows keep, as columns of a snapshot. */
export interface KeptRows {
  readonly fields: readonly Field[];
  /** Those of the fields that a snapshot may lack, since they are columns of rows. */
  readonly addable: readonly string[];
  store(row: Row): readonly unknown[];
  load(values: readonly unknown[]): Row;
}

export function keptRows(schema: Schema): KeptRows {
  const { names } = schema;
  const fields = prefixed("row", schema);
  return {
    fields,
    addable: fields.map(({ name }) => name),
    store: (row) => names.map((name) => row[name]),
    load: (values) => rowObject(names, (i) => values[i]),
  };
}

/** Rows of two streams: the side, and the columns of both, of which those of the other side are null. */
export function keptTaggedRows(left: Schema, right: Schema): KeptRows {
  const columns = [...prefixed("left", left), ...prefixed("right", right)];
  const sides = {
    left: { names: left.names, from: 1, before: [], behind: right.names.map(() => null) },
    right: { names: right.names, from: 1 + left.names.length, before: left.names.map(() => null), behind: [] },
  };
  return {
    fields: [{ name: "side", type: utf8 }, ...columns],
    addable: columns.map(({ name }) => name),
    store: (given) => {
      const { side, row } = given as TaggedRow;
      const { names, before, behind } = sides[side];
      return [side, ...before, ...names.map((name) => row[name]), ...behind];
    },
    load: (values) => {
      const side = values[0] as JoinSide;
      const { names, from } = sides[side];
      return { side, row: rowObject(names, (i) => values[from + i]) };
    },
  };
}

const prefixed = (prefix: string, { fields }: Schema): Field[] =>
  fields.map(({ name, type }) => ({ name: `${prefix}.${name}`, type }));
