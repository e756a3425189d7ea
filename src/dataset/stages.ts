import type { OperatorContext } from "../core/operator.ts";
import { CoGroupRows } from "../core/operators/co-group-rows.ts";
import { CombineGroup } from "../core/operators/combine-group.ts";
import { FilterRows } from "../core/operators/filter-rows.ts";
import { FlatMapRows } from "../core/operators/flat-map-rows.ts";
import { GroupReduce } from "../core/operators/group-reduce.ts";
import { IndexRows, type Numbering } from "../core/operators/index-rows.ts";
import { JoinRows } from "../core/operators/join-rows.ts";
import { MapPartition } from "../core/operators/map-partition.ts";
import { MapRows } from "../core/operators/map-rows.ts";
import { ReduceRows } from "../core/operators/reduce-rows.ts";
import { Sample, SampleSize, type SampleSpec } from "../core/operators/sample.ts";
import { Schema } from "../core/schema.ts";
import { int64 } from "../core/types.ts";
import type { JoinColumn, OrderKey } from "../plan/logical.ts";
import type { FunctionStage } from "./function-stages.ts";

// One factory per kind of function: what it needs of its input and which operator runs it.

export const mapStage = (fn: unknown): FunctionStage => ({
  method: "map",
  fn,
  returns: "row",
  needs: { kind: "any" },
  make: (given, [input], shape, site) => new MapRows(given, input, shape, site),
});

export const flatMapStage = (fn: unknown): FunctionStage => ({
  method: "flatMap",
  fn,
  returns: "rows",
  needs: { kind: "any" },
  make: (given, [input], shape, site) => new FlatMapRows(given, input, shape, site),
});

export const filterStage = (fn: unknown): FunctionStage => ({
  method: "filter",
  fn,
  returns: "none",
  needs: { kind: "any" },
  schemaOf: ([input]) => input,
  make: (given, [input], _, site) => new FilterRows(given, input, site),
});

export const mapPartitionStage = (fn: unknown): FunctionStage => ({
  method: "mapPartition",
  fn,
  returns: "rows",
  needs: { kind: "any" },
  make: (given, [input], shape, site) => new MapPartition(given, input, shape, site),
});

/** One call for all rows. */
export const reduceAllStage = (fn: unknown): FunctionStage => ({
  method: "reduceGroup",
  fn,
  returns: "rows",
  needs: { kind: "single" },
  make: (given, [input], shape, site) => new MapPartition(given, input, shape, site, "reduceGroup"),
});

/** Folds the rows of each key, or all rows where there are no keys. */
export const reduceStage = (fn: unknown, keys: readonly string[]): FunctionStage => ({
  method: "reduce",
  fn,
  returns: "row",
  needs: keys.length === 0 ? { kind: "single" } : { kind: "grouped", keys: [keys] },
  schemaOf: ([input]) => input,
  make: (given, [input], _, site) => new ReduceRows(given, input, positions(keys, input), site),
});

export const reduceGroupStage = (fn: unknown, keys: readonly string[], order: readonly OrderKey[]): FunctionStage => ({
  method: "reduceGroup",
  fn,
  returns: "rows",
  needs:
    keys.length === 0 && order.length === 0
      ? { kind: "single" }
      : { kind: "grouped", keys: [keys], sort: [[...keys.map((column) => ({ column })), ...order]] },
  make: (given, [input], shape, site) => new GroupReduce(given, input, positions(keys, input), shape, site),
});

export const combineGroupStage = (fn: unknown, keys: readonly string[]): FunctionStage => ({
  method: "combineGroup",
  fn,
  returns: "rows",
  needs: { kind: "any" },
  make: (given, [input], shape, site) => new CombineGroup(given, input, positions(keys, input), shape, site),
});

export const coGroupStage = (
  fn: unknown,
  leftKeys: readonly string[],
  rightKeys: readonly string[],
): FunctionStage => ({
  method: "coGroup",
  fn,
  returns: "rows",
  needs: { kind: "grouped", keys: [leftKeys, rightKeys] },
  make: (given, [left, right], shape, site) =>
    new CoGroupRows(
      given,
      { schema: left, keys: positions(leftKeys, left) },
      { schema: right, keys: positions(rightKeys, right) },
      shape,
      site,
    ),
});

/** A function of pairs over joined rows; `found` names the columns that tell whether an outer join found a side. */
export const joinStage = (
  fn: unknown,
  output: readonly JoinColumn[],
  names: { left: readonly string[]; right: readonly string[] },
  found: { left?: string; right?: string },
): FunctionStage => ({
  method: "join",
  fn,
  returns: "row",
  needs: { kind: "any" },
  make: (given, [input], shape, site) => {
    const sideOf = (side: "left" | "right") => {
      const columns = output
        .filter((column) => column.side === side && column.name !== found[side])
        .map((column, i) => ({ name: names[side][i], column: input.indexOf(column.name) }));
      const marker = found[side];
      return { columns, ...(marker === undefined ? {} : { found: input.indexOf(marker) }) };
    };
    return new JoinRows(given, input, sideOf("left"), sideOf("right"), shape, site);
  },
});

/** Numbers rows in a new int64 column. */
export const indexStage = (
  column: string,
  numberingOf: (context: OperatorContext) => Numbering,
  isConsecutive: boolean,
): FunctionStage => ({
  method: "zipWithIndex",
  fn: null,
  returns: "none",
  needs: isConsecutive ? { kind: "single" } : { kind: "any" },
  schemaOf: ([input]) => new Schema([...input.fields, { name: column, type: int64 }]),
  make: (_, [input]) => new IndexRows(input, column, numberingOf),
});

export const sampleStage = (spec: SampleSpec): FunctionStage => ({
  method: "sample",
  fn: null,
  returns: "none",
  needs: { kind: "any" },
  schemaOf: ([input]) => input,
  make: (_, [input]) => new Sample(input, spec),
});

export const sampleSizeStage = (size: number, seed: number): FunctionStage => ({
  method: "sampleWithSize",
  fn: null,
  returns: "none",
  needs: { kind: "single" },
  schemaOf: ([input]) => input,
  make: (_, [input]) => new SampleSize(input, { size, seed, phase: "whole" }),
});

/** Core operators know columns by position. */
const positions = (keys: readonly string[], schema: Schema) => keys.map((key) => ({ column: schema.indexOf(key) }));
