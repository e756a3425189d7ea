import type { Column } from "../../core/column.ts";
import { EvaluationError } from "../../core/errors.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import { byteWidth } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";
import { PADDING_BYTES } from "./decode-scope.ts";
import { PhysicalType } from "./format.ts";
import type { WriteLeaf } from "./write-schema.ts";

/** Values without nulls in the bytes of their physical type; a `width` of 0 means byte arrays, of 1/8 bits. */
export interface PhysicalValues {
  readonly kind: "fixed" | "bytes" | "bits";
  readonly count: number;
  /** Bytes per value of fixed ones. */
  readonly width: number;
  readonly data: Address;
  /** int32[count + 1] of byte arrays. */
  readonly offsets: Address;
  /** Memory that these values alone hold. */
  readonly blocks: readonly Block[];
}

export function releasePhysical(values: PhysicalValues): void {
  for (const block of values.blocks) block.release();
}

/**
 * A plain column without nulls as values of the leaf's physical type; shares the column's memory where the bytes are the
 * same, so the column must outlive the result.
 */
export function physicalValues(workspace: Workspace, leaf: WriteLeaf, column: Column): PhysicalValues {
  const { kernels } = workspace;
  const count = column.length;
  const { type } = column;
  const converted = (width: number, convert: (source: Address, count: number, out: Address) => unknown) => {
    const block = workspace.allocate(count * width + PADDING_BYTES);
    if (convert(column.data, count, block.address) === -1) {
      block.release();
      throw unwritable(leaf);
    }
    return fixed(count, width, block.address, [block]);
  };
  switch (type.kind) {
    case "null":
      return fixed(0, 4, column.data, []);
    case "bool":
      return { kind: "bits", count, width: 0, data: column.data, offsets: 0, blocks: [] };
    case "utf8":
    case "binary":
      return { kind: "bytes", count, width: 0, data: column.data, offsets: column.offsets, blocks: [] };
    case "int8":
      return converted(4, kernels.parquetWidenI8);
    case "uint8":
      return converted(4, kernels.parquetWidenU8);
    case "int16":
      return converted(4, kernels.parquetWidenI16);
    case "uint16":
      return converted(4, kernels.parquetWidenU16);
    case "decimal":
      if (leaf.physicalType === PhysicalType.int32) return converted(4, kernels.parquetDecimalTo32);
      if (leaf.physicalType === PhysicalType.int64) return converted(8, kernels.parquetDecimalTo64);
      return converted(16, kernels.parquetDecimalToBytes);
    case "interval":
      return converted(12, kernels.parquetEncodeIntervals);
    case "time":
    case "timestamp":
      if (type.unit !== "s") break;
      return byteWidth(type) === 4
        ? converted(4, kernels.parquetSecondsToMillis32)
        : converted(8, kernels.parquetSecondsToMillis64);
    default:
  }
  return fixed(count, byteWidth(type), column.data, []);
}

const fixed = (count: number, width: number, data: Address, blocks: readonly Block[]): PhysicalValues => ({
  kind: "fixed",
  count,
  width,
  data,
  offsets: 0,
  blocks,
});

function unwritable(leaf: WriteLeaf): EvaluationError {
  const column = leaf.path.join(".");
  return leaf.type.kind === "interval"
    ? new EvaluationError(
        "PARQUET_VALUE_UNWRITABLE",
        `Column "${column}" has an interval that is negative or finer than a millisecond, which Parquet cannot store.`,
        "Write the interval as numbers or text.",
      )
    : new EvaluationError(
        "PARQUET_VALUE_UNWRITABLE",
        `Column "${column}" has a time in seconds that overflows in milliseconds, the coarsest unit of Parquet.`,
        "Cast the column to another type before writing it.",
      );
}
