import { callSite } from "../api/call-site.ts";
import { NumberRows, type PartitionFunction } from "../core/operators/number-rows.ts";
import type { Schema } from "../core/schema.ts";
import type { OrderKey, Partitioning } from "../plan/logical.ts";
import { checkOrderKeys } from "../plan/nodes.ts";

const NUMBER_COLUMN = "partition number";

/** Ranges of nearly equal size, by bounds that a sample of the rows gives. */
export function rangePartitioning(keys: readonly OrderKey[], schema: Schema): Partitioning {
  checkOrderKeys(keys, schema);
  return {
    kind: "numbered",
    name: `range(${keys.map((key) => key.column).join(", ")})`,
    column: freeName(schema),
    needsAllRows: true,
    isUserCode: false,
    operator: (partitionCount) => ({
      kind: "rangeNumbers",
      name: "range numbers",
      keys: keys.map((key) => ({ ...key, column: schema.indexOf(key.column) })),
      column: freeName(schema),
      partitionCount,
    }),
  };
}

/** Partitions that a function chooses by the value of one column. */
export function customPartitioning(partition: PartitionFunction, key: string, schema: Schema): Partitioning {
  const site = callSite();
  const column = freeName(schema);
  return {
    kind: "numbered",
    name: `custom(${key})`,
    column,
    needsAllRows: false,
    isUserCode: true,
    operator: (partitionCount) => ({
      kind: "local",
      name: "partition numbers",
      create: ([input]) =>
        new NumberRows(
          partition,
          input,
          { key, column, partitionCount },
          { name: "partitionCustom", ...(site === undefined ? {} : { callSite: site }) },
        ),
    }),
  };
}

function freeName(schema: Schema): string {
  let name = NUMBER_COLUMN;
  while (schema.has(name)) name += "'";
  return name;
}
