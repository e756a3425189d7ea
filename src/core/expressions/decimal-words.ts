import type { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";
import type { DecimalType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Frame } from "./frame.ts";
import type { Operand } from "./operand.ts";

/** Bits of a word beside its sign. */
const WORD_BITS = 63;

/** Kernel numbers of addition, subtraction and multiplication. */
export type WordOperation = 0 | 1 | 2;
const MULTIPLY = 2;

/** A decimal operand as int64 (one, if it is single), and a bound of its magnitude: |value| < 2^bits. */
export interface WordOperand {
  readonly address: Address;
  readonly bits: number;
  readonly isSingle: boolean;
}

/** The operand in words: a column that has them, or a single value that fits; undefined otherwise. */
export function wordsOf(workspace: Workspace, { column, isSingle }: Operand): WordOperand | undefined {
  const { words } = column;
  if (words !== undefined) return { address: words.address, bits: words.bits, isSingle };
  if (!isSingle || column.dictionary !== undefined || column.type.kind !== "decimal") return undefined;
  let known = singles.get(column);
  if (known === undefined) {
    known = singleWord(workspace, column.data);
    singles.set(column, known);
  }
  return known === "wide" ? undefined : known;
}

/** Constants are columns that serve every batch, so what they hold is looked up once. */
const singles = new WeakMap<Column, WordOperand | "wide">();

function singleWord({ i64 }: Workspace, address: Address): WordOperand | "wide" {
  const value = i64[address >>> 3];
  // The low word comes first, so it can be read in place.
  return i64[(address >>> 3) + 1] === value >> 63n ? { address, bits: bitLength(value), isSingle: true } : "wide";
}

/** Both operands in words, or undefined. */
export function wordPair(
  workspace: Workspace,
  left: Operand,
  right: Operand,
): readonly [WordOperand, WordOperand] | undefined {
  const a = wordsOf(workspace, left);
  const b = a && wordsOf(workspace, right);
  return a && b && [a, b];
}

/** 10^digits as a single operand that lasts as long as the frame; undefined where it is no word. */
export function powerOfTen(frame: Frame, digits: number): WordOperand | undefined {
  const value = 10n ** BigInt(digits);
  const bits = bitLength(value);
  if (bits > WORD_BITS) return undefined;
  const { address } = frame.allocate(8);
  frame.workspace.i64[address >>> 3] = value;
  return { address, bits, isSingle: true };
}

/**
 * A column of sums, differences or products, where no result can pass a word; undefined where one may.
 * Columns of words keep to the digits of their types, and so does the result: below 38 digits by the rules for the types
 * of results, at 38 because a word has only 19. The caller owns the column.
 */
export function wordArithmetic(
  frame: Frame,
  operation: WordOperation,
  type: DecimalType,
  left: WordOperand,
  right: WordOperand,
): Column | undefined {
  const bits = operation === MULTIPLY ? left.bits + right.bits : Math.max(left.bits, right.bits) + 1;
  if (bits > WORD_BITS) return undefined;
  const { workspace, rowCount } = frame;
  const out = frame.allocate(rowCount * 8);
  workspace.kernels.decimalWordsArithmetic(
    operation,
    left.address,
    left.isSingle,
    right.address,
    right.isSingle,
    out.address,
    rowCount,
  );
  return frame.strictWords(type, out, bits);
}

/** The least n with |value| < 2^n. */
export function bitLength(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  return magnitude === 0n ? 0 : magnitude.toString(2).length;
}
