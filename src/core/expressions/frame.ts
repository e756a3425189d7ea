import { Column } from "../column.ts";
import { bitmapBytes, columnOf } from "../columns/allocate.ts";
import { gatherColumn } from "../columns/gather.ts";
import { EvaluationError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth, type DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { formatExpression } from "./format.ts";
import type { ExpressionNode } from "./node.ts";
import type { Operand } from "./operand.ts";

/** Kernels on bitmaps and floats write whole vectors. */
const VECTOR_BYTES = 16;

/** Room for `byteLength` bytes and for kernels that write whole vectors. */
export const allocatePadded = (workspace: Workspace, byteLength: number): Block =>
  workspace.allocate(Math.ceil(byteLength / VECTOR_BYTES) * VECTOR_BYTES);

export const allocateBits = (workspace: Workspace, length: number): Block =>
  allocatePadded(workspace, bitmapBytes(length));

/**
 * One run of a routine: the number of rows, the combined validity of its arguments, and blocks that are released if it
 * fails.
 */
export class Frame {
  readonly workspace: Workspace;
  readonly rowCount: number;
  readonly source: ExpressionNode;
  /** Validity of the result of a strict routine, 0 where no row is null. */
  readonly validity: Address;
  readonly nullCount: number;
  readonly #blocks = new Set<Block>();
  readonly #columns: Column[] = [];
  #validityBlock: Block | undefined;

  constructor(workspace: Workspace, rowCount: number, source: ExpressionNode, strict: readonly Operand[] = []) {
    this.workspace = workspace;
    this.rowCount = rowCount;
    this.source = source;
    const nullable = strict.filter((operand) => !operand.isSingle && operand.column.nullCount > 0);
    const [first, second, ...rest] = nullable.map((operand) => operand.column);
    if (first === undefined) {
      this.validity = 0;
      this.nullCount = 0;
      return;
    }
    const block = allocateBits(workspace, rowCount);
    const { kernels } = workspace;
    if (second === undefined) {
      kernels.copyBytes(block.address, first.validity, bitmapBytes(rowCount));
      this.nullCount = first.nullCount;
    } else {
      kernels.bitmapAnd(first.validity, second.validity, rowCount, block.address);
      for (const column of rest) kernels.bitmapAnd(block.address, column.validity, rowCount, block.address);
      this.nullCount = rowCount - kernels.bitmapCount(block.address, rowCount);
    }
    this.validity = block.address;
    this.#validityBlock = block;
  }

  /** A block that the frame releases unless a column takes it over; padded to whole vectors. */
  allocate(byteLength: number): Block {
    const block = allocatePadded(this.workspace, byteLength);
    this.#blocks.add(block);
    return block;
  }

  /** Values of the result type for all rows. */
  allocateValues(type: DataType, rowCount = this.rowCount): Block {
    return this.allocate(type.kind === "bool" ? bitmapBytes(rowCount) : byteWidth(type) * rowCount);
  }

  /** Hands a block of `allocate` over to the caller. */
  take(block: Block): Block {
    this.#blocks.delete(block);
    return block;
  }

  /** Releases a block of `allocate` before the frame ends. */
  free(block: Block): void {
    this.take(block).release();
  }

  /** Keeps a column until the frame ends, then releases it. */
  keep(column: Column): Column {
    this.#columns.push(column);
    return column;
  }

  /** The operand as a column of `rowCount` rows, for routines that have no form for single values. */
  spread(operand: Operand): Column {
    return operand.isSingle ? this.keep(repeatRow(this.workspace, operand.column, this.rowCount)) : operand.column;
  }

  /** The result of a strict routine: the given blocks under the combined validity. */
  strictColumn(type: DataType, values: { data: Block; offsets?: Block }): Column {
    const blocks = [this.take(values.data)];
    if (values.offsets !== undefined) blocks.push(this.take(values.offsets));
    if (this.#validityBlock !== undefined) blocks.push(this.#validityBlock);
    this.#validityBlock = undefined;
    const layout = {
      nullCount: this.nullCount,
      validity: this.validity,
      data: values.data.address,
      offsets: values.offsets?.address ?? 0,
    };
    return new Column(type, this.rowCount, layout, blocks);
  }

  /** Like `strictColumn`, for decimals in words of at most `bits` bits. */
  strictWords(type: DataType, words: Block, bits: number): Column {
    const blocks = [this.take(words)];
    if (this.#validityBlock !== undefined) blocks.push(this.#validityBlock);
    this.#validityBlock = undefined;
    const { nullCount, validity, workspace } = this;
    const layout = { nullCount, validity, words: { address: words.address, bits, workspace } };
    return new Column(type, this.rowCount, layout, blocks);
  }

  /** A result with a validity bitmap of its own, which may turn out to have no nulls. */
  column(type: DataType, values: { data: Block; offsets?: Block; validity?: Block }): Column {
    for (const block of Object.values(values)) this.take(block);
    return columnOf(this.workspace, type, this.rowCount, values);
  }

  /** The expression as text. */
  get text(): string {
    return formatExpression(this.source);
  }

  overflow(row: number, type: string): EvaluationError {
    return new EvaluationError(
      "EXPRESSION_OVERFLOW",
      `The result of ${this.text} does not fit ${type} (row ${row} of the batch).`,
      "Cast an operand to a wider type first, for example .cast(int64) or .cast(float64).",
    );
  }

  close(): void {
    for (const block of this.#blocks) block.release();
    this.#blocks.clear();
    for (const column of this.#columns) column.release();
    this.#columns.length = 0;
    this.#validityBlock?.release();
    this.#validityBlock = undefined;
  }
}

/**
 * A column whose rows all equal the one row of `column`. Text becomes a dictionary of one entry.
 * The caller owns the result.
 */
export function repeatRow(workspace: Workspace, column: Column, rowCount: number): Column {
  const zeros = workspace.allocateZeroed(rowCount * 4);
  if ((column.type.kind === "utf8" || column.type.kind === "binary") && column.nullCount === 0) {
    return new Column(column.type, rowCount, { data: zeros.address, dictionary: column.retain() }, [zeros]);
  }
  try {
    return gatherColumn(workspace, column, zeros.address, rowCount);
  } finally {
    zeros.release();
  }
}
