import type { Address } from "../../core/memory/allocator.ts";
import { byteWidth } from "../../core/types.ts";
import type { DecodeScope } from "./decode-scope.ts";
import { PhysicalType } from "./format.ts";
import type { LeafSchema } from "./schema-mapping.ts";

/** Converts `count` dense values of the physical type to the engine type; neither range overlaps the other. */
export type Convert = (scope: DecodeScope, source: Address, count: number, target: Address) => void;

/** How a fixed-width leaf is stored and what it becomes. */
export interface FixedLayout {
  /** Bytes per stored value. */
  readonly storedWidth: number;
  /** Bytes per value in the column. */
  readonly width: number;
  /** Undefined where the stored bytes are the column's bytes. */
  readonly convert: Convert | undefined;
  /** Decimals that are decoded to int64 (`DecimalWords`). */
  readonly isWords: boolean;
}

/** The layout of a leaf of fixed width (not bool, utf8, binary, null). */
export function fixedLayout(leaf: LeafSchema): FixedLayout {
  const width = byteWidth(leaf.type);
  const stored = (storedWidth: number, convert?: Convert): FixedLayout => ({
    storedWidth,
    width,
    convert,
    isWords: false,
  });
  const words = (storedWidth: number, convert?: Convert): FixedLayout => ({
    storedWidth,
    width: 8,
    convert,
    isWords: true,
  });
  const isDecimal = leaf.type.kind === "decimal";
  switch (leaf.physicalType) {
    case PhysicalType.int32:
      if (isDecimal) return words(4, ({ workspace }, ...args) => workspace.kernels.parquetWiden32(...args));
      if (width === 1) return stored(4, ({ workspace }, ...args) => workspace.kernels.parquetNarrow8(...args));
      if (width === 2) return stored(4, ({ workspace }, ...args) => workspace.kernels.parquetNarrow16(...args));
      return stored(4);
    case PhysicalType.int64:
      if (isDecimal) return words(8);
      return stored(8);
    case PhysicalType.int96:
      return stored(12, (scope, ...args) => {
        if (scope.workspace.kernels.parquetInt96(...args) >= 0) return;
        scope.fail(
          "PARQUET_VALUE_RANGE",
          "an INT96 timestamp lies outside the years 1677 to 2262 of 64-bit nanoseconds",
        );
      });
    case PhysicalType.float:
      return stored(4);
    case PhysicalType.double:
      return stored(8);
    default: {
      const length = leaf.typeLength;
      if (isDecimal) {
        return stored(length, ({ workspace }, source, count, target) =>
          workspace.kernels.parquetDecimalFixed(source, length, count, target),
        );
      }
      if (leaf.type.kind === "interval") {
        return stored(length, ({ workspace }, ...args) => workspace.kernels.parquetIntervals(...args));
      }
      return stored(length, ({ workspace }, ...args) => workspace.kernels.parquetFloat16(...args));
    }
  }
}
