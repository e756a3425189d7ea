import type { Column, DecimalWords } from "../column.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { EvaluationError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { type DataType, decimal, float64, formatType, int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { GroupedRows } from "./accumulator.ts";
import { FixedAccumulator, type MergeKernel } from "./fixed-accumulator.ts";

const LANE_BYTES = 128;
/** Sums of up to so many groups are kept in lanes that stay in the first cache. */
const MOST_FEW_GROUPS = 128;

type SumKernel = (
  groups: Address,
  values: Address,
  validity: Address,
  length: number,
  sign: number,
  state: Address,
) => void;

/** How sums of a type are kept: exactly in 64 or 192 bits, or as a float with its rounding error. */
interface SumLayout {
  readonly form: "narrow" | "wide" | "float";
  readonly stride: number;
  readonly countAt: number;
  readonly add: SumKernel;
  readonly merge: MergeKernel;
  /** Exact sums alone: floats that were added and subtracted again would leave their rounding behind. */
  readonly unmerge?: MergeKernel;
  /** Makes int64 values of narrower ones first. */
  readonly widen?: (values: Address, length: number, words: Address) => void;
}

/** sum(column): int64 for integers, decimal(38, s) for decimals, float64 for floats. */
export function sumType(type: DataType): DataType {
  if (type.kind === "decimal") return decimal(38, type.scale);
  return type.kind === "float32" || type.kind === "float64" ? float64 : int64;
}

/**
 * Sum, mean and count of a numeric column in one pass. Integers and decimals are summed exactly, so neither the order
 * of rows nor partial sums change a result, and only a final sum outside its type is an error (SUM_OVERFLOW).
 * Floats are summed in the order of rows with compensation; infinities and NaN follow IEEE 754.
 */
export class SumAccumulator extends FixedAccumulator {
  /** Floats are not: each sum is rounded. */
  readonly isAssociative: boolean;
  readonly #type: DataType;
  readonly #name: string;
  readonly #layout: SumLayout;
  /** float64 without groups: sums and errors by lane (kernels/aggregate-all.ts), and the lane of the next row. */
  #lanes: Block | undefined;
  #lanePhase = 0;

  /** `name` is the column's, for errors. */
  constructor(workspace: Workspace, type: DataType, name: string) {
    const layout = sumLayout(workspace, type);
    super(workspace, layout.stride, layout.merge, layout.unmerge);
    this.#type = type;
    this.#name = name;
    this.#layout = layout;
    this.isAssociative = layout.form !== "float";
  }

  update(rows: GroupedRows, columns: readonly Column[]): void {
    this.#add(rows, columns, 1);
  }

  retract(rows: GroupedRows, columns: readonly Column[]): void {
    this.#add(rows, columns, -1);
  }

