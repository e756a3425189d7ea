import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { InternalError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import { type DataType, float64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";

/** A numeric column as plain float64 (nearest values); the caller owns it. */
export function floatValues(workspace: Workspace, column: Column): Column {
  const plain = decodeDictionary(workspace, column);
  if (plain.type.kind === "float64") return plain;
  const data = workspace.allocate(plain.length * 8);
  const { words, type } = plain;
  if (words !== undefined && type.kind === "decimal") {
    workspace.kernels.decimalWordsToF64(words.address, 10 ** type.scale, plain.length, data.address);
  } else converter(workspace, type)(plain.data, plain.length, data.address);
  const values = columnOf(workspace, float64, plain.length, { data });
  if (plain.nullCount === 0) {
    plain.release();
    return values;
  }
  const { nullCount, validity } = plain;
  const withNulls = values.view(plain.length, { ...values.layout, nullCount, validity }, plain.retainBlocks());
  values.release();
  plain.release();
  return withNulls;
}

function converter({ kernels }: Workspace, type: DataType): (values: Address, length: number, out: Address) => void {
  switch (type.kind) {
    case "int8":
      return kernels.aggFloatI8;
    case "uint8":
      return kernels.aggFloatU8;
    case "int16":
      return kernels.aggFloatI16;
    case "uint16":
      return kernels.aggFloatU16;
    case "int32":
      return kernels.aggFloatI32;
    case "uint32":
      return kernels.aggFloatU32;
    case "int64":
      return kernels.aggFloatI64;
    case "uint64":
      return kernels.aggFloatU64;
    case "float32":
      return kernels.aggFloatF32;
    case "decimal":
      return (values, length, out) => kernels.aggFloatI128(values, length, 10 ** type.scale, out);
    default:
      throw new InternalError(`A ${type.kind} column is not numeric.`);
  }
}
