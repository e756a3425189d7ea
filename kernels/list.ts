import { isNull } from "./aggregate-records";

/**
 * Elements of lists and maps, as indices into the column of elements.
 *   offsets   i32[length + 1]: where each row's elements begin and end
 *   validity  bitmap from bit 0, or 0 where no row is null; a null row has no elements, whatever its offsets say
 * NO_ROW (0xffffffff) stands for "no element", which gathers a null.
 */

const NO_ROW: u32 = 0xffffffff;

/** The elements of a row that is not null. */
// @ts-ignore: decorator
@inline
function sizeOf(offsets: usize, validity: usize, row: usize): i32 {
  if (isNull(validity, row)) return 0;
  const at = offsets + (row << 2);
  return load<i32>(at, 4) - load<i32>(at);
}

/**
 * The element at a position of each row's list, from 0; negative ones count from the end.
 *   positions          i32[length], or i32[1] with `isSingle`; null positions by `positionValidity`
 *   out                u32[length]
 */
export function listElements(
  offsets: usize,
  validity: usize,
  positions: usize,
  positionValidity: usize,
  isSingle: bool,
  length: i32,
  out: usize,
): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at: usize = isSingle ? 0 : row;
    const size = sizeOf(offsets, validity, row);
    const given = load<i32>(positions + (at << 2));
    const position = given < 0 ? given + size : given;
    const isThere = <u32>position < <u32>size && !isNull(positionValidity, at);
    store<u32>(out + (row << 2), isThere ? <u32>(load<i32>(offsets + (row << 2)) + position) : NO_ROW);
  }
}

/**
 * The first element of each row whose bit is set.
 *   bits, bitValidity  bitmaps over elements, bit 0 being element `base`
 *   out                u32[length]
 */
export function listFind(
  offsets: usize,
  validity: usize,
  bits: usize,
  bitValidity: usize,
  base: i32,
  length: i32,
  out: usize,
): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const start = load<i32>(offsets + (row << 2));
    const end = start + sizeOf(offsets, validity, row);
    let found = NO_ROW;
    for (let element = start; element < end; element++) {
      const bit = <usize>(element - base);
      if (((load<u8>(bits + (bit >>> 3)) >> <u8>(bit & 7)) & 1) == 0 || isNull(bitValidity, bit)) continue;
      found = <u32>element;
      break;
    }
    store<u32>(out + (row << 2), found);
  }
}

/**
 * Rows that unnesting gives, as running totals: ends u32[length]. With `keepsEmpty`, a row without elements gives one.
 * Returns the last of them.
 */
export function listUnnestEnds(offsets: usize, validity: usize, length: i32, keepsEmpty: bool, ends: usize): u32 {
  let total: u32 = 0;
  const least = keepsEmpty ? 1 : 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    total += <u32>max(sizeOf(offsets, validity, row), least);
    store<u32>(ends + (row << 2), total);
  }
  return total;
}

/**
 * `count` of the rows that unnesting gives, from number `first` on; `ends` are those of listUnnestEnds.
 *   rows      u32[count]: the row that each comes from
 *   elements  u32[count]: its element, or NO_ROW
 */
export function listUnnest(
  offsets: usize,
  validity: usize,
  ends: usize,
  length: i32,
  first: u32,
  count: i32,
  rows: usize,
  elements: usize,
): void {
  // The first row that ends past `first`.
  let low: usize = 0;
  let high: usize = <usize>length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<u32>(ends + (middle << 2)) <= first) low = middle + 1;
    else high = middle;
  }
  let position: u32 = low == 0 ? first : first - load<u32>(ends + ((low - 1) << 2));
  let written = 0;
  for (let row = low; written < count; row++, position = 0) {
    const size = <u32>sizeOf(offsets, validity, row);
    const start = <u32>load<i32>(offsets + (row << 2));
    const begin = row == 0 ? 0 : load<u32>(ends + ((row - 1) << 2));
    const given = load<u32>(ends + (row << 2)) - begin;
    for (; position < given && written < count; position++, written++) {
      store<u32>(rows + (<usize>written << 2), <u32>row);
      store<u32>(elements + (<usize>written << 2), position < size ? start + position : NO_ROW);
    }
  }
}
