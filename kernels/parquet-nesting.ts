// Repetition and definition levels to Arrow's nesting (Melnik et al., "Dremel", PVLDB 3(1), 2010).
// A slot of a node is an entry whose repetition level is at most `slotRepetition` (the repeated ancestors of the node)
// and whose definition level is at least `slotDefinition` (the level at which its nearest repeated ancestor has an element).

/**
 * Validity of a node's slots: bit = definition level >= `present`.
 *   repetitions  u8[count], or 0 where the column has no repetition levels
 *   out          receives the bits from bit 0 on; room for ceil(count / 8) bytes
 * Returns the number of slots.
 */
export function parquetSlotValidity(repetitions: usize, definitions: usize, count: i32, slotRepetition: i32, slotDefinition: i32, present: i32, out: usize): i32 {
  let slots: u32 = 0;
  let byte: u32 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const definition = <i32>load<u8>(definitions + i);
    if (definition < slotDefinition || (repetitions != 0 && <i32>load<u8>(repetitions + i) > slotRepetition)) continue;
    byte |= (<u32>(definition >= present)) << (slots & 7);
    slots++;
    if ((slots & 7) == 0) {
      store<u8>(out + (slots >> 3) - 1, <u8>byte);
      byte = 0;
    }
  }
  if ((slots & 7) != 0) store<u8>(out + (slots >> 3), <u8>byte);
  return <i32>slots;
}

/**
 * Offsets of a list node: one per slot and one at the end; an element is an entry with repetition <= slotRepetition + 1
 * and definition >= elementDefinition.
 *   offsets  room for i32[count + 1]
 * Returns the number of slots, or -1 where an element comes before the first slot.
 */
export function parquetListOffsets(repetitions: usize, definitions: usize, count: i32, slotRepetition: i32, slotDefinition: i32, elementDefinition: i32, offsets: usize): i32 {
  let slots: usize = 0;
  let elements = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const repetition = <i32>load<u8>(repetitions + i);
    const definition = <i32>load<u8>(definitions + i);
    if (repetition <= slotRepetition && definition >= slotDefinition) {
      store<i32>(offsets + (slots << 2), elements);
      slots++;
    }
    if (repetition <= slotRepetition + 1 && definition >= elementDefinition) {
      if (slots == 0) return -1;
      elements++;
    }
  }
  store<i32>(offsets + (slots << 2), elements);
  return <i32>slots;
}

/** How many of `count` levels equal `level`. */
export function parquetCountLevel(levels: usize, count: i32, level: i32): i32 {
  let found = 0;
  let i: usize = 0;
  const wanted = i8x16.splat(<i8>level);
  for (; i + 16 <= <usize>count; i += 16) {
    found += popcnt<i32>(i8x16.bitmask(i8x16.eq(v128.load(levels + i), wanted)));
  }
  for (; i < <usize>count; i++) found += <i32>(<i32>load<u8>(levels + i) == level);
  return found;
}
