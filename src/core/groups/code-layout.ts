/** Where the code of each part lies in a packed key. */
export interface CodeField {
  /** 0 or 1: the 8-byte word of the key. */
  readonly word: number;
  readonly shift: number;
  readonly bits: number;
}

export interface CodeLayout {
  /** 8-byte words of a key: 1 or 2. */
  readonly words: number;
  readonly fields: readonly CodeField[];
}

const WORD_BITS = 64;
const CODE_BITS = 32;
/** Codes of more bits than this are likely to grow on: they get a spare bit, which halves the repackings. */
const SPARE_FROM_BITS = 8;

/** Places codes of the given widths in one word, or else in two, none across both; undefined where they do not fit. */
export function layOutCodes(bits: readonly number[]): CodeLayout | undefined {
  const used = [0, 0];
  const isOneWord = bits.reduce((sum, width) => sum + width, 0) <= WORD_BITS;
  const fields: CodeField[] = [];
  // Widest first, so that the small ones fill the gaps.
  for (const part of [...bits.keys()].sort((a, b) => bits[b] - bits[a])) {
    const word = isOneWord || used[0] + bits[part] <= WORD_BITS ? 0 : 1;
    if (used[word] + bits[part] > WORD_BITS) return undefined;
    fields[part] = { word, shift: used[word], bits: bits[part] };
    used[word] += bits[part];
  }
  return { words: isOneWord ? 1 : 2, fields };
}

/** Bits for codes 0..count-1, where `present` bits are given already. */
export function bitsForCodes(count: number, present: number): number {
  const needed = count <= 1 ? 1 : 32 - Math.clz32(count - 1);
  if (needed <= present) return present;
  return needed > SPARE_FROM_BITS ? Math.min(needed + 1, CODE_BITS) : needed;
}
