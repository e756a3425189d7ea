/** What the aggregate kernels share: bits and group numbers. */
@inline
export function isNull(validity: usize, row: usize): bool {
  return validity != 0 && ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
}

@inline
export function groupAt(groups: usize, row: usize): usize {
  return <usize>load<u32>(groups + (row << 2));
}

@inline
export function putBit(bits: usize, row: usize, bit: bool): void {
  const at = bits + (row >> 3);
  if ((row & 7) == 0) store<u8>(at, <u8>bit);
  else store<u8>(at, load<u8>(at) | (<u8>bit << <u8>(row & 7)));
}