  /** Null where no value was added. */
  sum(from: number, count: number): Column {
    const { kernels } = this.workspace;
    const state = this.recordsFrom(from, count);
    const type = sumType(this.#type);
    return this.resultColumn(type, type.kind === "decimal" ? 16 : 8, count, (out, validity) => {
      if (this.#layout.form === "narrow") kernels.aggSumNarrowResult(state, count, out, validity);
      else if (this.#layout.form === "float") kernels.aggSumFloatResult(state, count, out, validity);
      else {
        const read = type.kind === "decimal" ? kernels.aggSumWideToI128 : kernels.aggSumWideToI64;
        if (read(state, count, out, validity) >= 0) throw this.#overflow(type);
      }
    });
  }

  /** float64; null where no value was added. */
  mean(from: number, count: number): Column {
    const { kernels } = this.workspace;
    const state = this.recordsFrom(from, count);
    return this.resultColumn(float64, 8, count, (out, validity) => {
      if (this.#layout.form === "narrow") kernels.aggSumNarrowMean(state, count, out, validity);
      else if (this.#layout.form === "float") kernels.aggSumFloatMean(state, count, out, validity);
      else {
        const divisor = this.#type.kind === "decimal" ? 10 ** this.#type.scale : 1;
        kernels.aggSumWideMean(state, count, divisor, out, validity);
      }
    });
  }

  /** int64, never null. */
  count(from: number, count: number): Column {
    const { stride, countAt } = this.#layout;
    const state = this.recordsFrom(from, count);
    return this.resultColumn(int64, 8, count, (out, validity) => {
      this.workspace.kernels.aggField(state, stride, countAt, count, out);
      this.workspace.kernels.fillBytes(validity, 0xff, (count + 7) >>> 3);
    });
  }

  override release(): void {
    this.#lanes?.release();
    this.#lanes = undefined;
    this.#lanePhase = 0;
    super.release();
  }

  override reset(): void {
    this.release();
  }

  /** Results read the records, so the lanes have to be in by then. */
  protected override recordsFrom(from: number, count: number): Address {
    const records = super.recordsFrom(from, count);
    if (this.#lanes !== undefined) this.workspace.kernels.aggAllFoldLanes(this.#lanes.address, this.records.address);
    return records;
  }

  #add(rows: GroupedRows, [column]: readonly Column[], sign: number): void {
    const { groups, rowCount, groupCount } = rows;
    const state = this.records.ensure(groupCount);
    if (rowCount === 0) return;
    if (rows.isWhole && sign > 0 && this.#addWhole(column, rowCount, state)) return;
    if (column.nullCount === rowCount) return;
    const { add, widen } = this.#layout;
    const plain = decodeDictionary(this.workspace, column);
    // Sums of decimals in words are those of int64, and so are their records.
    if (plain.words !== undefined) this.#addWords(rows, plain, plain.words, sign, state);
    else if (widen === undefined) add(groups, plain.data, plain.validity, rowCount, sign, state);
    else {
      const words = this.workspace.allocate(rowCount * 8);
      widen(plain.data, rowCount, words.address);
      add(groups, words.address, plain.validity, rowCount, sign, state);
      words.release();
    }
    plain.release();
  }

  #addWords(rows: GroupedRows, { validity }: Column, words: DecimalWords, sign: number, state: Address): void {
    const { groups, rowCount, groupCount } = rows;
    const { kernels } = this.workspace;
    const sumBits = words.bits + 32 - Math.clz32(rowCount);
    const isFew = groupCount <= MOST_FEW_GROUPS && groupCount * 16 <= rowCount;
    if (sign > 0 && validity === 0 && isFew && sumBits <= 63) {
      const scratch = this.workspace.allocate(groupCount * 64);
      kernels.aggSumI64Few(groups, words.address, rowCount, groupCount, scratch.address, state);
      scratch.release();
    } else kernels.aggSumI64(groups, words.address, validity, rowCount, sign, state);
  }

  /** Adds all rows to the first record, without group numbers; false where the type has no such path. */
  #addWhole(column: Column, rowCount: number, record: Address): boolean {
    const { kernels } = this.workspace;
    const { validity, dictionary, nullCount, words } = column;
    if (dictionary !== undefined) return false;
    if (this.#type.kind === "decimal" && words === undefined) return false;
    const data = words?.address ?? column.data;
    switch (this.#type.kind) {
      case "int32":
        kernels.aggAllSumI32(data, validity, rowCount, record);
        break;
      case "int64":
      case "decimal":
        kernels.aggAllSumI64(data, validity, rowCount, record);
        break;
      case "float64":
        this.#lanes ??= this.workspace.allocateZeroed(LANE_BYTES);
        kernels.aggAllSumF64(data, validity, rowCount, this.#lanePhase, this.#lanes.address);
        this.#lanePhase = (this.#lanePhase + rowCount) & 7;
        break;
      default:
        return false;
    }
    this.workspace.i64[(record + this.#layout.countAt) / 8] += BigInt(rowCount - nullCount);
    return true;
  }

  #overflow(type: DataType): EvaluationError {
    return new EvaluationError(
      "SUM_OVERFLOW",
      `The sum of column "${this.#name}" does not fit ${formatType(type)} in some group.`,
      type.kind === "decimal"
        ? "Cast the column to float64 first."
        : "Cast the column to decimal(38,0) or float64 first.",
    );
  }
}

function sumLayout({ kernels }: Workspace, type: DataType): SumLayout {
  const { aggSumNarrowMerge, aggSumNarrowUnmerge, aggSumWideMerge, aggSumWideUnmerge } = kernels;
  const narrowKernels = { merge: aggSumNarrowMerge, unmerge: aggSumNarrowUnmerge };
  const narrow = { form: "narrow", stride: 16, countAt: 8, ...narrowKernels } as const;
  const wide = { form: "wide", stride: 32, countAt: 24, merge: aggSumWideMerge, unmerge: aggSumWideUnmerge } as const;
  const float = { form: "float", stride: 24, countAt: 16, merge: kernels.aggSumFloatMerge } as const;
  switch (type.kind) {
    case "int8":
      return { ...narrow, add: kernels.aggSumWords, widen: kernels.groupWidenI8 };
    case "uint8":
      return { ...narrow, add: kernels.aggSumWords, widen: kernels.groupWidenU8 };
    case "int16":
      return { ...narrow, add: kernels.aggSumWords, widen: kernels.groupWidenI16 };
    case "uint16":
      return { ...narrow, add: kernels.aggSumWords, widen: kernels.groupWidenU16 };
    case "uint32":
      return { ...narrow, add: kernels.aggSumWords, widen: kernels.groupWidenU32 };
    case "int64":
      return { ...wide, add: kernels.aggSumI64 };
    case "uint64":
      return { ...wide, add: kernels.aggSumU64 };
    case "decimal":
      return { ...wide, add: kernels.aggSumI128 };
    case "float32":
      return { ...float, add: kernels.aggSumF32 };
    case "float64":
      return { ...float, add: kernels.aggSumF64 };
    default:
      return { ...narrow, add: kernels.aggSumI32 };
  }
}
